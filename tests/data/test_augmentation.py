"""Checks the two ways of augmenting, OpenCV in a worker and PyTorch on the device, against Pillow and each other."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from micacl.data.augmentation import UNCHANGED, Draw, TrainingAugmentation, augment_batch, augment_clip, normalize
from micacl.errors import UserError

Frames = NDArray[np.uint8]


def smooth_clip(num_frames: int = 6, size: int = 96, seed: int = 0, low: int = 0, high: int = 256) -> Frames:
    """Draws soft blobs of colour: on noise of single pixels, no two ways of resizing agree."""
    generator = np.random.default_rng(seed)
    frames = []
    for _ in range(num_frames):
        coarse = generator.integers(low, high, (6, 6, 3), dtype=np.uint8)
        frames.append(np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)))
    return np.stack(frames)


def draws(augmentation: TrainingAugmentation, number: int) -> list[Draw]:
    return [augmentation.draw(np.random.default_rng(seed)) for seed in range(number)]


def on_worker(frames: Frames, draw: Draw, size: int) -> Frames:
    return augment_clip(frames[:, draw.rows(frames.shape[1])], draw, size)


def on_device(frames: Frames, draw: Draw, size: int) -> Frames:
    result: Frames = augment_batch(torch.from_numpy(frames)[None], [draw], size)[0].numpy()
    return result


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("frame_size", [64, 96, 128])
def test_the_worker_and_the_device_give_the_same_pixels(seed: int, frame_size: int) -> None:
    draw = TrainingAugmentation((0.08, 1.0), 0.4).draw(np.random.default_rng(seed))
    clip = smooth_clip(size=frame_size, seed=seed)
    worker, device = on_worker(clip, draw, 64), on_device(clip, draw, 64)
    assert worker.shape == device.shape == (6, 64, 64, 3)
    assert worker.dtype == device.dtype == np.uint8
    assert abs(worker.astype(int) - device).max() <= 2


@pytest.mark.parametrize("height", [1 / 96, 2 / 96, 0.1, 0.3, 0.66, 0.67, 0.9, 1.0])
@pytest.mark.parametrize("size", [1, 63, 64])
def test_frames_do_not_run_into_each_other(height: float, size: int) -> None:
    # Black and white in turns, so that a trace of a neighbour shows.
    frames = np.zeros((5, 96, 96, 3), np.uint8)
    frames[1::2] = 255
    result = on_worker(frames, Draw(top=0.0, height=height, width=0.5), size)
    assert (result == frames[:, :1, :1]).all()


@pytest.mark.parametrize("frame_size", [1, 2, 7])
def test_tiny_frames_are_augmented_too(frame_size: int) -> None:
    for draw in draws(TrainingAugmentation((0.08, 1.0), 0.4), 30):
        clip = smooth_clip(size=frame_size)
        assert abs(on_worker(clip, draw, 64).astype(int) - on_device(clip, draw, 64)).max() <= 2


def test_a_clip_of_many_frames_is_as_exact_as_one_of_few() -> None:
    (draw,) = draws(TrainingAugmentation((0.2, 0.5), 0.0), 1)
    clip = np.repeat(smooth_clip(1), 700, axis=0)
    assert abs(on_worker(clip, draw, 64).astype(int) - on_device(clip[:1], draw, 64)).max() <= 2


def test_a_batch_gives_each_clip_its_own_draw() -> None:
    chosen = draws(TrainingAugmentation((0.3, 1.0), 0.4), 4)
    clips = np.stack([smooth_clip(seed=seed) for seed in range(4)])
    batch = augment_batch(torch.from_numpy(clips), chosen, 48).numpy()
    for clip, draw, result in zip(clips, chosen, batch, strict=True):
        assert (on_device(clip, draw, 48) == result).all()


@pytest.mark.parametrize("seed", range(10))
def test_all_frames_of_a_clip_are_augmented_alike(seed: int) -> None:
    (draw,) = draws(TrainingAugmentation((0.5, 1.0), 0.4), seed + 1)[-1:]
    frame = smooth_clip(1, seed=seed)
    clip = on_worker(np.repeat(frame, 16, axis=0), draw, 64)
    assert clip.shape == (16, 64, 64, 3)
    assert (clip == clip[:1]).all()


def test_the_order_of_the_frames_stays() -> None:
    frames = np.stack([np.full((96, 96, 3), 80 + 6 * number, dtype=np.uint8) for number in range(16)])
    for draw in draws(TrainingAugmentation((0.5, 1.0), 0.2), 5):
        assert (np.diff(on_worker(frames, draw, 64).mean((1, 2, 3))) > 0).all()


def test_the_generator_decides_the_draw() -> None:
    augmentation = TrainingAugmentation((0.5, 1.0), 0.4)
    assert draws(augmentation, 20) == draws(augmentation, 20)
    assert len(set(draws(augmentation, 20))) == 20


def test_half_of_the_clips_are_mirrored_and_mirroring_mirrors() -> None:
    chosen = draws(TrainingAugmentation((1.0, 1.0), 0.0), 200)
    assert 70 < sum(draw.mirrored for draw in chosen) < 130
    clip = smooth_clip()
    mirrored = on_worker(clip, Draw(mirrored=True), 96)
    assert (mirrored == clip[:, :, ::-1]).all()


@pytest.mark.parametrize("run", [on_worker, on_device])
def test_the_crop_is_the_one_drawn(run: object) -> None:
    # Each pixel tells its place, so the corners of the result tell the crop; 96 levels of 2.
    columns = np.broadcast_to(2 * np.arange(96, dtype=np.uint8), (96, 96))
    place = np.stack([columns, columns.T, columns], axis=-1)[None].copy()
    for draw in draws(TrainingAugmentation((0.25, 0.36), 0.0), 50):
        result = run(place, replace(draw, mirrored=False), 64)  # type: ignore[operator]
        top, left, height, width = draw.box(96)
        assert 0.2 < height * width / 96**2 < 0.4
        assert 0.7 < width / height < 1.4
        assert abs(result[0, 0, 0].astype(int) - [2 * left, 2 * top, 2 * left]).max() <= 2
        corner = [2 * (left + width - 1), 2 * (top + height - 1)]
        assert abs(result[0, -1, -1, :2].astype(int) - corner).max() <= 2


def test_every_crop_lies_within_the_frame() -> None:
    for size in (1, 2, 7, 64, 128):
        for draw in draws(TrainingAugmentation((0.01, 1.0), 0.0), 100):
            top, left, height, width = draw.box(size)
            assert 0 <= top < top + height <= size
            assert 0 <= left < left + width <= size


@pytest.mark.parametrize(
    ("brightness", "contrast", "saturation"),
    [(0.7, 1, 1), (1.2, 1, 1), (1, 0.6, 1), (1, 1, 0.5), (1, 1, 1.4), (0.9, 0.7, 0.8)],
)
def test_colors_change_as_in_pillow(brightness: float, contrast: float, saturation: float) -> None:
    # From 60 to 160, so that nothing is cut off on the way, which Pillow would do at each step.
    clip = smooth_clip(1, low=60, high=160)
    image = ImageEnhance.Brightness(Image.fromarray(clip[0])).enhance(brightness)
    image = ImageEnhance.Contrast(image).enhance(contrast)
    expected = np.asarray(ImageEnhance.Color(image).enhance(saturation)).astype(int)
    draw = Draw(brightness=brightness, contrast=contrast, saturation=saturation)
    for result in (on_worker(clip, draw, 96)[0], on_device(clip, draw, 96)[0]):
        assert abs(result.astype(int) - expected).max() <= 3  # Pillow rounds after each step


def test_jitter_keeps_within_its_bounds_and_leaves_the_hue() -> None:
    gray = np.full((1, 96, 96, 3), 100, dtype=np.uint8)
    chosen = draws(TrainingAugmentation((1.0, 1.0), 0.4), 200)
    outputs = np.stack([on_worker(gray, draw, 64) for draw in chosen]).astype(int)
    assert outputs.min() >= 59
    assert outputs.max() <= 141
    assert outputs.std() > 10
    assert abs(outputs - outputs[..., :1]).max() <= 1  # rounded channel by channel


def test_nothing_changes_nothing() -> None:
    clip = smooth_clip()
    assert (on_worker(clip, UNCHANGED, 96) == clip).all()
    assert (on_device(clip, UNCHANGED, 96) == clip).all()


@pytest.mark.parametrize("crop_scale", [(0.0, 1.0), (0.9, 0.8), (0.5, 1.1), (0.5,)])
def test_a_crop_scale_out_of_range_is_an_error(crop_scale: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match="crop_scale is"):
        TrainingAugmentation(crop_scale, 0.4)


def test_a_negative_jitter_is_an_error() -> None:
    with pytest.raises(UserError, match=r"color_jitter is -0\.1"):
        TrainingAugmentation((0.5, 1.0), -0.1)


def test_normalised_pixels_are_what_torchvision_computes() -> None:
    from torchvision.models.video import R3D_18_Weights

    transforms = R3D_18_Weights.KINETICS400_V1.transforms()
    clip = torch.randint(0, 256, (2, 4, 5, 6, 3), dtype=torch.uint8)
    found = normalize(clip)
    pixels_BCFHW = clip.permute(0, 4, 1, 2, 3).double() / 255
    mean, std = (
        torch.tensor(values, dtype=torch.float64).view(3, 1, 1, 1) for values in (transforms.mean, transforms.std)
    )
    torch.testing.assert_close(found.double(), (pixels_BCFHW - mean) / std, atol=1e-5, rtol=1e-5)
    assert found.is_contiguous(memory_format=torch.channels_last_3d)
