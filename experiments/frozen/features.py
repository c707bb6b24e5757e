"""Features of every clip's instances, from a backbone that is not trained any further.

The backbone was trained on other drawn people (another seed of the built-in data, full strength, `ablation=a`), as a
stand-in for weights from Kinetics. Each training clip is drawn, sampled and augmented anew `NUM_VIEWS` times, as in
as many epochs; one more view is evaluation's.
"""

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from experiments.frozen.settings import compose_settings
from micacl.atomic import replacing
from micacl.build import build_network
from micacl.build_data import build_data, cache_key, frame_cache_dir
from micacl.cache_dir import cache_dir
from micacl.data.augment_batch import normalise
from micacl.data.augmentation import TrainingAugmentation
from micacl.data.cache.frames import CachedFrames
from micacl.data.dataset import EvaluationDataset, Sample, TrainingDataset
from micacl.data.split import Clip
from micacl.process import prepare_process
from micacl.settings import Settings

NUM_VIEWS = 12
WARM_START = Path("runs/experiments_warm_start")
# Trained with the classes equally often, so that the backbone itself knows no tail.
WARM_START_OPTIONS = (
    "ablation=a",
    "dataset.synthetic.seed=1",
    "dataset.synthetic.frame_size=64",
    "dataset.sampler=class_balanced",
    "training.epochs=3",
    "logger=none",
)


@dataclass(frozen=True)
class ClipFeatures:
    """The features of all clips of the data set.

    Attributes:
        clips: the N clips, by name.
        views_VNTC: X of V augmented views, float32.
        plain_NTC: X of the view that evaluation sees.
    """

    clips: tuple[Clip, ...]
    views_VNTC: NDArray[np.float32]
    plain_NTC: NDArray[np.float32]

    def rows(self, clips: tuple[Clip, ...]) -> NDArray[np.int64]:
        """Where these clips are."""
        row = {clip.name: number for number, clip in enumerate(self.clips)}
        return np.array([row[clip.name] for clip in clips])


def warm_start() -> Path:
    """The shared weights; trained first where they are missing."""
    weights = WARM_START / "checkpoints" / "best.safetensors"
    if not weights.is_file():
        command = [sys.executable, "-m", "micacl.train", *WARM_START_OPTIONS, f"hydra.run.dir={WARM_START}"]
        subprocess.run(command, check=True)
    return weights


def load_features() -> ClipFeatures:
    """The features, computed once and kept in the cache folder."""
    settings = compose_settings([f"model.backbone.weights={warm_start()}", "fold=1"])
    data = build_data(settings)
    clips = tuple(sorted((*data.split.train, *data.split.test), key=lambda clip: clip.name))
    frames = frame_cache_dir(settings) / cache_key(settings).folder_name
    digest = hashlib.sha256(frames.name.encode() + warm_start().read_bytes()).hexdigest()[:12]
    file = cache_dir(settings) / "experiments" / f"features-{digest}-{NUM_VIEWS}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary, temporary.open("wb") as stream:
            np.save(stream, _compute(settings, clips, CachedFrames(frames, settings.cache.size)))
    features = np.load(file, mmap_mode="r")
    return ClipFeatures(clips, features[:-1], features[-1])


@torch.no_grad()
def _compute(settings: Settings, clips: tuple[Clip, ...], source: CachedFrames) -> NDArray[np.float32]:
    """X of every view, then of the plain one: V+1,N,T,C."""
    prepare_process()
    network = build_network(settings, num_classes=7).eval()
    frames, size, dataset = settings.model.num_frames, settings.dataset.size, settings.dataset
    augmentation = TrainingAugmentation(dataset.crop_scale, dataset.color_jitter)
    training = TrainingDataset(clips, source, frames, size, augmentation, seed=0)
    views = []
    for view in range(NUM_VIEWS + 1):
        training.set_epoch(view)
        chosen: Dataset[Sample] = training if view < NUM_VIEWS else EvaluationDataset(clips, source, frames, size)
        loader = DataLoader(chosen, batch_size=50, num_workers=1)
        views.append(torch.cat([network.encode(normalise(batch["clip"])) for batch in loader]).float().numpy())
        print(f"features of view {view + 1} of {NUM_VIEWS + 1}", flush=True)
    return np.stack(views)
