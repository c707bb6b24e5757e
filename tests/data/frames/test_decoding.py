from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from tests.data.frames.frame_choices import ends, every, last, last_repeated, middles
from tests.data.frames.ways import MAIN, agree, way

from micacl.data.frames.decoding import Readers, decode_frames
from micacl.data.frames.squares import to_squares
from micacl.data.frames.video_file import index_video

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tests.data.conftest import WriteVideo
    from tests.data.frames.ways import Decode

    Frames = NDArray[np.uint8]
    ReadNumbers = Callable[[Frames], list[int]]
    DecodeInOrder = Callable[[Path], Frames]


CHOICES = (every, middles, ends, last, last_repeated)


def cut_without_decoding(source: Path, target: Path, seconds: float) -> Path:
    """Cuts as `ffmpeg -ss ... -c copy` does: all packets stay, and an edit list hides those before the cut."""
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
    """Makes a video that starts between two key frames."""
    with av.open(str(source)) as read, av.open(str(target), "w") as write:
        stream = read.streams.video[0]
        copy = write.add_stream_from_template(stream)
        for packet in [packet for packet in read.demux(stream) if packet.size][num_packets:]:
            packet.stream = copy
            write.mux(packet)
    return target


def rotate_by_metadata(source: Path, target: Path) -> Path:
    """Marks a video as filmed with the camera on its side, which players undo by turning it."""
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
        "huge_time_stamps": write_video(folder / "huge.mp4", 60, milliseconds=6_000_000),
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
    name: str,
    videos: dict[str, Path],
    decode_in_order: DecodeInOrder,
    frame_numbers: ReadNumbers,
    way_name: str,
    decode: Decode,
) -> None:
    shown = decode_in_order(videos[name])
    numbers = frame_numbers(shown)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for choose in CHOICES:
        frames = decode(videos[name], choose)
        assert frames.dtype == np.uint8
        assert frame_numbers(frames) == [numbers[i] for i in choose(len(shown))], choose.__name__
        assert agree(way_name, frames, shown[choose(len(shown))])


def test_a_random_choice_of_frames_is_right(
    videos: dict[str, Path], decode_in_order: DecodeInOrder, frame_numbers: ReadNumbers, decode: Decode
) -> None:
    generator = np.random.default_rng(0)
    for name in ("b_frames", "variable_rate", "cut"):
        numbers = frame_numbers(decode_in_order(videos[name]))
        for _ in range(30):
            indices = np.sort(generator.integers(0, len(numbers), 16))
            frames = decode(videos[name], lambda _, indices=indices: indices)  # type: ignore[misc]
            assert frame_numbers(frames) == [numbers[i] for i in indices]


def test_decoders_that_seek_read_the_ordinary_files_and_none_that_they_misread(videos: dict[str, Path]) -> None:
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


def test_the_number_of_frames_is_what_is_shown(videos: dict[str, Path], decode_in_order: DecodeInOrder) -> None:
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
    regular: bool, tmp_path: Path, write_video: WriteVideo, way_name: str, decode: Decode
) -> None:
    options = None if regular else {"movflags": "frag_keyframe+empty_moov"}
    upright = write_video(tmp_path / "upright.mp4", 5, options=options)
    sideways = rotate_by_metadata(upright, tmp_path / "sideways.mp4")
    assert index_video(sideways).regular == regular
    # The matrix turns the picture clockwise by a quarter.
    expected = np.rot90(decode_frames(upright, every), -1, axes=(1, 2))
    assert agree(way_name, decode(sideways, every), expected)


def test_a_video_of_odd_size_is_decoded(
    tmp_path: Path, decode_in_order: DecodeInOrder, way_name: str, decode: Decode
) -> None:
    path = tmp_path / "odd.mp4"
    pictures = np.random.default_rng(0).integers(0, 255, (5, 7, 9, 3), np.uint8).repeat(8, 1).repeat(8, 2)[:, :53, :71]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 71, 53, "yuv444p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode())
    shown = decode_in_order(path)
    assert shown.shape == pictures.shape
    squares = way(way_name, 53) if way_name in MAIN else decode
    assert agree(way_name, to_squares(squares(path, every), 53), to_squares(shown, 53))


@pytest.mark.parametrize("width", [16, 48, 72])
def test_a_narrow_video_is_decoded(
    width: int, tmp_path: Path, decode_in_order: DecodeInOrder, way_name: str, decode: Decode
) -> None:
    # Narrow pictures lie in padded rows, which decord takes for rows of more colours.
    path = tmp_path / "narrow.mp4"
    pictures = np.random.default_rng(0).integers(0, 255, (5, 8, 9, 3), np.uint8).repeat(8, 1).repeat(8, 2)[:, :, :width]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, 64, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode())
    shown = decode_in_order(path)
    assert index_video(path).regular
    side = min(width, 64)
    squares = way(way_name, side) if way_name in MAIN else decode
    assert agree(way_name, to_squares(squares(path, every), side), to_squares(shown, side))


def test_a_file_that_a_seeking_decoder_refuses_is_drawn_once(
    videos: dict[str, Path], frame_numbers: ReadNumbers
) -> None:
    generator = np.random.default_rng(0)
    asked: list[list[int]] = []

    def draw(num_frames: int) -> NDArray[np.int64]:
        return np.sort(generator.integers(0, num_frames, 16))

    def refuse(path: Path, indices: NDArray[np.int64]) -> None:
        asked.append(indices.tolist())

    frames = decode_frames(videos["b_frames"], draw, Readers(video=refuse))
    assert [frame_numbers(frames)] == asked


def test_decoding_does_not_load_decord_or_torch_before_it_must() -> None:
    modules = "('decord', 'torch', 'torchcodec')"
    program = f"import sys, micacl.data.frames.decoding; print([m for m in {modules} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
