"""Computes the features of every clip's instances with a backbone that is frozen as a whole or up to its last stage.

The backbone was trained on other drawn people (another seed of the built-in data, full strength, `ablation=a`), as a
substitute for weights from Kinetics. Each training clip is sampled and augmented `NUM_VIEWS` times, as in as many
epochs; one more view is the one that evaluation sees.
"""

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset

from experiments.frozen.settings import compose_settings
from micacl.build.cache_dir import cache_dir
from micacl.build.data import build_data, cache_key, frame_cache_dir
from micacl.build.network import build_network
from micacl.data.augmentation import TrainingAugmentation, normalize
from micacl.data.cache.source import CachedFrames
from micacl.data.dataset import EvaluationDataset, Sample, TrainingDataset
from micacl.data.split import Clip
from micacl.files import replacing
from micacl.models import MICACL, R3DBackbone
from micacl.process.setup import prepare_process
from micacl.settings import Settings

# The shape of an instance of two 32x32 frames after stage 3: channels, frames, height, width.
STAGE_3_SHAPE = (256, 1, 4, 4)
# The number of augmented views of each clip, by the number of frozen stages.
NUM_VIEWS = {4: 12, 3: 8}
WARM_START = Path("runs/experiments_warm_start")
# The backbone sees all classes equally often, so that it has not learned from a long tail itself.
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
        clips: The N clips, by name.
        frozen_stages: The number of the backbone's stages that computed the features: all 4, pooled, or 3.
        views_VNTC: The features of V augmented views: X for 4 stages; the last stage's input, flattened, for 3.
        plain_NTC: The features of the view that evaluation sees.
    """

    clips: tuple[Clip, ...]
    frozen_stages: int
    views_VNTC: NDArray[np.floating]
    plain_NTC: NDArray[np.floating]

    def rows(self, clips: tuple[Clip, ...]) -> NDArray[np.int64]:
        """Returns the indices of these clips."""
        row = {clip.name: number for number, clip in enumerate(self.clips)}
        return np.array([row[clip.name] for clip in clips])


def warm_start() -> Path:
    """Returns the file of the shared weights, after training them if they are missing."""
    weights = WARM_START / "checkpoints" / "best.safetensors"
    if not weights.is_file():
        command = [sys.executable, "-m", "micacl.train", *WARM_START_OPTIONS, f"hydra.run.dir={WARM_START}"]
        subprocess.run(command, check=True)
    return weights


def load_features(frozen_stages: int = 4) -> ClipFeatures:
    """Loads the features from the cache folder, after computing them if they are missing."""
    settings = compose_settings([f"model.backbone.weights={warm_start()}", "fold=1"])
    data = build_data(settings)
    clips = tuple(sorted((*data.split.train, *data.split.test), key=lambda clip: clip.name))
    frames = frame_cache_dir(settings) / cache_key(settings).folder_name
    digest = hashlib.sha256(frames.name.encode() + warm_start().read_bytes()).hexdigest()[:12]
    stage = "" if frozen_stages == 4 else f"-stage{frozen_stages}"
    file = cache_dir(settings) / "experiments" / f"features-{digest}-{NUM_VIEWS[frozen_stages]}{stage}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary, temporary.open("wb") as stream:
            np.save(stream, _compute(settings, clips, CachedFrames(frames, settings.cache.size), frozen_stages))
    features = np.load(file, mmap_mode="r")
    return ClipFeatures(clips, frozen_stages, features[:-1], features[-1])


def trained_stages(backbone: R3DBackbone, frozen_stages: int) -> nn.Module:
    """Returns the part of the backbone after its frozen stages."""
    if frozen_stages == 4:
        return nn.Identity()
    return nn.Sequential(nn.Unflatten(1, STAGE_3_SHAPE), backbone.layer4, backbone.avgpool, nn.Flatten())


@torch.no_grad()
def _compute(
    settings: Settings, clips: tuple[Clip, ...], source: CachedFrames, frozen_stages: int
) -> NDArray[np.floating]:
    """Computes every augmented view, then the plain one; the last stage's inputs in half precision, to save memory."""
    prepare_process()
    network = build_network(settings, num_classes=7)
    assert isinstance(network, MICACL)
    network.eval()
    if frozen_stages == 3:
        network.backbone.layer4 = network.backbone.avgpool = nn.Identity()
    frames, size, dataset = settings.model.num_frames, settings.dataset.size, settings.dataset
    augmentation = TrainingAugmentation(dataset.crop_scale, dataset.color_jitter)
    training = TrainingDataset(clips, source, frames, size, augmentation, seed=0)
    dtype = torch.float32 if frozen_stages == 4 else torch.float16
    num_views, views = NUM_VIEWS[frozen_stages], []
    for view in range(num_views + 1):
        training.set_epoch(view)
        chosen: Dataset[Sample] = training if view < num_views else EvaluationDataset(clips, source, frames, size)
        loader = DataLoader(chosen, batch_size=50, num_workers=1)
        encoded = [network.encode(normalize(batch["clip"])).to(dtype) for batch in loader]
        views.append(torch.cat(encoded).numpy())
        print(f"features of view {view + 1} of {num_views + 1}", flush=True)
    return np.stack(views)
