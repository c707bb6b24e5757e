from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from tests.data.frames.frame_choices import every, middles
from tests.data.frames.ways import VIDEO_WAYS, skip_if_missing

from micacl.data.frames.decoding import every_frame
from micacl.errors import DecodeError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tests.data.conftest import WriteVideo
    from tests.data.frames.ways import Decode


def damaged(name: str, folder: Path, write_video: WriteVideo) -> Path:
    """Makes a clip that cannot be decoded."""
    path = folder / f"{name}.mp4"
    match name:
        case "missing":
            pass
        case "zero bytes":
            path.write_bytes(b"")
        case "text":
            path.write_text("no video\n" * 1000)
        case "binary noise":
            path.write_bytes(np.random.default_rng(0).bytes(100_000))
        case "index cut off":
            path.write_bytes(write_video(folder / "whole.mp4").read_bytes()[:-500])
        case "frames cut off":
            data = write_video(folder / "whole.mp4", options={"movflags": "faststart"}).read_bytes()
            path.write_bytes(data[: len(data) * 3 // 4])
        case "one byte missing":
            data = write_video(folder / "whole.mp4", options={"movflags": "faststart"}).read_bytes()
            path.write_bytes(data[:-1])
        case "zeros inside":
            data = write_video(folder / "whole.mp4", options={"movflags": "faststart"}).read_bytes()
            middle = len(data) // 2
            path.write_bytes(data[:middle] + bytes(1500) + data[middle + 1500 :])
        case "audio only":
            with av.open(str(path), "w") as container:
                audio = container.add_stream("aac", rate=16000)
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
                silence.rate = 16000
                container.mux(audio.encode(silence))
                container.mux(audio.encode())
        case "no frames":
            data = write_video(folder / "whole.mp4", options={"movflags": "frag_keyframe+empty_moov"}).read_bytes()
            path.write_bytes(data[: data.index(b"moof") - 4])
        case "named pipe":
            os.mkfifo(path)
        case "dangling link":
            path.symlink_to(folder / "nowhere.mp4")
        case "circular link":
            path.symlink_to(path)
    return path


DAMAGES = {
    "missing": "there is no such file",
    "zero bytes": "Invalid data",
    "text": "Invalid data",
    "binary noise": "Invalid data",
    "index cut off": "End of file",
    "frames cut off": "its frames are damaged",
    "one byte missing": "its frames are damaged",
    "zeros inside": "its frames are damaged",
    "audio only": "it has no video stream",
    "no frames": "it has no frames",
    "named pipe": "neither a file nor a folder",
    "dangling link": "there is no such file",
    "circular link": "there is no such file",
}


@pytest.mark.parametrize("choose", [every, middles])
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_named_with_the_reason(
    name: str,
    choose: Callable[[int], NDArray[np.int64]],
    tmp_path: Path,
    write_video: WriteVideo,
    capfd: pytest.CaptureFixture[str],
    decode: Decode,
) -> None:
    path = damaged(name, tmp_path, write_video)
    capfd.readouterr()
    with pytest.raises(DecodeError) as caught:
        decode(path, choose)
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be decoded: ")
    assert DAMAGES[name] in message
    assert len(message.splitlines()) == 1
    assert capfd.readouterr() == ("", "")


def test_a_file_without_permission_is_named(
    open_folder: Path, write_video: WriteVideo, request: pytest.FixtureRequest, decode: Decode
) -> None:
    path = write_video(open_folder / "secret.mp4", 3)
    path.chmod(0)
    request.getfixturevalue("no_root")
    with pytest.raises(DecodeError, match="Permission denied"):
        decode(path, every)


@pytest.mark.slow
@pytest.mark.parametrize("name", VIDEO_WAYS)
def test_random_damage_never_kills_or_hangs_the_process(name: str, tmp_path: Path, write_video: WriteVideo) -> None:
    skip_if_missing(name, images=False)
    sources = [
        write_video(tmp_path / "a.mp4").read_bytes(),
        write_video(tmp_path / "b.mp4", options={"movflags": "faststart"}, variable_rate=True).read_bytes(),
    ]
    generator = np.random.default_rng(0)
    for i in range(60):
        data = bytearray(sources[i % 2])
        # The index ("moov") is small but decides everything, so half of the damage goes there.
        low = data.index(b"moov") if i % 4 < 2 else 0
        for position in generator.integers(low, min(len(data), low + 1500) if low else len(data), 1 + i % 8):
            data[position] = generator.integers(256)
        (tmp_path / f"damaged{i}.mp4").write_bytes(data)
    # In a process of its own, which a crash or a hang would not take the tests along with.
    program = """
import sys, numpy as np
from pathlib import Path
from tests.data.frames.ways import way
from micacl.errors import DecodeError
for path in sorted(Path(sys.argv[1]).glob("damaged*.mp4")):
    try:
        way(sys.argv[2])(path, lambda n: (2 * np.arange(16) + 1) * n // 32)
    except DecodeError:
        pass
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), name],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_a_video_of_huge_frames_is_refused_before_it_is_decoded(
    tmp_path: Path, write_video: WriteVideo, decode: Decode, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "huge.mp4", 3)
    monkeypatch.setattr("micacl.data.frames.frame_folder.MAX_PIXELS", 64 * 64 - 1)
    with pytest.raises(DecodeError, match=r"its frames have more than the .* pixels that are read"):
        decode(path, every)


def test_names_may_hold_spaces_and_any_letter(tmp_path: Path, write_video: WriteVideo, decode: Decode) -> None:
    path = write_video(tmp_path / "a b" / "Grüße 表情 100%.mp4", 3)
    assert decode(path, every).shape == (3, 64, 64, 3)


@pytest.fixture(scope="module")
def ten_thousand(tmp_path_factory: pytest.TempPathFactory, write_video: WriteVideo) -> Path:
    return write_video(tmp_path_factory.mktemp("long") / "long.mp4", 10_000, key_frame_every=250)


MEMORY_AND_NUMBERS = """
import resource, sys, numpy as np
from pathlib import Path
from tests.data.conftest import read_numbers
from tests.data.frames.ways import way
decode, path, long = way(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
middles = lambda n: (2 * np.arange(16) + 1) * n // 32
decode(path, middles)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
numbers = read_numbers(decode(long, middles))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, numbers)
"""


@pytest.mark.slow
def test_ten_thousand_frames_take_no_more_memory_than_those_chosen(
    ten_thousand: Path, tmp_path: Path, write_video: WriteVideo, way_name: str
) -> None:
    short = write_video(tmp_path / "short.mp4", 40)
    arguments = [sys.executable, "-c", MEMORY_AND_NUMBERS, way_name, str(short), str(ten_thousand)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    kib, _, numbers = done.stdout.partition(" ")
    assert numbers.strip() == str([(2 * i + 1) * 10_000 // 32 % 256 for i in range(16)])
    # All frames would take 123 MB; the file itself takes some.
    assert int(kib) < 60_000


@pytest.mark.slow
def test_every_frame_of_a_long_video_is_given_a_few_at_a_time(ten_thousand: Path) -> None:
    sizes = [len(frames) for frames in every_frame(ten_thousand, 64)]
    assert sizes == [64] * 156 + [16]
