from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from tests.data.frame_choices import every, middles

from micacl.data.decoding import decode_frames
from micacl.errors import DecodeError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tests.data.conftest import WriteVideo


def damaged(name: str, folder: Path, write_video: WriteVideo) -> Path:
    """A clip that cannot be decoded."""
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
            with av.open(str(path), "w", options={"movflags": "empty_moov"}) as container:
                video = container.add_stream("libx264", rate=25)
                video.width = video.height = 64
                container.mux(video.encode())
        case "named pipe":
            os.mkfifo(path)
        case "dangling link":
            path.symlink_to(folder / "nowhere.mp4")
    return path


DAMAGES = {
    "missing": "there is no such file",
    "zero bytes": "Invalid data",
    "text": "Invalid data",
    "binary noise": "Invalid data",
    "index cut off": "End of file",
    "frames cut off": "Invalid data",
    "one byte missing": "its frames are damaged",
    "zeros inside": "its frames are damaged",
    "audio only": "it has no video stream",
    "no frames": "",
    "named pipe": "neither a file nor a folder",
    "dangling link": "there is no such file",
}


@pytest.mark.parametrize("choose", [every, middles])
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_is_named_with_the_reason(
    name: str,
    choose: Callable[[int], NDArray[np.int64]],
    tmp_path: Path,
    write_video: WriteVideo,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = damaged(name, tmp_path, write_video)
    capfd.readouterr()
    with pytest.raises(DecodeError) as caught:
        decode_frames(path, choose)
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be decoded: ")
    assert DAMAGES[name] in message
    assert len(message.splitlines()) == 1
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def no_root() -> Iterator[None]:
    """root may read every file: the test goes on as nobody."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_file_without_permission_is_named(
    tmp_path: Path, write_video: WriteVideo, request: pytest.FixtureRequest
) -> None:
    path = write_video(tmp_path / "secret.mp4", 3)
    path.chmod(0)
    request.getfixturevalue("no_root")
    with pytest.raises(DecodeError, match="Permission denied"):
        decode_frames(path, every)


def test_random_damage_never_kills_or_hangs_the_process(tmp_path: Path, write_video: WriteVideo) -> None:
    sources = [
        write_video(tmp_path / "a.mp4").read_bytes(),
        write_video(tmp_path / "b.mp4", options={"movflags": "faststart"}, variable_rate=True).read_bytes(),
    ]
    generator = np.random.default_rng(0)
    for i in range(150):
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
from micacl.data.decoding import decode_frames
from micacl.errors import DecodeError
for path in sorted(Path(sys.argv[1]).glob("damaged*.mp4")):
    try:
        decode_frames(path, lambda n: (2 * np.arange(16) + 1) * n // 32)
    except DecodeError:
        pass
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
