"""The types of every option, and what kind of option each is. The values are in conf/.

Hydra checks an option's value against its type here, so that ``seed=one`` is refused before anything runs. The kind of
an option is marked here once: what makes two runs two settings, what may differ when a run resumes, what an evaluation
takes over from a run, and what a report leaves out are all derived from it.
"""

import dataclasses
import functools
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, get_args, get_type_hints


class Kind(Enum):
    """Sorts options by what they decide. The first four make up the setting of a run: runs of several are compared."""

    NETWORK = "what the network is, what it sees and in which precision it computes"
    TRAINING = "how it is trained"
    DATA = "which clips and which frames of them there are"
    PROTOCOL = "which epoch is reported"
    RUN = "which run of a setting it is; runs are averaged over these, or have a table for each"
    MACHINE = "where and how fast it runs; what comes out is the same but for rounding"
    PLACE = "where files and records lie"

    @property
    def is_setting(self) -> bool:
        """Tells whether runs that differ in such an option are runs of different settings."""
        return self in (Kind.NETWORK, Kind.TRAINING, Kind.DATA, Kind.PROTOCOL)


# Marks an option, and all options below it that have no mark of their own.
_NETWORK, _TRAINING, _DATA, _PROTOCOL, _RUN, _MACHINE, _PLACE = ({"kind": kind} for kind in Kind)
# ``dataset=dfew`` says which data set a run is of, which has a table of its own; the options below it are the setting.
_DATA_SET = _DATA | {"group": Kind.RUN}


@dataclass
class BackboneSettings:
    weights: str | None


@dataclass
class GEIIMSettings:
    embedding_dim: int
    initial_alpha: float
    kernels: list[int]


@dataclass
class WIANSettings:
    weight_scale: str
    residual: bool


@dataclass
class AttentionSettings:
    num_heads: int


@dataclass
class ModelSettings:
    name: str
    num_frames: int
    instance_length: int
    backbone: BackboneSettings
    geiim: GEIIMSettings
    wian: WIANSettings
    attention: AttentionSettings


@dataclass
class ContrastiveSettings:
    form: str
    weighting: str
    scales: list[int]
    projection_dim: int
    base_temperature: float


@dataclass
class FocalSettings:
    gamma: float


@dataclass
class ClassBalancedSettings:
    beta: float


@dataclass
class LogitAdjustmentSettings:
    tau: float


@dataclass
class SupervisedContrastiveSettings:
    temperature: float
    projection_dim: int


@dataclass
class LossSettings:
    name: str
    label_smoothing: float
    intensity_weight: float
    augmentation_weight: float
    noise_scale: float
    contrastive_weight: float
    contrastive: ContrastiveSettings
    focal: FocalSettings
    class_balanced: ClassBalancedSettings
    logit_adjustment: LogitAdjustmentSettings
    supervised_contrastive: SupervisedContrastiveSettings


@dataclass
class AblationSettings:
    geiim: bool
    wian: bool
    mccl: bool = field(metadata=_TRAINING)


@dataclass
class TrainingSettings:
    epochs: int
    batch_size: int
    learning_rate: float
    min_learning_rate: float
    weight_decay: float
    warmup_epochs: float
    gradient_clip_norm: float


@dataclass
class TrainerSettings:
    accelerator: str
    devices: Any  # a number or "auto"
    num_nodes: int
    strategy: str
    precision: str = field(metadata=_NETWORK)  # it changes the figures a little, so it is part of the setting
    compile: bool
    checkpoint_minutes: float


@dataclass
class LoggerSettings:
    name: str
    project: str


@dataclass
class ProtocolSettings:
    name: str
    validation_fraction: float


@dataclass
class SyntheticSettings:
    num_clips: int
    num_subjects: int
    min_clips_per_class_and_fold: int
    frame_size: int
    strength: float
    seed: int


@dataclass
class DecodeSettings:
    backend: str
    device: str


@dataclass
class DatasetSettings:
    name: str
    root: str | None = field(metadata=_PLACE)
    train_list: str | None = field(metadata=_PLACE)
    test_list: str | None = field(metadata=_PLACE)
    class_names: list[str] | None
    num_folds: int
    subject_pattern: str | None
    size: int = field(metadata=_NETWORK)
    crop_scale: list[float] = field(metadata=_TRAINING)
    color_jitter: float = field(metadata=_TRAINING)
    sampler: str = field(metadata=_TRAINING)
    num_workers: Any = field(metadata=_MACHINE)  # a number or "auto"
    on_error: str
    decode: DecodeSettings = field(metadata=_MACHINE)
    synthetic: SyntheticSettings | None


@dataclass
class CacheSettings:
    dir: str | None = field(metadata=_PLACE)
    size: int
    frames: Any  # a number or "all"


@dataclass
class Settings:
    """The whole config of a run."""

    model: ModelSettings = field(metadata=_NETWORK)
    loss: LossSettings = field(metadata=_TRAINING)
    ablation: AblationSettings = field(metadata=_NETWORK)
    training: TrainingSettings = field(metadata=_TRAINING)
    trainer: TrainerSettings = field(metadata=_MACHINE)
    logger: LoggerSettings = field(metadata=_PLACE)
    protocol: ProtocolSettings = field(metadata=_PROTOCOL)
    dataset: DatasetSettings = field(metadata=_DATA_SET)
    cache: CacheSettings = field(metadata=_DATA)
    fold: int = field(metadata=_RUN)
    seed: int = field(metadata=_RUN)
    ckpt_path: str | None = field(metadata=_PLACE)


@dataclass
class PrepareSettings(Settings):
    """The config of a preparation."""

    verify_only: bool = field(metadata=_MACHINE)


@functools.cache
def kinds(schema: type = Settings) -> Mapping[str, Kind]:
    """The kind of every option by its full name, ``training.epochs``, and of every node with options below it."""
    return types.MappingProxyType({name: kind for name, kind, _ in _marks(schema, "", None)})


def kind_of(name: str) -> Kind | None:
    """The kind of an option; of one that this version does not know, the kind of the node that it lies in.

    Args:
        name: The full name, as a run's config has it.

    Returns:
        None where nothing of the name is known.
    """
    while name and name not in kinds():
        name = name.rpartition(".")[0]
    return kinds().get(name)


@functools.cache
def kind_of_override(name: str) -> Kind | None:
    """The kind of what ``name=...`` on the command line changes: an option, or the choice of a group.

    Returns:
        None where it is neither: a group that brings options of all kinds, such as ``experiment``.
    """
    return next((group for other, _, group in _marks(Settings, "", None) if other == name), None)


def _marks(schema: type, prefix: str, inherited: Kind | None) -> Iterator[tuple[str, Kind, Kind]]:
    """Name, kind of the option, and kind of an override of that name."""
    hints = get_type_hints(schema)
    for option in dataclasses.fields(schema):
        kind = option.metadata.get("kind", inherited)
        assert kind is not None, f"{prefix}{option.name} has no kind"
        yield prefix + option.name, kind, option.metadata.get("group", kind)
        for inner in get_args(hints[option.name]) or (hints[option.name],):
            if dataclasses.is_dataclass(inner):
                assert isinstance(inner, type)
                yield from _marks(inner, f"{prefix}{option.name}.", kind)
