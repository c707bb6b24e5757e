"""Defines the recipe of the built-in data set: how many clips, subjects and folds it has, and clips of each class."""

from dataclasses import dataclass

from micacl.data.expressions import CLASS_NAMES
from micacl.errors import UserError

# Raise it when the same recipe gives other pixels, other video files or another manifest: everybody's built-in data is
# then drawn again. tests/data/synthetic/test_drawing_version.py fails if pixels change and this number does not.
DRAWING_VERSION = 1

# Single-labelled clips of each class in DFEW (Jiang et al., 2020), in label order: the shape of our long tail.
DFEW_CLASS_COUNTS = (2445, 1894, 2669, 2173, 1469, 145, 902)

# Clips last one to two and a half seconds, as most clips of DFEW, at fewer frames per second than film: drawing and
# decoding are most of the cost of loading, and the network sees 8 frames of a clip.
MIN_CLIP_FRAMES = 16
MAX_CLIP_FRAMES = 36
FRAMES_PER_SECOND = 15

# Rows of a multiple of 32 pixels need no padding in any decoder.
FRAME_SIZE_STEP = 32


@dataclass(frozen=True)
class Recipe:
    """The options that decide the built-in data set, apart from the drawing itself.

    Attributes:
        num_clips: The number of clips in all.
        num_subjects: The number of drawn persons; each belongs to one fold.
        num_folds: The number of subject-disjoint folds for cross-validation.
        min_clips_per_class_and_fold: The floor of the long tail: each recall is measured on at least this many clips.
        frame_size: The height and width of a frame in pixels, a multiple of 32.
        strength: The strength of the expressions, above 0. A network learns from 1, an exaggeration, in minutes; 0.5 is
            about as much as resting faces differ from each other.
        seed: The seed of every random choice.

    Raises:
        UserError: If the values cannot be met together.
    """

    num_clips: int = 1000
    num_subjects: int = 100
    num_folds: int = 5
    min_clips_per_class_and_fold: int = 5
    frame_size: int = 96
    strength: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_folds < 2:
            raise UserError(f"synthetic: num_folds is {self.num_folds}; cross-validation needs at least 2")
        if self.num_subjects < self.num_folds:
            raise UserError(
                f"dataset.synthetic: {self.num_subjects} subjects cannot fill {self.num_folds} subject-disjoint folds; "
                f"set num_subjects to {self.num_folds} or more"
            )
        if self.min_clips_per_class_and_fold < 1:
            raise UserError(
                f"synthetic: min_clips_per_class_and_fold is {self.min_clips_per_class_and_fold}; "
                "a class without test clips has no recall, so set it to 1 or more"
            )
        floor = len(CLASS_NAMES) * self.num_folds * self.min_clips_per_class_and_fold
        if self.num_clips < floor:
            raise UserError(
                f"dataset.synthetic: {self.num_clips} clips are too few for {self.min_clips_per_class_and_fold} clips "
                f"of {len(CLASS_NAMES)} classes in {self.num_folds} folds; set num_clips to {floor} or more"
            )
        if self.num_clips < self.num_subjects:
            raise UserError(
                f"dataset.synthetic: {self.num_clips} clips cannot show {self.num_subjects} subjects; "
                f"set num_subjects to {self.num_clips} or less"
            )
        if self.frame_size < FRAME_SIZE_STEP or self.frame_size % FRAME_SIZE_STEP:
            raise UserError(f"synthetic: frame_size is {self.frame_size}; set it to a multiple of {FRAME_SIZE_STEP}")
        if not 0 < self.strength <= 1:
            raise UserError(f"synthetic: strength is {self.strength}; set it above 0 and to at most 1")
        if self.seed < 0:
            raise UserError(f"synthetic: seed is {self.seed}; set it to 0 or more")


def class_counts(recipe: Recipe) -> dict[str, int]:
    """Computes the number of clips of each class: DFEW's proportions, except that no class falls below the floor.

    Args:
        recipe: The recipe of the data set.

    Returns:
        The number of clips by class name, in label order; the numbers add up to `recipe.num_clips`.

    >>> class_counts(Recipe())["disgust"]
    25
    """
    floor = recipe.num_folds * recipe.min_clips_per_class_and_fold
    counts = dict.fromkeys(CLASS_NAMES, floor)
    # Classes that DFEW's proportions would put below the floor get the floor; the others share the rest.
    sharing = dict(zip(CLASS_NAMES, DFEW_CLASS_COUNTS, strict=True))
    while True:
        left = recipe.num_clips - floor * (len(CLASS_NAMES) - len(sharing))
        share = {name: left * weight / sum(sharing.values()) for name, weight in sharing.items()}
        below = [name for name in sharing if share[name] < floor]
        if not below:
            break
        for name in below:
            del sharing[name]
    counts |= {name: int(value) for name, value in share.items()}
    # Clips left over by rounding down go to the classes with the largest remainders.
    by_remainder = sorted(share, key=lambda name: int(share[name]) - share[name])
    for name in by_remainder[: recipe.num_clips - sum(counts.values())]:
        counts[name] += 1
    return counts
