"""``micacl.prepare`` and what a run makes of it: checked data, cached frames, and what goes wrong with both."""

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from tests.data.conftest import numbered_frame, read_numbers
from tests.runs import Outcome, compose_settings, read_table, run_here

from micacl.build.data import frame_cache_dir
from micacl.data.synthetic.encode import write_mp4
from micacl.prepare import main as prepare_main
from micacl.run_folder.images import THUMBNAILS_FILE, read_images
from micacl.run_folder.record import read_run

pytestmark = pytest.mark.usefixtures("no_pictures")

CLASSES = ("joy", "calm", "fury")
SMALL = (
    "cache.size=32", "dataset.size=16", "dataset.num_workers=0", "model.num_frames=4", "model.instance_length=2",
    "model.backbone.weights=null", "training=minutes", "training.epochs=1", "training.batch_size=4", "trainer=cpu",
    "trainer.precision=32-true", "logger=none",
)  # fmt: skip

Prepare = Callable[..., Outcome]


class Copy(NamedTuple):
    """A data set of one's own: 30 clips, six subjects."""

    root: Path
    cache: Path

    @property
    def options(self) -> list[str]:
        return ["dataset=folder", f"dataset.root={self.root}", f"cache.dir={self.cache}", "dataset.num_folds=3"]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    root = tmp_path / "my clips"
    rows = ["path,label,subject"]
    for number in range(30):
        name = f"videos/clip {number:02d}.mp4"
        (root / "videos").mkdir(parents=True, exist_ok=True)
        # Each clip is its own: the check would name copies.
        frames = np.stack([numbered_frame(shown + 8 * number, 64) for shown in range(16 + number % 5)])
        write_mp4(root / name, frames)
        rows.append(f"{name},{CLASSES[number % 3]},person {number // 5}")
    (root / "clips.csv").write_text("\n".join(rows) + "\n")
    return Copy(root, tmp_path / "cache")


@pytest.fixture
def prepare(copy: Copy) -> Prepare:
    return lambda *options: run_here([*copy.options, "cache.size=32", *options], prepare_main)


def train(copy: Copy, folder: Path, *options: str) -> tuple[Outcome, dict[str, Any]]:
    outcome = run_here([*copy.options, *SMALL, f"hydra.run.dir={folder}", *options])
    return outcome, json.loads((folder / "run.json").read_text())


def stored(copy: Copy) -> list[Path]:
    return sorted(copy.cache.rglob("*.npy"))


def test_prepared_data_is_verified_and_trained_on_from_the_cache(
    copy: Copy,
    prepare: Prepare,
    tmp_path: Path,
    small_network: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcome = prepare()
    assert outcome.status == 0, outcome.shown
    assert "Everything is as it should be" in outcome.shown
    assert len(stored(copy)) == 30
    (manifest,) = copy.cache.rglob("manifest.csv")
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    assert digest in outcome.shown.replace("\n", "")
    monkeypatch.setattr("micacl.data.frames.source.decode_frames", lambda *_: pytest.fail("a clip was decoded"))
    outcome, record = train(copy, tmp_path / "run")
    assert outcome.status == 0, outcome.shown
    assert (record["data_verified"], record["data_manifest"], record["data_reason"]) == (True, digest, "")
    thumbnails = read_images(read_run(tmp_path / "run"), THUMBNAILS_FILE)
    assert thumbnails.keys() == {row["clip"] for row in read_table(tmp_path / "run" / "predictions.csv")}
    for name, (picture,) in thumbnails.items():
        number = int(name.split()[-1])
        shown = np.asarray(Image.open(io.BytesIO(picture)))[None]
        # Cached at 32 pixels and enlarged: the bars of the number are still there.
        assert read_numbers(shown) == [(16 + number % 5) // 2 + 8 * number]
    assert "not verified" not in outcome.shown


def test_training_from_the_cache_is_training_on_the_decoded_clips(
    copy: Copy, prepare: Prepare, tmp_path: Path, small_network: None
) -> None:
    _, record = train(copy, tmp_path / "decoded")
    assert record["data_verified"] is False
    assert "run micacl.prepare" in record["data_reason"]
    assert prepare().status == 0
    assert train(copy, tmp_path / "cached")[0].status == 0
    decoded, cached = (read_table(tmp_path / run / "predictions.csv") for run in ("decoded", "cached"))
    assert decoded == cached


def test_a_check_alone_keeps_no_frames(copy: Copy, prepare: Prepare, tmp_path: Path, small_network: None) -> None:
    outcome = prepare("verify_only=true")
    assert outcome.status == 0, outcome.shown
    assert stored(copy) == []
    assert train(copy, tmp_path / "run")[1]["data_verified"] is True


def test_bad_clips_are_listed_and_never_dropped_silently(
    copy: Copy, prepare: Prepare, tmp_path: Path, small_network: None
) -> None:
    bad, missing, copied = (copy.root / "videos" / f"clip {number:02d}.mp4" for number in (3, 7, 11))
    bad.write_bytes(bad.read_bytes()[:-300])
    missing.unlink()
    shutil.copyfile(copy.root / "videos" / "clip 12.mp4", copied)
    outcome = prepare()
    assert outcome.status == 1
    assert "Traceback" not in outcome.shown
    (problems,) = copy.cache.rglob("problems.csv")
    listed = {(row["clip"], row["problem"]) for row in read_table(problems)}
    assert any("clip 03" in clip and problem == "cannot be decoded" for clip, problem in listed)
    assert any("clip 07" in clip and problem == "missing" for clip, problem in listed)
    assert {"clip 11", "clip 12"} & {clip for clip, _ in listed}
    assert len(stored(copy)) == 28
    missing.write_bytes((copy.root / "videos" / "clip 08.mp4").read_bytes())
    outcome, record = train(copy, tmp_path / "run")
    assert outcome.status == 1
    assert str(bad) in outcome.shown
    outcome, record = train(copy, tmp_path / "skipped", "dataset.on_error=skip")
    assert outcome.status == 0, outcome.shown
    assert record["data_verified"] is False
    assert [row["path"] for row in read_table(tmp_path / "skipped" / "skipped_clips.csv")] == [str(bad)]


def test_a_disk_without_room_is_refused_before_anything_is_written(
    copy: Copy, prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(copy.root)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=100_000))
    outcome = prepare()
    assert outcome.status == 1
    # 30 clips of 18 frames of 32x32, and a tenth
    assert "30 clips to decode need about 0.0 GB" in outcome.shown
    assert "set cache.dir to another disk" in outcome.shown
    assert stored(copy) == []


@pytest.mark.parametrize("option", ["cache.size=0", "cache.frames=0", "cache.frames=many", "cache.size=large"])
def test_cache_options_out_of_range_are_refused(option: str, prepare: Prepare) -> None:
    outcome = prepare(option)
    assert outcome.status == 1
    assert option.split("=")[1] in outcome.shown
    assert "Traceback" not in outcome.shown


def test_the_cache_lies_in_the_users_cache_folder_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: Path("/cache") / name)
    assert frame_cache_dir(compose_settings()) == Path("/cache/micacl/frames")
    assert frame_cache_dir(compose_settings("cache.dir=/elsewhere")) == Path("/elsewhere/frames")
