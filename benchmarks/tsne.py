"""Compares scikit-learn's and openTSNE's t-SNE for the reports, on features shaped like ours.

``python benchmarks/tsne.py [--points 2341 10000] [--threads 2]`` prints a Markdown table. Seconds are those of the fit
alone; CPU seconds are the sum over all threads, and tell a slow method from a busy machine. "Neighbours kept" is the
share of each clip's 15 nearest clips that are among its 15 nearest in the picture.
"""

import argparse
import platform
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import openTSNE  # type: ignore[import-untyped]
import sklearn.manifold
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

PERPLEXITY = 30
NEIGHBORS = 15
CLASS_COUNTS = (489, 379, 534, 435, 294, 29, 181)  # DFEW's test split of fold 1

Array = NDArray[np.float32]


def features(points: int) -> Array:
    """Draws non-negative features of long-tailed, overlapping classes, shape (points, 512)."""
    rng = np.random.default_rng(0)
    share = np.array(CLASS_COUNTS) / sum(CLASS_COUNTS)
    label = rng.choice(len(share), size=points, p=share)
    subject = rng.integers(0, max(2, points // 20), size=points)  # clips of one film are alike
    within = rng.normal(size=(points, 512)) + rng.normal(size=(subject.max() + 1, 512))[subject]
    between = rng.normal(size=(len(share), 512))[label]
    return np.maximum(0, within + between).astype(np.float32)


def scikit_learn(features: Array, threads: int) -> Array:
    """Embeds features with scikit-learn's Barnes-Hut t-SNE."""
    tsne = sklearn.manifold.TSNE(perplexity=PERPLEXITY, init="pca", random_state=0, n_jobs=threads)
    return np.asarray(tsne.fit_transform(features))


def open_tsne(method: str, interval: int = 1) -> Callable[[Array, int], Array]:
    """Makes an embedding by openTSNE with exact neighbours; approximate ones depend on the number of threads.

    Args:
        method: The method for the gradient: "bh" (Barnes-Hut) or "fft".
        interval: The length of the FFT's intervals in the picture's units; longer ones make a smaller grid.
    """

    def fit(features: Array, threads: int) -> Array:
        tsne = openTSNE.TSNE(
            perplexity=PERPLEXITY,
            initialization="pca",
            random_state=0,
            n_jobs=threads,
            neighbors="exact",
            negative_gradient_method=method,
            ints_in_interval=interval,
        )
        return np.asarray(tsne.fit(features), dtype=np.float32)

    return fit


METHODS: dict[str, Callable[[Array, int], Array]] = {
    f"scikit-learn {version('scikit-learn')}, Barnes-Hut": scikit_learn,
    f"openTSNE {version('openTSNE')}, Barnes-Hut": open_tsne("bh"),
    f"openTSNE {version('openTSNE')}, FFT": open_tsne("fft"),
    f"openTSNE {version('openTSNE')}, FFT, intervals of 2": open_tsne("fft", interval=2),
}


def neighbors_kept(features: Array, embedded: Array) -> float:
    """Computes the share of each point's nearest points that stay among its nearest."""

    def nearest(points: Array) -> NDArray[np.int64]:
        return np.asarray(NearestNeighbors(n_neighbors=NEIGHBORS).fit(points).kneighbors(return_distance=False))

    pairs = zip(nearest(features), nearest(embedded), strict=True)
    return float(np.mean([len(np.intersect1d(before, after)) / NEIGHBORS for before, after in pairs]))


def main() -> None:
    """Prints one row for each library, method and number of points."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--points", type=int, nargs="+", default=[2341, 10_000])
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    print(f"{platform.machine()} CPU, {arguments.threads} threads, 512 features, perplexity {PERPLEXITY}, PCA start\n")
    print("| points | t-SNE | s | CPU s | neighbours kept |\n| ---: | --- | ---: | ---: | ---: |")
    with threadpool_limits(arguments.threads):
        for points in arguments.points:
            data = features(points)
            for name, fit in METHODS.items():
                fit(data[:200], arguments.threads)  # loading and compiling at first use do not count
                start, cpu_start = time.perf_counter(), time.process_time()
                embedded = fit(data, arguments.threads)
                seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
                kept = neighbors_kept(data, embedded)
                print(f"| {points} | {name} | {seconds:.1f} | {cpu_seconds:.1f} | {kept:.1%} |", flush=True)


if __name__ == "__main__":
    main()
