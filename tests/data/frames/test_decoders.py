"""Checks which decoders are chosen, the messages if they cannot work, and that main process and workers agree."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from tests.data.frames.ways import skip_if_missing
from tests.data.test_datamodule import CLASSES, module, run

from micacl.data.frames import decoders
from micacl.data.frames.decoders import Decoding, choose_decoding
from micacl.data.frames.decoding import PYAV_AND_PILLOW
from micacl.data.frames.encoded import EncodedFrames, EncodedImages, EncodedVideo
from micacl.data.frames.on_device import decode_batch
from micacl.data.frames.source import DecodedFrames
from micacl.data.frames.with_decord import read_with_decord
from micacl.data.frames.with_jpeg import decode_jpeg
from micacl.data.frames.with_torchcodec import read_with_torchcodec
from micacl.data.split import Clip, Split
from micacl.errors import DecodeError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from tests.data.conftest import WriteVideo

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture
def everything_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every decoder work, as on a machine with a GPU and every package."""
    for problem in ("torchcodec_problem", "jpeg_problem"):
        monkeypatch.setattr(decoders, problem, lambda _: "")


def without(name: str, reason: str, monkeypatch: pytest.MonkeyPatch, device: torch.device | None = None) -> None:
    monkeypatch.setattr(decoders, f"{name}_problem", lambda at: reason if device in (None, at) else "")


@pytest.mark.usefixtures("everything_works")
def test_auto_decodes_on_the_gpu_that_trains_and_in_the_workers_elsewhere() -> None:
    on_gpu = choose_decoding("auto", "auto", [], GPU)
    assert (on_gpu.device, on_gpu.videos, on_gpu.jpegs) == (GPU, True, True)
    assert "NVDEC" in on_gpu.reason
    for device, run_device in (("auto", CPU), ("cpu", GPU), ("cpu", CPU)):
        in_workers = choose_decoding("auto", device, [], run_device)  # type: ignore[arg-type]
        assert in_workers.device is None
        assert in_workers.readers.video is read_with_torchcodec
        assert in_workers.readers.jpeg is decode_jpeg
        assert "torchcodec" in in_workers.reason


@pytest.mark.usefixtures("everything_works")
def test_auto_does_without_what_is_missing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    without("torchcodec", "no FFmpeg here", monkeypatch)
    on_gpu = choose_decoding("auto", "auto", [], GPU)
    assert (on_gpu.device, on_gpu.videos, on_gpu.jpegs) == (GPU, False, True)
    assert "no FFmpeg here" in on_gpu.reason
    in_workers = choose_decoding("auto", "auto", [], CPU)
    assert in_workers.readers.video is None
    assert "PyAV (no FFmpeg here)" in in_workers.reason
    without("jpeg", "no nvJPEG here", monkeypatch, GPU)
    neither = choose_decoding("auto", "auto", [], GPU)
    assert neither.device is None
    assert "not on the GPU: no FFmpeg here; no nvJPEG here" in neither.reason
    with pytest.raises(UserError, match=r"dataset.decode.device=cuda: no FFmpeg here; no nvJPEG here"):
        choose_decoding("auto", "cuda", [], GPU)


def test_decord_stays_selectable() -> None:
    assert choose_decoding("decord", "auto", [], CPU).readers.video is read_with_decord
    assert choose_decoding("decord", "auto", [], GPU).device is None


@pytest.mark.parametrize("backend", ["torchcodec", "jpeg"])
@pytest.mark.usefixtures("everything_works")
def test_a_backend_that_is_missing_is_named_with_what_to_install(
    backend: decoders.Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(backend, "it is not installed: pip install it", monkeypatch)
    for device, run_device in (("auto", CPU), ("cpu", CPU), ("auto", GPU), ("cuda", GPU)):
        with pytest.raises(UserError, match=f"dataset.decode.backend={backend}.*: it is not installed: pip install it"):
            choose_decoding(backend, device, [], run_device)  # type: ignore[arg-type]


def test_cuda_without_a_gpu_is_an_error() -> None:
    with pytest.raises(
        UserError, match=r"dataset.decode.device=cuda needs a run on a CUDA GPU, and this one is on cpu"
    ):
        choose_decoding("auto", "cuda", [], CPU)


def test_a_backend_is_refused_clips_that_it_does_not_read(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "video.mp4").touch()
    folder, video = tmp_path / "frames", tmp_path / "video.mp4"
    with pytest.raises(UserError, match=r"backend=jpeg reads frame folders, and .*video.mp4 is a video file"):
        choose_decoding("jpeg", "auto", [folder, video], CPU)
    with pytest.raises(UserError, match=r"backend=decord reads video files, and .*frames is a folder of frames"):
        choose_decoding("decord", "auto", [video, folder], CPU)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"decode_backend": "opencv"},
            "dataset.decode.backend is opencv; set it to one of auto, decord, torchcodec, jpeg",
        ),
        ({"decode_device": "gpu"}, "dataset.decode.device is gpu; set it to one of auto, cpu, cuda"),
        ({"decode_backend": "decord", "decode_device": "cuda"}, "decord cannot decode on a GPU"),
    ],
)
def test_an_option_that_no_run_can_use_is_an_error(options: dict[str, str], message: str) -> None:
    split = Split(("happiness",), (Clip("0", Path("0.mp4"), 0),), (Clip("1", Path("1.mp4"), 0),))
    with pytest.raises(UserError, match=message):
        module(split, **options)


