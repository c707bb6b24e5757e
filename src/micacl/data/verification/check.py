"""The check of a copy of a data set, from its lists, its clips on disk, and what decoding found out about each."""

from collections.abc import Mapping

from micacl.data.cache.clip_info import ClipInfo
from micacl.data.datasets.listing import Listing, Located
from micacl.data.verification.clips import check_clips
from micacl.data.verification.counts import check_counts, part_counts
from micacl.data.verification.leaks import check_leaks
from micacl.data.verification.preparation import check_preparation
from micacl.data.verification.published import published
from micacl.data.verification.report import Report


def check(dataset: str, listing: Listing, located: Located, facts: Mapping[str, ClipInfo]) -> Report:
    """Check a copy of a data set.

    Args:
        dataset: Its name, as in `dataset=`.
        listing: All its folds.
        located: Which of its clips are on disk.
        facts: Name of each clip on disk to what decoding it found out.

    Returns:
        Everything that was found, good or bad.
    """
    known = published(dataset)
    counts = part_counts(listing, known)
    # In the order of names: what is reported must not depend on the order in which clips were decoded.
    readable = [facts[name] for name in sorted(located.paths) if name in facts and not facts[name].reason]
    findings = (
        *check_counts(listing, counts, known),
        *check_clips(located, facts, readable, known),
        *check_leaks(listing, readable),
        *check_preparation(listing, readable, known),
    )
    return Report(dataset, listing.class_names, counts, findings)
