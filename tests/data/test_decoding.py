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
from PIL import Image

from micacl.data.decoding import decode_frames
from micacl.data.video_file import index_video
from micacl.errors import DecodeError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tests.data.conftest import WriteVideo

    Frames = NDArray[np.uint8]
    ReadNumbers = Callable[[Frames], list[int]]
    Decode = Callable[[Path], Frames]


def every(num_frames: int) -> NDArray[np.int64]:
    return np.arange(num_frames, dtype=np.int64)


def middles(num_frames: int) -> NDArray[np.int64]:
    return (2 * np.arange(16, dtype=np.int64) + 1) * num_frames // 32


def ends(num_frames: int) -> NDArray[np.int64]:
    """First, two in between, last: what makes decord hang where a file claims more frames than it has."""
    return np.array([0, num_frames // 3, 2 * num_frames // 3, num_frames - 1])


def last(num_frames: int) -> NDArray[np.int64]:
    return np.array([num_frames - 1])


def last_repeated(num_frames: int) -> NDArray[np.int64]:
    return np.array([0, 0, 0, num_frames - 1, num_frames - 1])


CHOICES = (every, middles, ends, last, last_repeated)


def cut_without_decoding(source: Path, target: Path, seconds: float) -> Path:
    """What `ffmpeg -ss ... -c copy` does: all packets stay, and an edit list hides those before the cut."""
    with (
        av.open(str(source)) as read,
        av.open(str(target), "w", options={"avoid_negative_ts": "disabled", "use_editlist": "1"}) as write,
    ):
        stream = read.streams.video[0]
        copy = write.add_stream_from_template(stream)
        assert stream.time_base is not None
        offset = int(seconds / stream.time_base)
        for packet in read.demux(stream):
            if packet.size:
                assert packet.pts is not None
                assert packet.dts is not None
                packet.pts, packet.dts = packet.pts - offset, packet.dts - offset
                packet.stream = copy
                write.mux(packet)
    return target


def without_first_packets(source: Path, target: Path, num_packets: int) -> Path:
    """A video that starts between two key frames."""
    with av.open(str(source)) as read, av.open(str(target), "w") as write:
        stream = read.streams.video[0]
        copy = write.add_stream_from_template(stream)
        for packet in [packet for packet in read.demux(stream) if packet.size][num_packets:]:
            packet.stream = copy
            write.mux(packet)
    return target


def rotate_by_metadata(source: Path, target: Path) -> Path:
    """Mark a video as filmed with the camera on its side, which players undo by turning it."""
    data = bytearray(source.read_bytes())
    # The track header's matrix follows 40 bytes of other fields; 16.16 fixed point, the last row 2.30.
    start = data.index(b"tkhd") + 4 + 40
    matrix = [0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30]
    data[start : start + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    target.write_bytes(data)
    return target


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, write_video: WriteVideo) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("videos")
    plain = write_video(folder / "b_frames.mp4", 60)
    one_key_frame = write_video(folder / "one_key_frame.mp4", 60, key_frame_every=250)
    return {
        "b_frames": plain,
        "one_key_frame": one_key_frame,
        "many_b_frames": write_video(folder / "many_b_frames.mp4", 60, key_frame_every=30, b_frames=8),
        "variable_rate": write_video(folder / "variable_rate.mp4", 60, variable_rate=True),
        "variable_rate_no_b_frames": write_video(folder / "v.mp4", 50, b_frames=0, variable_rate=True),
        "faststart": write_video(folder / "faststart.mp4", 60, options={"movflags": "faststart"}),
        "fragmented": write_video(folder / "fragmented.mp4", 60, options={"movflags": "frag_keyframe+empty_moov"}),
        "one_frame": write_video(folder / "one_frame.mp4", 1),
        "two_frames": write_video(folder / "two_frames.mp4", 2),
        "starts_late": write_video(folder / "starts_late.mp4", 60, first_time_stamp=5000),
        "matroska": write_video(folder / "matroska.mkv", 60),
        "mpeg_ts": write_video(folder / "mpeg_ts.ts", 60),
        "huge_time_stamps": write_video(folder / "huge.mkv", 60, first_time_stamp=2**32),
        "avi": write_video(folder / "avi.avi", 60),
        "avi_no_b_frames": write_video(folder / "avi_no_b_frames.avi", 60, b_frames=0),
        "no_first_key_frame": without_first_packets(plain, folder / "no_first_key_frame.mp4", 3),
        "cut": cut_without_decoding(plain, folder / "cut.mp4", 0.8),
        "cut_one_key_frame": cut_without_decoding(one_key_frame, folder / "cut_one.mp4", 0.8),
    }


VIDEOS = [
    "b_frames",
    "one_key_frame",
    "many_b_frames",
    "variable_rate",
    "variable_rate_no_b_frames",
    "faststart",
    "fragmented",
    "one_frame",
    "two_frames",
    "starts_late",
    "matroska",
    "mpeg_ts",
    "huge_time_stamps",
    "avi",
    "avi_no_b_frames",
    "no_first_key_frame",
    "cut",
    "cut_one_key_frame",
]


@pytest.mark.parametrize("name", VIDEOS)
def test_the_frames_are_those_of_decoding_in_order(
    name: str, videos: dict[str, Path], decode_in_order: Decode, frame_numbers: ReadNumbers
) -> None:
    shown = decode_in_order(videos[name])
    numbers = frame_numbers(shown)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for choose in CHOICES:
        frames = decode_frames(videos[name], choose)
        assert frames.dtype == np.uint8
        assert frame_numbers(frames) == [numbers[i] for i in choose(len(shown))], choose.__name__
        # Two builds of FFmpeg may round a colour differently.
        assert abs(frames.astype(int) - shown[choose(len(shown))]).max() <= 2


def test_a_random_choice_of_frames_is_right(
    videos: dict[str, Path], decode_in_order: Decode, frame_numbers: ReadNumbers
) -> None:
    generator = np.random.default_rng(0)
    for name in ("b_frames", "variable_rate", "cut"):
        numbers = frame_numbers(decode_in_order(videos[name]))
        for _ in range(30):
            indices = np.sort(generator.integers(0, len(numbers), 16))
            frames = decode_frames(videos[name], lambda _, indices=indices: indices)  # type: ignore[misc]
            assert frame_numbers(frames) == [numbers[i] for i in indices]


def test_decord_reads_the_ordinary_files_and_no_file_that_it_misreads(videos: dict[str, Path]) -> None:
    regular = {name for name, path in videos.items() if index_video(path).regular}
    assert regular == {
        "b_frames",
        "one_key_frame",
        "many_b_frames",
        "variable_rate",
        "variable_rate_no_b_frames",
        "faststart",
        "one_frame",
        "two_frames",
        "starts_late",
    }


def test_the_number_of_frames_is_what_is_shown(videos: dict[str, Path], decode_in_order: Decode) -> None:
    asked: list[int] = []

    def choose(num_frames: int) -> NDArray[np.int64]:
        asked.append(num_frames)
        return last(num_frames)

    for path in videos.values():
        decode_frames(path, choose)
        assert asked[-1] == len(decode_in_order(path))


def test_fewer_frames_than_packets_are_chosen_anew(
    tmp_path: Path, videos: dict[str, Path], frame_numbers: ReadNumbers
) -> None:
    # Without its first key frame the start of the file cannot be decoded, which the packets do not tell.
    data = videos["mpeg_ts"].read_bytes()
    path = tmp_path / "headless.ts"
    path.write_bytes(data[188 * 12 :])
    asked: list[int] = []

    def choose(num_frames: int) -> NDArray[np.int64]:
        asked.append(num_frames)
        return np.array([0, num_frames - 1])

    numbers = frame_numbers(decode_frames(path, choose))
    assert len(asked) == 2
    assert asked[0] > asked[1]
    assert numbers[-1] == 59


@pytest.mark.parametrize("regular", [True, False])
def test_a_video_filmed_sideways_is_turned_upright(
    regular: bool, tmp_path: Path, write_video: WriteVideo, frame_numbers: ReadNumbers
) -> None:
    options = None if regular else {"movflags": "frag_keyframe+empty_moov"}
    upright = write_video(tmp_path / "upright.mp4", 5, options=options)
    sideways = rotate_by_metadata(upright, tmp_path / "sideways.mp4")
    assert index_video(sideways).regular == regular
    # The matrix turns the picture clockwise by a quarter.
    expected = np.rot90(decode_frames(upright, every), -1, axes=(1, 2))
    assert abs(decode_frames(sideways, every).astype(int) - expected).max() <= 2


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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_named(tmp_path: Path, write_video: WriteVideo) -> None:
    path = write_video(tmp_path / "secret.mp4", 3)
    path.chmod(0)
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


def test_decoding_does_not_load_decord_or_torch_before_it_must() -> None:
    program = "import sys, micacl.data.decoding; print([m for m in ('decord', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def save_frames(folder: Path, draw: Callable[[int, int], Frames], names: list[str], mode: str = "RGB") -> Path:
    folder.mkdir()
    for number, name in enumerate(names):
        Image.fromarray(draw(number, 64)).convert(mode).save(folder / name)
    return folder


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPG", ".jpeg"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_folder_of_frames_is_read_in_the_order_of_the_numbers(
    suffix: str, mode: str, tmp_path: Path, draw_frame: Callable[[int, int], Frames], frame_numbers: ReadNumbers
) -> None:
    # "10" before "9" by the alphabet
    names = [f"00001_{number}{suffix}" for number in range(12)]
    folder = save_frames(tmp_path / "00001", draw_frame, names, mode)
    (folder / "notes.txt").write_text("no frame")
    (folder / "._00001_0.png").write_text("no frame either")
    frames = decode_frames(folder, every)
    assert frames.shape == (12, 64, 64, 3)
    assert frame_numbers(frames) == list(range(12))
    if mode == "RGB" and suffix == ".png":
        assert (frames == np.stack([draw_frame(number, 64) for number in range(12)])).all()
    if mode == "L":
        assert (frames == frames[..., :1]).all()
    assert frame_numbers(decode_frames(folder, last_repeated)) == [0, 0, 0, 11, 11]


def test_only_the_chosen_frames_of_a_folder_are_read(
    tmp_path: Path, draw_frame: Callable[[int, int], Frames], frame_numbers: ReadNumbers
) -> None:
    folder = save_frames(tmp_path / "frames", draw_frame, [f"{number}.png" for number in range(5)])
    (folder / "2.png").write_text("damaged")
    assert frame_numbers(decode_frames(folder, lambda _: np.array([0, 1, 3]))) == [0, 1, 3]


def test_a_damaged_folder_is_named_with_the_reason(tmp_path: Path, draw_frame: Callable[[int, int], Frames]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DecodeError, match=r"empty cannot be decoded: the folder has no frames"):
        decode_frames(empty, every)

    cut = save_frames(tmp_path / "cut", draw_frame, ["1.jpg", "2.jpg"])
    (cut / "2.jpg").write_bytes((cut / "2.jpg").read_bytes()[:600])
    with pytest.raises(DecodeError, match=r"cut cannot be decoded: 2.jpg: Truncated"):
        decode_frames(cut, every)

    text = save_frames(tmp_path / "text", draw_frame, ["1.jpg", "2.jpg"])
    (text / "1.jpg").write_text("no image")
    with pytest.raises(DecodeError, match=r"text cannot be decoded: 1.jpg: "):
        decode_frames(text, every)

    sizes = save_frames(tmp_path / "sizes", draw_frame, ["1.jpg", "2.jpg"])
    Image.fromarray(draw_frame(0, 72)).save(sizes / "2.jpg")
    with pytest.raises(DecodeError, match=r"differ in size \(height, width\): \[\(64, 64\), \(72, 72\)\]"):
        decode_frames(sizes, every)
