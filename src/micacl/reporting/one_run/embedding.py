"""Embeds features by t-SNE, so that clips with similar features lie near each other, the same way every time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from micacl.run_folder.features import Features, read_features
from micacl.run_folder.record import Run

SEED = 0
HOW_TO_READ = "Read who is near whom; the axes and the distances between far groups mean nothing."
# Measured by benchmarks/tsne.py: from about so many clips on openTSNE's FFT is faster than its Barnes-Hut, and with
# intervals of 2 instead of 1 it is faster still and keeps as many neighbours.
FFT_CLIPS = 5000
FFT_INTERVAL = 2
MIN_CLIPS = 5  # fewer would leave a perplexity of 1 or less: a single neighbour each


def perplexity(clips: int) -> float:
    """Chooses t-SNE's perplexity: 30, or what few clips allow.

    Args:
        clips: The number of clips.
    """
    return min(30.0, (clips - 1) / 3)


def nothing_to_embed(features: NDArray[np.float32]) -> str | None:
    """Says in a sentence why features cannot be embedded; None where they can.

    Args:
        features: The features, shape (N, C), finite.
    """
    if len(features) < MIN_CLIPS:
        return f"t-SNE needs at least {MIN_CLIPS} clips; this run has {len(features)}."
    if (features == features[0]).all():
        return f"The features of all {len(features)} clips are alike: there is nothing to tell apart."
    return None


def describe_embedding(features: NDArray[np.float32]) -> str:
    """Says for the caption how `embed` embeds features.

    Args:
        features: The features, shape (N, C).
    """
    clips, width = features.shape
    how = f"perplexity {perplexity(clips):.4g}, PCA start, seed {SEED}"
    return f"t-SNE of the {width} features of {clips} test clips: {how}"


def embed(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Embeds features by t-SNE in two dimensions, the same features always in the same way.

    Args:
        features: The features, shape (N, C), to which `nothing_to_embed` has no objection.

    Returns:
        The points, shape (N, 2); the axes have no unit.
    """
    # Seconds to import, which no other figure should wait for.
    from openTSNE import TSNE  # type: ignore[import-untyped]

    # t-SNE sees neither an offset nor a scale, but its PCA start overflows or vanishes where they are extreme.
    centered = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    scaled = centered / np.abs(centered).max()
    tsne = TSNE(
        perplexity=perplexity(len(features)),
        initialization="pca",
        random_state=SEED,
        neighbors="exact",  # approximate ones differ from one number of threads to another
        negative_gradient_method="fft" if len(features) >= FFT_CLIPS else "bh",
        ints_in_interval=FFT_INTERVAL,
        n_jobs=_threads(),
    )
    return np.asarray(tsne.fit(scaled), dtype=np.float32)


@dataclass(frozen=True)
class Embedded:
    """A run's test clips in two dimensions.

    Attributes:
        run: The run.
        data: The features of its clips.
        points: The points, shape (N, 2); None where there is nothing to embed.
        caption: How the clips were embedded, or why they were not.
    """

    run: Run
    data: Features
    points: NDArray[np.float32] | None
    caption: str


def embed_run(run: Run) -> Embedded:
    """Embeds the features of a run's test clips.

    Args:
        run: A run with its features.npz.

    Raises:
        UserError: If the features are missing, damaged or not finite.
    """
    data = read_features(run)
    objection = nothing_to_embed(data.features)
    if objection is not None:
        return Embedded(run, data, None, objection)
    return Embedded(run, data, embed(data.features), describe_embedding(data.features))


def _threads() -> int:
    """Counts the threads that this process may use, by OMP_NUM_THREADS and `threadpool_limits`, as NumPy does."""
    return max((int(pool["num_threads"]) for pool in threadpool_info()), default=1)
