"""The pictures show the counts that scikit-learn finds, and hostile runs are drawn or refused, never half drawn."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.image import imread
from sklearn.metrics import confusion_matrix
from tests.run_folders import CLASS_NAMES, HOSTILE_NAMES, write_record, write_run
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from micacl.errors import UserError
from micacl.reporting.one_run.confusion import confusion_figure
from micacl.reporting.one_run.embedding import embed, perplexity
from micacl.reporting.one_run.figures import save_figures
from micacl.reporting.one_run.tsne import tsne_figure
from micacl.run_folder.features import FEATURES_FILE
from micacl.run_folder.names import CONFUSION_MATRIX_FILE, TSNE_FILE
from micacl.run_folder.predictions import PREDICTIONS_FILE

CLIPS = [12, 10, 14, 11, 7, 2, 5]


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """A figure that makes numpy or matplotlib warn has a fault in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """t-SNE's threads wait by spinning: with tests in parallel, seconds for a few points."""
    with threadpool_limits(1):
        yield


def texts(figure: Figure) -> list[str]:
    axes = figure.axes[0]
    return [text.get_text() for text in axes.texts]


def test_confusion_shows_counts_and_shares(tmp_path: Path) -> None:
    figure = confusion_figure(write_run(tmp_path, CLIPS))
    table = np.genfromtxt(tmp_path / PREDICTIONS_FILE, delimiter=",", dtype=str, skip_header=1)
    counts = confusion_matrix(table[:, 1], table[:, 2], labels=CLASS_NAMES)
    shares = confusion_matrix(table[:, 1], table[:, 2], labels=CLASS_NAMES, normalize="true")
    np.testing.assert_allclose(np.asarray(figure.axes[0].images[0].get_array()), shares)
    expected = [f"{n}\n{100 * share:.1f}%" for n, share in zip(counts.ravel(), shares.ravel(), strict=True) if n]
    assert texts(figure) == expected
    war = 100 * np.trace(counts) / counts.sum()
    uar = 100 * np.diagonal(shares).mean()
    assert "last epoch" in figure.axes[0].get_title()
    assert figure.get_suptitle() == f"WAR {war:.2f}%    UAR {uar:.2f}%"
    ticks = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert ticks == [f"{name} ({n})" for name, n in zip(CLASS_NAMES, CLIPS, strict=True)]


def test_confusion_names_a_class_without_clips(tmp_path: Path) -> None:
    figure = confusion_figure(write_run(tmp_path, [12, 10, 14, 0, 7, 2, 5]))
    assert texts(figure)[-1] == "no test clip"
    assert len(figure.axes[0].patches) == 1


@pytest.mark.parametrize("class_names", [HOSTILE_NAMES, ["only"], [f"class {k}" for k in range(18)]])
def test_any_names_and_numbers_of_classes(tmp_path: Path, class_names: list[str]) -> None:
    folder = write_run(tmp_path, [6] + [1] * (len(class_names) - 1), class_names, setting="x" * 300)
    for path in save_figures(folder):
        assert imread(path).shape[1] < 10_000


def test_both_figures_are_saved_at_150_dpi_over_old_ones(tmp_path: Path) -> None:
    folder = write_run(tmp_path, CLIPS)
    before = {path.name for path in folder.iterdir()}
    (folder / TSNE_FILE).write_text("old")
    paths = save_figures(folder)
    assert paths == [folder / CONFUSION_MATRIX_FILE, folder / TSNE_FILE]
    assert {path.name for path in folder.iterdir()} - before == {CONFUSION_MATRIX_FILE, TSNE_FILE}
    for path in paths:
        height, width, _ = imread(path).shape
        assert height > 900
        assert width > 1200
    assert plt.get_fignums() == [], "pyplot keeps every figure that it has heard of"


def test_tsne_is_the_same_twice_and_keeps_neighbors(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(3), 12)
    features = (rng.normal(size=(36, 512)) + 20 * np.eye(512)[label]).astype(np.float32)
    first = embed(features)
    np.testing.assert_array_equal(first, embed(features.copy()))
    distances = np.linalg.norm(first[:, None] - first[None], axis=-1) + 1e9 * np.eye(36)
    assert (label[distances.argmin(axis=1)] == label).all()
    # Neither an offset nor a scale changes who is near whom, however extreme.
    for extreme in (features * np.float32(1e30), features * np.float32(1e-30), features + np.float32(1000)):
        assert np.isfinite(embed(extreme)).all()


