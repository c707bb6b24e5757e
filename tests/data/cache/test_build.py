"""Checks the cache against decoding in order, when nothing goes wrong and when everything does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from micacl.data.cache.build import build, cached_names
from micacl.data.cache.clip_info import ClipInfo
from micacl.data.cache.layout import JOURNAL_NAME, CacheKey, clip_file
from micacl.data.cache.parallel import find_undecodable
from micacl.data.cache.source import CachedFrames
from micacl.data.cache.store import Target, store_clip
from micacl.data.frames.source import DecodedFrames
from micacl.data.split import Clip
from micacl.errors import DecodeError, UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tests.data.conftest import WriteVideo

    Frames = NDArray[np.uint8]

SIZE = 64


def key(root: Path, frames: int | str = "all") -> CacheKey:
    return CacheKey("folder", str(root), SIZE, frames)


def everything(num_frames: int) -> NDArray[np.int64]:
    return np.arange(num_frames)


@pytest.fixture
def clips(tmp_path: Path, write_video: WriteVideo, draw_frame: Callable[[int, int], Frames]) -> list[Clip]:
    """Makes videos of several lengths, one longer than a chunk, and a folder of frames with an awkward name."""
    root = tmp_path / "data"
    found = [
        Clip(f"videos/{number}", write_video(root / f"{number}.mp4", number), 0) for number in (1, 5, 63, 64, 65, 130)
    ]
    folder = root / "Überraschung 1"
    folder.mkdir()
    for number in range(7):
        Image.fromarray(draw_frame(number, SIZE)).save(folder / f"{number}.png")
    return [*found, Clip("Überraschung 1", folder, 1)]


def test_the_cache_holds_every_frame_of_every_clip(
    clips: list[Clip],
    tmp_path: Path,
    decode_in_order: Callable[[Path], Frames],
    frame_numbers: Callable[..., list[int]],
) -> None:
    infos = build(clips, tmp_path / "cache", key(tmp_path), num_workers=2)
    cached = CachedFrames(tmp_path / "cache" / key(tmp_path).folder_name, SIZE)
    assert infos.keys() == {clip.name for clip in clips}
    for clip in clips:
        frames = cached.read(clip, everything)
        assert frames.dtype == np.uint8
        assert len(frames) == infos[clip.name].num_frames
        assert (infos[clip.name].height, infos[clip.name].width) == (SIZE, SIZE)
        assert not infos[clip.name].reason
        assert frame_numbers(frames) == list(range(len(frames)))
        for source in (cached, DecodedFrames(SIZE)):
            some_rows = source.read(clip, everything, lambda size: slice(size // 4, size - 3))
            assert (some_rows == frames[:, SIZE // 4 : SIZE - 3]).all()
        if clip.path.is_file():
            assert abs(frames.astype(int) - decode_in_order(clip.path)).max() <= 2
    picked = np.array([0, 0, 3, 64, 129])
    assert frame_numbers(cached.read(clips[5], lambda _: picked)) == picked.tolist()


def test_a_second_call_does_nothing_again_and_a_changed_clip_is_done_again(
    clips: list[Clip], tmp_path: Path, write_video: WriteVideo
) -> None:
    first = build(clips, tmp_path / "cache", key(tmp_path), num_workers=1)
    folder = tmp_path / "cache" / key(tmp_path).folder_name
    files = {clip.name: clip_file(folder, clip.name) for clip in clips}
    before = {name: path.stat().st_ino for name, path in files.items()}
    write_video(clips[1].path, 9)
    files[clips[2].name].unlink()
    second = build(clips, tmp_path / "cache", key(tmp_path), num_workers=1)
    changed = {name for name, path in files.items() if path.stat().st_ino != before[name]}
    assert changed == {clips[1].name, clips[2].name}
    assert second[clips[1].name].num_frames == 9
    assert second[clips[1].name].content_hash != first[clips[1].name].content_hash
    assert {**first, clips[1].name: second[clips[1].name]} == second


def test_numpy_reads_the_files_too(clips: list[Clip], tmp_path: Path) -> None:
    for frames in ("all", 13):
        folder = tmp_path / "cache" / key(tmp_path, frames).folder_name
        build(clips, tmp_path / "cache", key(tmp_path, frames), num_workers=1)
        for clip in clips:
            expected = np.load(clip_file(folder, clip.name), allow_pickle=False)
            assert (CachedFrames(folder, SIZE).read(clip, everything) == expected).all()


def test_a_limit_keeps_evenly_spaced_frames(
    clips: list[Clip], tmp_path: Path, frame_numbers: Callable[..., list[int]]
) -> None:
    infos = build(clips, tmp_path / "cache", key(tmp_path, 13), num_workers=1)
    cached = CachedFrames(tmp_path / "cache" / key(tmp_path, 13).folder_name, SIZE)
    assert frame_numbers(cached.read(clips[5], everything)) == [5 + 10 * i for i in range(13)]
    assert frame_numbers(cached.read(clips[1], everything)) == [0, 1, 2, 3, 4]
    assert infos[clips[5].name].num_frames == 130


def test_clips_that_cannot_be_decoded_are_listed_and_the_rest_is_kept(clips: list[Clip], tmp_path: Path) -> None:
    text, missing = tmp_path / "data" / "text.mp4", tmp_path / "data" / "missing.mp4"
    text.write_text("no video")
    huge = tmp_path / "data" / "huge"
    huge.mkdir()
    Image.new("L", (20_000, 20_000)).save(huge / "1.png")
    bad = [Clip("text", text, 0), Clip("missing", missing, 0), Clip("huge", huge, 0)]
    infos = build([*clips, *bad], tmp_path / "cache", key(tmp_path), num_workers=2)
    folder = tmp_path / "cache" / key(tmp_path).folder_name
    for clip in bad:
        assert str(clip.path) in infos[clip.name].reason
        assert infos[clip.name].num_frames == 0
    assert cached_names(folder) == {clip.name for clip in clips}
    # Fixed, they are tried again.
    text.unlink()
    text.symlink_to(clips[0].path)
    assert not build([*clips, *bad], tmp_path / "cache", key(tmp_path), num_workers=1)["text"].reason


def test_looking_alone_stores_nothing_and_is_not_taken_for_more(clips: list[Clip], tmp_path: Path) -> None:
    looked = build(clips, tmp_path / "cache", key(tmp_path), num_workers=1, store=False)
    folder = tmp_path / "cache" / key(tmp_path).folder_name
    assert not list(folder.rglob("*.npy"))
    assert cached_names(folder) == set()
    assert build(clips, tmp_path / "cache", key(tmp_path), num_workers=1) == looked
    assert cached_names(folder) == {clip.name for clip in clips}


PROGRAM = """
import sys
from pathlib import Path
from micacl.data.cache.build import build
from micacl.data.cache.layout import CacheKey
from micacl.data.split import Clip
if __name__ == "__main__":
    data, cache = Path(sys.argv[1]), Path(sys.argv[2])
    clips = [Clip(path.stem, path, 0) for path in sorted(data.glob("*.mp4"))]
    build(clips, cache, CacheKey("folder", "root", 64, "all"), num_workers=2)
