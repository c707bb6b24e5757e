import numpy as np
import pytest
import torch
from torch import Tensor

from micacl.data.augmentation import CentreResize, TrainingAugmentation, normalise
from micacl.errors import UserError


def noise_clip(num_frames: int = 16, height: int = 96, width: int = 96, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (num_frames, 3, height, width), dtype=torch.uint8, generator=generator)


@pytest.fixture
def augment() -> TrainingAugmentation:
    return TrainingAugmentation(64, (0.5, 1.0), 0.4)


@pytest.mark.parametrize("seed", range(10))
def test_all_frames_of_a_clip_are_augmented_alike(augment: TrainingAugmentation, seed: int) -> None:
    frame = noise_clip(1)
    clip = augment(frame.expand(16, -1, -1, -1), seed)
    assert clip.shape == (16, 3, 64, 64)
    assert clip.dtype == torch.uint8
    assert (clip == clip[:1]).all()


def test_the_order_of_the_frames_stays(augment: TrainingAugmentation) -> None:
    frames = torch.stack([torch.full((3, 96, 96), 10 * number, dtype=torch.uint8) for number in range(16)])
    means = augment(frames, 0).float().mean((1, 2, 3))
    assert (means.diff() > 0).all()


def test_the_seed_decides_the_draw(augment: TrainingAugmentation) -> None:
    clip = noise_clip()
    assert (augment(clip, 3) == augment(clip, 3)).all()
    assert len({tuple(augment(clip, seed).flatten()[:200].tolist()) for seed in range(20)}) == 20


def test_the_draw_neither_reads_nor_disturbs_the_global_generator(augment: TrainingAugmentation) -> None:
    clip = noise_clip()
    torch.manual_seed(1)
    first = augment(clip, 3)
    untouched = torch.rand(4)
    torch.manual_seed(1)
    assert (torch.rand(4) == untouched).all()
    assert (augment(clip, 3) == first).all()


def test_half_of_the_clips_are_mirrored() -> None:
    augment = TrainingAugmentation(64, (1.0, 1.0), 0.0)
    # Dark on the left, bright on the right: mirroring shows whatever the crop.
    ramp = torch.linspace(0, 255, 96).to(torch.uint8).expand(2, 3, 96, 96)
    mirrored = [bool(out[..., :32].float().mean() > out[..., 32:].float().mean()) for out in map_seeds(augment, ramp)]
    assert 70 < sum(mirrored) < 130


def map_seeds(augment: TrainingAugmentation, clip: Tensor) -> list[Tensor]:
    return [augment(clip, seed) for seed in range(200)]


def test_crops_keep_the_share_of_the_frame_that_was_asked_for() -> None:
    augment = TrainingAugmentation(64, (0.25, 0.36), 0.0)
    # Each pixel tells its place, so the corners of the result tell the crop; 96 levels of 2.
    columns = (2 * torch.arange(96, dtype=torch.uint8)).expand(96, 96)
    place = torch.stack([columns, columns.T, columns])[None]
    for clip in map_seeds(augment, place):
        width, height = ((clip[0, axis].max() - clip[0, axis].min()) / 2 + 1 for axis in (0, 1))
        assert 0.2 < width * height / 96**2 < 0.4
        assert 0.7 < width / height < 1.4


def test_jitter_keeps_within_its_bounds_and_leaves_the_hue() -> None:
    augment = TrainingAugmentation(64, (1.0, 1.0), 0.4)
    grey = torch.full((1, 3, 96, 96), 100, dtype=torch.uint8)
    outputs = torch.stack(map_seeds(augment, grey)).float()
    assert outputs.min() >= 59
    assert outputs.max() <= 141
    assert outputs.std() > 10
    assert (outputs == outputs[:, :, :1]).all()


@pytest.mark.parametrize("crop_scale", [(0.0, 1.0), (0.9, 0.8), (0.5, 1.1), (0.5,)])
def test_a_crop_scale_out_of_range_is_an_error(crop_scale: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match="crop_scale is"):
        TrainingAugmentation(64, crop_scale, 0.4)


def test_a_negative_jitter_is_an_error() -> None:
    with pytest.raises(UserError, match=r"color_jitter is -0\.1"):
        TrainingAugmentation(64, (0.5, 1.0), -0.1)


@pytest.mark.parametrize(("height", "width"), [(96, 96), (64, 64), (120, 90), (90, 120), (30, 20)])
def test_evaluation_resizes_and_takes_the_middle(height: int, width: int) -> None:
    clip = torch.zeros(2, 3, height, width, dtype=torch.uint8)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    clip[:, :, top : top + side, left : left + side] = 200
    resized = CentreResize(64)(clip)
    assert resized.shape == (2, 3, 64, 64)
    # The middle square alone is seen; its outermost pixels may mix with what lies beside them.
    assert (resized[:, :, 2:-2, 2:-2] == 200).all()


def test_a_clip_of_the_right_size_is_left_as_it_is() -> None:
    clip = noise_clip(2, 64, 64)
    assert (CentreResize(64)(clip) == clip).all()


def test_normalise_subtracts_kinetics_mean_and_divides_by_its_deviation() -> None:
    clip = noise_clip(8, 6, 5).view(2, 4, 3, 6, 5).transpose(1, 2)
    expected = np.empty(clip.shape)
    for channel, (mean, std) in enumerate(zip((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989), strict=True)):
        expected[:, channel] = (clip[:, channel].numpy() / 255 - mean) / std
    result = normalise(clip)
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-5, atol=1e-6)