@pytest.mark.parametrize(("clips", "expected"), [(5, 4 / 3), (31, 10), (91, 30), (2341, 30)])
def test_perplexity(clips: int, expected: float) -> None:
    assert perplexity(clips) == pytest.approx(expected)


def test_tsne_states_how_it_was_made(tmp_path: Path) -> None:
    axes = tsne_figure(write_run(tmp_path, [12, 10, 14, 11, 7, 0, 5])).axes[0]
    assert "perplexity 19.33" in axes.get_xlabel()
    assert "59 test clips" in axes.get_xlabel()
    legend = axes.get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[5] == "disgust, no test clip"
    with np.load(tmp_path / FEATURES_FILE) as arrays:
        right = int(((arrays["label"] == 0) & (arrays["prediction"] == 0)).sum())
        wrong = int((arrays["label"] != arrays["prediction"]).sum())
    assert labels[0] == f"happiness, {right} of 12 correct"
    points = [np.ma.getdata(collection.get_offsets()) for collection in axes.collections]
    assert sum(len(group) for group in points[1::2]) == wrong
    assert sum(len(group) for group in points) == 59


@pytest.mark.parametrize("clips", [0, 1, 4])
def test_too_few_clips_for_tsne(tmp_path: Path, clips: int) -> None:
    write_record(tmp_path)
    arrays = {"features": np.ones((clips, 512)), "label": np.zeros(clips, int), "prediction": np.zeros(clips, int)}
    np.savez(tmp_path / FEATURES_FILE, **arrays)  # type: ignore[arg-type]
    (text,) = texts(tsne_figure(tmp_path))
    assert " ".join(text.split()) == f"t-SNE needs at least 5 clips; this run has {clips}."


@pytest.mark.parametrize("clips", [5, 6])
def test_just_enough_clips_for_tsne(tmp_path: Path, clips: int) -> None:
    assert "t-SNE of" in tsne_figure(write_run(tmp_path, [clips - 1, 1], ["a", "b"])).axes[0].get_xlabel()


def test_features_that_are_all_alike(tmp_path: Path) -> None:
    write_record(tmp_path)
    np.savez(tmp_path / FEATURES_FILE, features=np.full((9, 512), 0.1), label=[0] * 9, prediction=[1] * 9)
    assert "alike" in texts(tsne_figure(tmp_path))[0]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"features": np.full((6, 4), np.nan)}, "6 of 6 clips are not finite"),
        ({"features": np.array([[1.0, 2.0]] * 5 + [[1.0, np.inf]])}, "1 of 6 clips are not finite"),
        ({"features": np.zeros(6)}, "not of the same clips"),
        ({"features": np.zeros((5, 4))}, "not of the same clips"),
        ({"label": np.array([0, 1, 2, 3, 4, 7])}, "none of its classes"),
        ({"prediction": np.array([0, 1, 2, 3, 4, -1])}, "none of its classes"),
        ({"label": np.array([None] * 6)}, "cannot be read"),
    ],
)
def test_features_that_do_not_fit(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    write_record(tmp_path)
    good = {"features": np.zeros((6, 4)), "label": np.zeros(6, int), "prediction": np.zeros(6, int)}
    np.savez(tmp_path / FEATURES_FILE, **(good | arrays))
    with pytest.raises(UserError) as caught:
        tsne_figure(tmp_path)
    assert message in str(caught.value)


def test_damaged_or_missing_features(tmp_path: Path) -> None:
    write_record(tmp_path, status="running", results=None)
    path = tmp_path / FEATURES_FILE
    with pytest.raises(UserError, match=r"features\.npz is missing: the run \(running\)"):
        tsne_figure(tmp_path)
    np.savez(path, features=np.zeros((6, 4)))
    with pytest.raises(UserError, match="label is not a file in the archive"):
        tsne_figure(tmp_path)
    whole = path.read_bytes()
    array = io.BytesIO()
    np.save(array, np.zeros((6, 4)))
    for content in (b"", b"not an archive", whole[: len(whole) // 2], array.getvalue()):
        path.write_bytes(content)
        with pytest.raises(UserError, match="is damaged"):
            tsne_figure(tmp_path)