"""


@pytest.fixture
def many(tmp_path: Path, write_video: WriteVideo) -> tuple[Path, list[Clip]]:
    data = tmp_path / "many"
    source = write_video(data / "0.mp4", 60)
    for number in range(1, 60):
        (data / f"{number}.mp4").write_bytes(source.read_bytes())
    return data, [Clip(path.stem, path, 0) for path in sorted(data.glob("*.mp4"))]


def start(program: Path, data: Path, cache: Path) -> subprocess.Popen[bytes]:
    program.write_text(PROGRAM)
    return subprocess.Popen([sys.executable, str(program), str(data), str(cache)], start_new_session=True)


def test_killed_at_any_moment_it_goes_on_where_it_was(
    many: tuple[Path, list[Clip]], tmp_path: Path, decode_in_order: Callable[[Path], Frames]
) -> None:
    data, clips = many
    folder = tmp_path / "cache" / CacheKey("folder", "root", SIZE, "all").folder_name
    expected = decode_in_order(clips[0].path)
    for wanted in (1, 20):
        process = start(tmp_path / "program.py", data, tmp_path / "cache")
        deadline = time.monotonic() + 120
        while len(cached_names(folder)) < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kept = cached_names(folder)
        assert wanted <= len(kept)
        for clip in clips:
            if clip.name in kept:
                frames = CachedFrames(folder, SIZE).read(clip, everything)
                assert abs(frames.astype(int) - expected).max() <= 2
    with (folder / JOURNAL_NAME).open("a") as journal:
        journal.write('{"name": "half a li')
    before = {name: clip_file(folder, name).stat().st_ino for name in cached_names(folder)}
    process = start(tmp_path / "program.py", data, tmp_path / "cache")
    assert process.wait(timeout=240) == 0
    assert cached_names(folder) == {clip.name for clip in clips}
    assert {name: clip_file(folder, name).stat().st_ino for name in before} == before
    assert not [path for path in folder.rglob(".*") if path.is_file() and path.suffix == ".npy"], "leftovers"


def test_two_at_once_do_not_harm_each_other(many: tuple[Path, list[Clip]], tmp_path: Path) -> None:
    data, clips = many
    processes = [start(tmp_path / f"program{i}.py", data, tmp_path / "cache") for i in range(2)]
    assert [process.wait(timeout=240) for process in processes] == [0, 0]
    folder = tmp_path / "cache" / CacheKey("folder", "root", SIZE, "all").folder_name
    lines = (folder / JOURNAL_NAME).read_text().splitlines()
    assert len(lines) == len(clips), "the second did the first one's work again"
    assert cached_names(folder) == {clip.name for clip in clips}


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "pickle", "other size", "other type", "missing"])
def test_a_damaged_file_of_the_cache_is_named(damage: str, clips: list[Clip], tmp_path: Path) -> None:
    build(clips, tmp_path / "cache", key(tmp_path), num_workers=1)
    folder = tmp_path / "cache" / key(tmp_path).folder_name
    path = clip_file(folder, clips[2].name)
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-1])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("no frames")
        case "pickle":
            np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        case "other size":
            np.save(path, np.zeros((63, SIZE // 2, SIZE // 2, 3), np.uint8))
        case "other type":
            np.save(path, np.zeros((63, SIZE, SIZE, 3), np.int8))
        case "missing":
            path.unlink()
    with pytest.raises(DecodeError, match=r"run micacl\.prepare again"):
        CachedFrames(folder, SIZE).read(clips[2], everything)


@pytest.mark.parametrize("link", ["clips", "clips/00", JOURNAL_NAME, "about.json", "lock"])
def test_a_link_in_the_cache_is_not_written_through(link: str, clips: list[Clip], tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "cache" / key(tmp_path).folder_name, tmp_path / "elsewhere"
    (folder / link).parent.mkdir(parents=True)
    (elsewhere / "inside").mkdir(parents=True)
    for kept in (elsewhere / ".kept", elsewhere / "inside" / ".kept"):
        kept.write_text("of the user")
    (folder / link).symlink_to(elsewhere if "clips" in link else elsewhere / ".kept")
    with pytest.raises(UserError, match=r"is a symbolic link, which the cache never makes"):
        build(clips, tmp_path / "cache", key(tmp_path), num_workers=1)
    assert sorted(path.name for path in elsewhere.rglob("*")) == [".kept", ".kept", "inside"]
    assert all(kept.read_text() == "of the user" for kept in elsewhere.rglob(".kept"))


def test_a_clip_that_is_a_link_is_not_read_and_is_made_anew(clips: list[Clip], tmp_path: Path) -> None:
    build(clips, tmp_path / "cache", key(tmp_path), num_workers=1)
    folder = tmp_path / "cache" / key(tmp_path).folder_name
    path, elsewhere = clip_file(folder, clips[2].name), tmp_path / "elsewhere.npy"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    with pytest.raises(DecodeError, match="is damaged"):
        CachedFrames(folder, SIZE).read(clips[2], everything)
    build(clips, tmp_path / "cache", key(tmp_path), num_workers=1)
    assert not path.is_symlink()
    assert (path.read_bytes(), elsewhere.read_bytes()) == (before, before)


def test_a_clip_whose_name_climbs_stays_in_the_cache(clips: list[Clip], tmp_path: Path) -> None:
    climbing = [Clip(name, clips[0].path, 0) for name in ("../../outside", "/outside", "a/../../../outside")]
    build(climbing, tmp_path / "cache", key(tmp_path), num_workers=1)
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "data"}
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {key(tmp_path).folder_name}


def test_a_cache_folder_that_cannot_be_made_is_one_message(clips: list[Clip], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"set cache\.dir"):
        build(clips, tmp_path / "file" / "cache", key(tmp_path), num_workers=1)


@pytest.fixture
def deadly(clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> Clip:
    """Makes one clip kill the process that decodes it."""
    # Forked workers see the patched function.
    context = multiprocessing.get_context("fork")
    monkeypatch.setattr("micacl.data.cache.parallel.multiprocessing.get_context", lambda _: context)

    def kill(clip: Clip, target: Target | None) -> ClipInfo:
        if clip == clips[3]:
            os.kill(os.getpid(), signal.SIGKILL)
        return store_clip(clip, target)

    monkeypatch.setattr("micacl.data.cache.parallel.store_clip", kill)
    return clips[3]


def test_a_clip_that_kills_the_decoder_is_found_and_the_rest_goes_on(
    deadly: Clip, clips: list[Clip], tmp_path: Path
) -> None:
    infos = build(clips, tmp_path / "cache", key(tmp_path), num_workers=2)
    assert {name for name, info in infos.items() if info.reason} == {deadly.name}
    assert "crashed" in infos[deadly.name].reason


def test_undecodable_clips_are_found_in_their_order_and_named_with_the_reason(
    deadly: Clip, clips: list[Clip], tmp_path: Path
) -> None:
    text, pipe, missing = tmp_path / "text.mp4", tmp_path / "pipe.mp4", tmp_path / "missing.mp4"
    text.write_text("no video")
    os.mkfifo(pipe)
    bad = {path.name: Clip(path.name, path, 0) for path in (text, pipe, missing)}
    before = sorted(tmp_path.rglob("*"))
    found = find_undecodable([bad["text.mp4"], *clips, bad["pipe.mp4"], bad["missing.mp4"]], 2, show_progress=False)
    assert [(clip.name, clip.path, clip.reason) for clip in found] == [
        ("text.mp4", text, f"{text} cannot be decoded: Invalid data found when processing input"),
        (deadly.name, deadly.path, f"{deadly.path} cannot be decoded: the decoder crashed on it"),
        ("pipe.mp4", pipe, f"{pipe} cannot be decoded: it is neither a file nor a folder"),
        ("missing.mp4", missing, f"{missing} cannot be decoded: there is no such file"),
    ]
    assert sorted(tmp_path.rglob("*")) == before
