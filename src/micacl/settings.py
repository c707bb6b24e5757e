"""The types of every option. The values are in conf/.

Hydra checks an option's value against its type here, so that ``seed=one`` is refused before anything runs.
"""

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING


@dataclass
class BackboneSettings:
    weights: str | None = MISSING


@dataclass
class GEIIMSettings:
    embedding_dim: int = MISSING
    initial_alpha: float = MISSING
    kernels: list[int] = MISSING


@dataclass
class WIANSettings:
    weight_scale: str = MISSING
    residual: bool = MISSING


@dataclass
class AttentionSettings:
    num_heads: int = MISSING


@dataclass
class ModelSettings:
    name: str = MISSING
    num_frames: int = MISSING
    instance_length: int = MISSING
    backbone: BackboneSettings = MISSING
    geiim: GEIIMSettings = MISSING
    wian: WIANSettings = MISSING
    attention: AttentionSettings = MISSING


@dataclass
class ContrastiveSettings:
    form: str = MISSING
    weighting: str = MISSING
    scales: list[int] = MISSING
    projection_dim: int = MISSING
    base_temperature: float = MISSING


@dataclass
class FocalSettings:
    gamma: float = MISSING


@dataclass
class ClassBalancedSettings:
    beta: float = MISSING


@dataclass
class LogitAdjustmentSettings:
    tau: float = MISSING


@dataclass
class SupervisedContrastiveSettings:
    temperature: float = MISSING
    projection_dim: int = MISSING


@dataclass
class LossSettings:
    name: str = MISSING
    label_smoothing: float = MISSING
    intensity_weight: float = MISSING
    augmentation_weight: float = MISSING
    noise_scale: float = MISSING
    contrastive_weight: float = MISSING
    contrastive: ContrastiveSettings = MISSING
    focal: FocalSettings = MISSING
    class_balanced: ClassBalancedSettings = MISSING
    logit_adjustment: LogitAdjustmentSettings = MISSING
    supervised_contrastive: SupervisedContrastiveSettings = MISSING


@dataclass
class AblationSettings:
    geiim: bool = MISSING
    wian: bool = MISSING
    mccl: bool = MISSING


@dataclass
class TrainingSettings:
    epochs: int = MISSING
    batch_size: int = MISSING
    learning_rate: float = MISSING
    min_learning_rate: float = MISSING
    weight_decay: float = MISSING
    warmup_epochs: float = MISSING
    gradient_clip_norm: float = MISSING


@dataclass
class TrainerSettings:
    accelerator: str = MISSING
    devices: Any = MISSING  # a number or "auto"
    num_nodes: int = MISSING
    strategy: str = MISSING
    precision: str = MISSING
    compile: bool = MISSING
    checkpoint_minutes: float = MISSING


@dataclass
class LoggerSettings:
    name: str = MISSING
    project: str = MISSING


@dataclass
class ProtocolSettings:
    name: str = MISSING
    validation_fraction: float = MISSING


@dataclass
class SyntheticSettings:
    num_clips: int = MISSING
    num_subjects: int = MISSING
    min_clips_per_class_and_fold: int = MISSING
    frame_size: int = MISSING
    strength: float = MISSING
    seed: int = MISSING


@dataclass
class DecodeSettings:
    backend: str = MISSING
    device: str = MISSING


@dataclass
class DatasetSettings:
    name: str = MISSING
    root: str | None = MISSING
    train_list: str | None = MISSING
    test_list: str | None = MISSING
    class_names: list[str] | None = MISSING
    num_folds: int = MISSING
    subject_pattern: str | None = MISSING
    size: int = MISSING
    crop_scale: list[float] = MISSING
    color_jitter: float = MISSING
    sampler: str = MISSING
    num_workers: Any = MISSING  # a number or "auto"
    on_error: str = MISSING
    decode: DecodeSettings = MISSING
    synthetic: SyntheticSettings | None = MISSING


@dataclass
class CacheSettings:
    dir: str | None = MISSING
    size: int = MISSING
    frames: Any = MISSING  # a number or "all"


@dataclass
class Settings:
    """The whole config of a run."""

    model: ModelSettings = MISSING
    loss: LossSettings = MISSING
    ablation: AblationSettings = MISSING
    training: TrainingSettings = MISSING
    trainer: TrainerSettings = MISSING
    logger: LoggerSettings = MISSING
    protocol: ProtocolSettings = MISSING
    dataset: DatasetSettings = MISSING
    cache: CacheSettings = MISSING
    fold: int = MISSING
    seed: int = MISSING
    ckpt_path: str | None = MISSING


@dataclass
class PrepareSettings(Settings):
    """The config of a preparation."""

    verify_only: bool = MISSING
