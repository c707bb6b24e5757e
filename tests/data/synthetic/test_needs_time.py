"""The class is in the motion: a classifier that sees one frame does much worse than one that sees the clip."""

import csv

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import recall_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from micacl.data.synthetic.generate import prepare
from micacl.data.synthetic.recipe import Recipe

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

# Thirty clips of each class, so that chance is 1/7.
BALANCED = Recipe(num_clips=210, num_subjects=35, min_clips_per_class_and_fold=6, frame_size=64)
FRAMES_PER_CLIP = 16
SIDE = 24


@pytest.fixture(scope="module")
def thumbnails(tmp_path_factory: pytest.TempPathFactory) -> tuple[FloatArray, IntArray, IntArray]:
    """Grey thumbnails of shape (clips, 16, SIDE * SIDE) at zero mean and unit contrast, labels, and folds."""
    import decord

    folder = prepare(BALANCED, tmp_path_factory.mktemp("cache"), num_workers=2)
    with (folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    clips = []
    for row in rows:
        reader = decord.VideoReader(str(folder / row["path"]))
        frames = reader.get_batch(np.linspace(0, len(reader) - 1, FRAMES_PER_CLIP).astype(int)).asnumpy()
        clips.append([_thumbnail(frame) for frame in frames])
    x = np.array(clips, dtype=np.float32).reshape(len(rows), FRAMES_PER_CLIP, -1)
    x = (x - x.mean(axis=-1, keepdims=True)) / (x.std(axis=-1, keepdims=True) + 5)
    return x, np.array([int(row["label"]) for row in rows]), np.array([int(row["fold"]) for row in rows])


def _thumbnail(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _uar(features: FloatArray, labels: IntArray, folds: IntArray) -> float:
    """UAR of one and the same classifier over the subject-disjoint folds."""
    classifier = make_pipeline(
        StandardScaler(), PCA(60, random_state=0), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    )
    # On matrices this small, threads only wait for each other.
    with threadpool_limits(1):
        predicted = cross_val_predict(classifier, features, labels, groups=folds, cv=LeaveOneGroupOut())
    return float(recall_score(labels, predicted, average="macro"))


@pytest.mark.slow
def test_one_random_frame_is_clearly_worse_than_the_clip(
    thumbnails: tuple[FloatArray, IntArray, IntArray],
) -> None:
    x, labels, folds = thumbnails
    rng = np.random.default_rng(0)
    draws = [x[np.arange(len(x)), rng.integers(0, FRAMES_PER_CLIP, len(x))] for _ in range(5)]
    one_frame = float(np.mean([_uar(draw, labels, folds) for draw in draws]))

    # The clip: how far each pixel rises and falls from what it is at rest, at the ends of the clip.
    at_rest = np.median(x[:, [0, 1, -2, -1]], axis=1, keepdims=True)
    change = x - at_rest
    clip = _uar(np.concatenate([change.max(axis=1), change.min(axis=1)], axis=1), labels, folds)

    assert clip > one_frame + 0.15, (clip, one_frame)
    assert clip > 0.35
