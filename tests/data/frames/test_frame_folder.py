from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.data.frames.frame_choices import every, last_repeated
from tests.data.frames.ways import agree, way

from micacl.data.frames.decoding import decode_frames
from micacl.errors import DecodeError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tests.data.frames.ways import Decode

    Frames = NDArray[np.uint8]
    ReadNumbers = Callable[[Frames], list[int]]


def save_frames(folder: Path, draw: Callable[[int, int], Frames], names: list[str], mode: str = "RGB") -> Path:
    folder.mkdir()
    for number, name in enumerate(names):
        Image.fromarray(draw(number, 64)).convert(mode).save(folder / name)
    return folder


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPG", ".jpeg"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_folder_of_frames_is_read_in_the_order_of_the_numbers(
    suffix: str,
    mode: str,
    tmp_path: Path,
    draw_frame: Callable[[int, int], Frames],
    frame_numbers: ReadNumbers,
    image_way_name: str,
    decode_images: Decode,
) -> None:
    # "10" before "9" by the alphabet
    names = [f"00001_{number}{suffix}" for number in range(12)]
    folder = save_frames(tmp_path / "00001", draw_frame, names, mode)
    (folder / "notes.txt").write_text("no frame")
    (folder / "._00001_0.png").write_text("no frame either")
    frames = decode_images(folder, every)
    assert agree(image_way_name, frames, decode_frames(folder, every))
    assert frames.shape == (12, 64, 64, 3)
    assert frame_numbers(frames) == list(range(12))
    if mode == "RGB" and suffix == ".png":
        assert (frames == np.stack([draw_frame(number, 64) for number in range(12)])).all()
    if mode == "L":
        assert (frames == frames[..., :1]).all()
    assert frame_numbers(decode_images(folder, last_repeated)) == [0, 0, 0, 11, 11]


def test_only_the_chosen_frames_of_a_folder_are_read(
    tmp_path: Path, draw_frame: Callable[[int, int], Frames], frame_numbers: ReadNumbers, decode_images: Decode
) -> None:
    folder = save_frames(tmp_path / "frames", draw_frame, [f"{number}.png" for number in range(5)])
    (folder / "2.png").write_text("damaged")
    assert frame_numbers(decode_images(folder, lambda _: np.array([0, 1, 3]))) == [0, 1, 3]


def test_a_damaged_folder_is_named_with_the_reason(
    tmp_path: Path, draw_frame: Callable[[int, int], Frames], decode_images: Decode
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DecodeError, match=r"empty cannot be decoded: the folder has no frames"):
        decode_images(empty, every)

    cut = save_frames(tmp_path / "cut", draw_frame, ["1.jpg", "2.jpg"])
    (cut / "2.jpg").write_bytes((cut / "2.jpg").read_bytes()[:600])
    with pytest.raises(DecodeError, match=r"cut cannot be decoded: 2.jpg: (Truncated|the JPEG is damaged)"):
        decode_images(cut, every)

    text = save_frames(tmp_path / "text", draw_frame, ["1.jpg", "2.jpg"])
    (text / "1.jpg").write_text("no image")
    with pytest.raises(DecodeError, match=r"text cannot be decoded: 1.jpg: "):
        decode_images(text, every)

    sizes = save_frames(tmp_path / "sizes", draw_frame, ["1.jpg", "2.jpg"])
    Image.fromarray(draw_frame(0, 72)).save(sizes / "2.jpg")
    with pytest.raises(DecodeError, match=r"differ in size \(height, width\): \[\(64, 64\), \(72, 72\)\]"):
        decode_images(sizes, every)

    (cut / "2.jpg").write_bytes((cut / "1.jpg").read_bytes()[:-100])
    with pytest.raises(DecodeError, match=r"cut cannot be decoded: 2.jpg: "):
        decode_images(cut, every)


@pytest.mark.parametrize("closed", ["2.jpg", "."])
def test_frames_without_permission_are_named(
    closed: str,
    open_folder: Path,
    draw_frame: Callable[[int, int], Frames],
    decode_images: Decode,
    request: pytest.FixtureRequest,
) -> None:
    folder = save_frames(open_folder / "closed", draw_frame, ["1.jpg", "2.jpg"])
    (folder / closed).chmod(0)
    request.getfixturevalue("no_root")
    with pytest.raises(DecodeError, match=r"closed cannot be decoded: .*Permission denied"):
        decode_images(folder, every)


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """Makes a JPEG whose header claims another size."""
    start = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:start] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + jpeg[start + 4 :]


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (9_000, 8_000)])
def test_a_huge_image_is_refused_by_its_header(
    width: int, height: int, tmp_path: Path, draw_frame: Callable[[int, int], Frames], decode_images: Decode
) -> None:
    folder = save_frames(tmp_path / "huge", draw_frame, ["1.jpg", "2.jpg"])
    (folder / "2.jpg").write_bytes(with_size((folder / "2.jpg").read_bytes(), width, height))
    tracemalloc.start()
    with pytest.raises(DecodeError, match=r"huge cannot be decoded: 2.jpg: its frames have more than the 67,108,864"):
        decode_images(folder, every)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_frames_of_odd_sizes_are_those_of_pillow(
    mode: str, image_way_name: str, tmp_path: Path, draw_frame: Callable[[int, int], Frames]
) -> None:
    folder = tmp_path / "表情 1"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(draw_frame(number, 72)[:71, :71]).convert(mode).save(
            folder / f"{number}.jpg", progressive=number
        )
    expected = np.stack([np.asarray(Image.open(folder / f"{n}.jpg").convert("RGB")) for n in range(3)])
    assert agree(image_way_name, way(image_way_name, 71)(folder, every), expected)


def test_one_frame_is_a_clip(
    tmp_path: Path, draw_frame: Callable[[int, int], Frames], decode_images: Decode, frame_numbers: ReadNumbers
) -> None:
    folder = save_frames(tmp_path / "one", draw_frame, ["1.jpg"])
    assert frame_numbers(decode_images(folder, lambda _: np.zeros(16, np.int64))) == [0] * 16