def test_without_torchcodec_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from micacl.data.frames.with_torchcodec import torchcodec_problem

    monkeypatch.setitem(sys.modules, "torchcodec.decoders", None)
    assert "torchcodec is not installed: pip install torchcodec" in torchcodec_problem.__wrapped__(CPU)


@pytest.fixture
def mixed(tmp_path: Path, write_video: WriteVideo, draw_frame: Callable[[int, int], NDArray[np.uint8]]) -> Split:
    """Makes ordinary and other videos, folders of JPEGs (colour, grey, odd sizes) and of PNGs."""
    clips = []
    for number in range(24):
        kind, name = number % 6, f"{number}"
        if kind == 0:
            path = write_video(tmp_path / f"{name}.mp4", 20 + number, size=96)
        elif kind == 1:
            path = write_video(tmp_path / f"{name}.mp4", 20 + number, variable_rate=True, size=128)
        elif kind == 2:
            path = write_video(tmp_path / f"{name}.ts", 20 + number)
        else:
            path = tmp_path / name
            path.mkdir()
            for index in range(5 + 3 * number):
                picture = Image.fromarray(draw_frame(index, 96)[:91, :71]).convert("L" if kind == 3 else "RGB")
                picture.save(path / f"{index}.{'png' if kind == 5 else 'jpg'}")
        clips.append(Clip(name, path, number % 3, f"s{number}"))
    return Split(CLASSES, tuple(clips[:16]), tuple(clips[16:]))


def in_main_process(*_: object) -> Decoding:
    return Decoding(PYAV_AND_PILLOW, CPU, True, True, "decoding in the main process")


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_main_process_gives_what_the_workers_give(
    num_workers: int, mixed: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_if_missing("main process")
    options = {"num_workers": num_workers, "decode_backend": "auto", "size": 32, "frame_size": 48}
    expected = run(module(mixed, **options))
    monkeypatch.setattr("micacl.data.datamodule.choose_decoding", in_main_process)
    data = module(mixed, **options)
    found = run(data)
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    # Normalised pixels: one of the 255 levels is 0.018.
    np.testing.assert_allclose(
        np.concatenate([row[3] for row in found]), np.concatenate([row[3] for row in expected]), atol=0.01
    )


def test_the_workers_send_bytes_and_the_frames_are_the_same(mixed: Split) -> None:
    skip_if_missing("main process")
    decoded, encoded = DecodedFrames(48), EncodedFrames(48, True, True, PYAV_AND_PILLOW)
    kinds = []
    for clip in mixed.train:

        def draw(n: int, generator: np.random.Generator) -> NDArray[np.int64]:
            return np.sort(generator.integers(0, n, 16))

        first, second = np.random.default_rng(1), np.random.default_rng(1)
        expected = decoded.read(clip, lambda n, generator=first: draw(n, generator))  # type: ignore[misc]
        read = encoded.read(clip, lambda n, generator=second: draw(n, generator))  # type: ignore[misc]
        kinds.append(type(read).__name__)
        frames = decode_batch([read], 48, CPU)[0].numpy()
        assert frames.shape == expected.shape
        assert abs(frames.astype(int) - expected).max() <= 2
    assert kinds[:6] == [
        "EncodedVideo",
        "EncodedVideo",
        "DecodedSquares",
        "EncodedImages",
        "EncodedImages",
        "DecodedSquares",
    ]


def test_a_clip_whose_damage_is_met_in_the_main_process_is_named(
    tmp_path: Path, write_video: WriteVideo, draw_frame: Callable[[int, int], NDArray[np.uint8]]
) -> None:
    skip_if_missing("main process")
    data = np.fromfile(write_video(tmp_path / "a.mp4", options={"movflags": "faststart"}), np.uint8)
    data[len(data) // 2 : len(data) // 2 + 1500] = 0
    video = EncodedVideo(tmp_path / "bad.mp4", data, np.arange(40))
    with pytest.raises(DecodeError, match=r"bad.mp4 cannot be decoded: its frames are damaged$"):
        decode_batch([video], 48, CPU)
    Image.fromarray(draw_frame(0, 64)).save(tmp_path / "1.jpg")
    jpeg = np.fromfile(tmp_path / "1.jpg", np.uint8)
    images = EncodedImages(tmp_path / "folder", ("1.jpg", "2.jpg"), (jpeg, jpeg[:600]), np.array([0, 1]))
    with pytest.raises(DecodeError, match=r"folder cannot be decoded: 2.jpg: the JPEG is damaged or cut off$"):
        decode_batch([images], 48, CPU)


def test_a_gpu_gives_the_frames_of_the_cpu(mixed: Split) -> None:
    skip_if_missing("GPU")
    encoded = EncodedFrames(48, True, True, PYAV_AND_PILLOW)
    reads = [encoded.read(clip, lambda n: np.arange(16) * n // 16) for clip in mixed.train]
    difference = decode_batch(reads, 48, GPU).cpu().int() - decode_batch(reads, 48, CPU).int()
    assert difference.abs().float().mean() <= 4


def test_the_network_is_given_decoded_clips(mixed: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks that nothing of the encoded batch reaches the network."""
    skip_if_missing("main process")
    monkeypatch.setattr("micacl.data.datamodule.choose_decoding", in_main_process)
    data = module(mixed)
    batch = next(iter(data.test_dataloader()))
    assert "encoded" in batch
    assert "clip" not in batch
    ready = data.on_after_batch_transfer(data.transfer_batch_to_device(batch, CPU, 0), 0)
    assert set(ready) == {"clip", "label", "index"}
    assert ready["clip"].shape == (4, 3, 16, 32, 32)
