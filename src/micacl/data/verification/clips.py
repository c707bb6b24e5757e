"""Checks that every clip is on disk, can be decoded, and is long enough."""

from collections.abc import Iterator, Mapping, Sequence

from micacl.data.cache.clip_info import ClipInfo
from micacl.data.datasets.listing import Located
from micacl.data.verification.published import Published
from micacl.data.verification.report import Finding, Problem, none_expected

# The paper's network sees 16 frames of a clip; a shorter clip repeats frames.
ENOUGH_FRAMES = 16


def check_clips(
    located: Located, facts: Mapping[str, ClipInfo], readable: Sequence[ClipInfo], known: Published | None
) -> Iterator[Finding]:
    """Checks that every clip is on disk, can be decoded, and is long enough."""
    yield none_expected(
        "clips missing on disk",
        "unpack all parts of the data set",
        (Problem(name, "missing", detail) for name, detail in sorted(located.missing.items())),
    )
    yield none_expected(
        "clips that cannot be decoded",
        "unpack these clips again, or leave them out with dataset.on_error=skip",
        (
            Problem(name, "cannot be decoded", facts[name].reason if name in facts else "it was not decoded")
            for name in sorted(located.paths)
            if name not in facts or facts[name].reason
        ),
    )
    yield _short(readable, known)


def _short(readable: Sequence[ClipInfo], known: Published | None) -> Finding:
    short = [clip for clip in readable if clip.num_frames < ENOUGH_FRAMES]
    expected = known.short_clips if known else None
    is_ok = expected is None or len(short) == expected
    return Finding(
        f"clips shorter than {ENOUGH_FRAMES} frames",
        str(len(short)),
        "" if expected is None else str(expected),
        "" if is_ok else "frames are missing or were added; unpack the official frames again",
        ()
        if is_ok
        else tuple(
            Problem(clip.name, f"shorter than {ENOUGH_FRAMES} frames", f"{clip.num_frames} frames") for clip in short
        ),
    )
