"""Checks whether the clips are the published ones or another preparation of them.

Other frames of the same recordings (other crops, other frame rates, 16 interpolated frames) give other results. Most
reports of results that cannot be repeated name this as the reason.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from micacl.data.cache.clip_info import ClipInfo
from micacl.data.datasets.listing import Listing
from micacl.data.verification.published import Published, PublishedFrames
from micacl.data.verification.report import Finding, Problem, none_expected

INTERPOLATED_FRAMES = 16
# The minimum, median and maximum may differ by this share: damaged clips change them less, another frame rate more.
TOLERANCE = 0.1

_ANOTHER = "this is another preparation of the data set, and results on it are not those of the published one"


def check_preparation(listing: Listing, readable: Sequence[ClipInfo], known: Published | None) -> Iterator[Finding]:
    """Checks whether the clips are the published ones or another preparation of them."""
    if any(entry.num_frames is not None for entry in listing.entries()):
        yield _listed_frames(listing, {clip.name: clip for clip in readable})
    if not readable:
        return
    yield _frame_size(readable, known.frame_size if known else None)
    yield _frames(readable, known)


def _listed_frames(listing: Listing, readable: Mapping[str, ClipInfo]) -> Finding:
    listed = sorted({(entry.name, entry.num_frames) for entry in listing.entries() if entry.num_frames is not None})
    problem = "another number of frames than listed"
    return none_expected(
        "clips with other frames than listed",
        "the lists were made for another preparation of the data set; take the lists of this one",
        (
            Problem(name, problem, f"{readable[name].num_frames} frames, listed as {count}")
            for name, count in listed
            if name in readable and count != readable[name].num_frames
        ),
    )


def _frame_size(readable: Sequence[ClipInfo], expected: int | None) -> Finding:
    sizes = Counter((clip.height, clip.width) for clip in readable)
    shown = [f"{height}x{width}" + (f" ({count})" if len(sizes) > 1 else "") for (height, width), count in _most(sizes)]
    found = ", ".join(shown) + (", ..." if len(sizes) > len(shown) else "")
    if expected is None:
        return Finding("frame size (clips)", found, "")
    other = [clip for clip in readable if (clip.height, clip.width) != (expected, expected)]
    return Finding(
        "frame size (clips)",
        found,
        f"{expected}x{expected}",
        f"{_ANOTHER}; take the frames of {expected}x{expected}" if other else "",
        tuple(Problem(clip.name, "another frame size", f"{clip.height}x{clip.width}") for clip in other),
    )


def _most(sizes: Counter[tuple[int, int]]) -> list[tuple[tuple[int, int], int]]:
    """Returns the three most common sizes, whatever the order of the clips."""
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:3]


def _frames(readable: Sequence[ClipInfo], known: Published | None) -> Finding:
    counts = [clip.num_frames for clip in readable]
    measured = PublishedFrames(min(counts), median(counts), max(counts))
    check = "frames in a clip: min, median, max"
    if known is not None and measured.min == measured.max == INTERPOLATED_FRAMES:
        return Finding(
            check,
            f"{_shown(measured)}: a time-interpolated {INTERPOLATED_FRAMES}-frame copy",
            _shown(known.frames) if known.frames else "",
            f"{_ANOTHER}; take the frames as they were filmed",
        )
    if known is None or known.frames is None:
        return Finding(check, _shown(measured), "")
    is_ok = all(
        abs(getattr(measured, name) - getattr(known.frames, name)) <= TOLERANCE * getattr(known.frames, name)
        for name in ("min", "median", "max")
    )
    return Finding(
        check,
        _shown(measured),
        _shown(known.frames),
        "" if is_ok else f"{_ANOTHER}; take the official frames, all of them",
    )


def _shown(frames: PublishedFrames) -> str:
    return f"{frames.min}, {frames.median:g}, {frames.max}"
