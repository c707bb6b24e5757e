"""Composes the settings of `micacl.train` from the same overrides."""

from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from micacl.cli.command import config_folder
from micacl.settings import Settings

# Two thousand clips with weak expressions. The classes follow DFEW's long tail, so disgust has 32 training clips.
DATA = (
    "dataset.synthetic.num_clips=2000",
    "dataset.synthetic.num_subjects=200",
    "dataset.synthetic.min_clips_per_class_and_fold=8",
    "dataset.synthetic.frame_size=64",
    "dataset.synthetic.strength=0.5",
)
# The training of everything after the backbone.
TRAINING = (
    "training.epochs=12",
    "training.batch_size=32",
    "training.learning_rate=1e-3",
    "training.warmup_epochs=1",
)


def compose_settings(overrides: Sequence[str]) -> Settings:
    """Composes the settings that `python -m micacl.train` would use, on the experiments' data."""
    ConfigStore.instance().store(name="schema", node=Settings)
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        settings = OmegaConf.to_object(compose("train", [*DATA, *TRAINING, *overrides]))
    assert isinstance(settings, Settings)
    return settings
