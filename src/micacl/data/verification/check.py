"""Checks a copy of a data set by its lists, its clips on disk, and the results of decoding them."""

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
    """Checks a copy of a data set.

    Args:
        dataset: The data set's name, as in `dataset=`.
        listing: The listing with all folds.
        located: The clips that are on disk, and those that are missing.
        facts: The result of decoding each clip on disk, by the clip's name.

    Returns:
        The report with all findings, good or bad.
    """
    known = published(dataset)
    counts = part_counts(listing, known)
    # Sorted by name, because the report must not depend on the order in which clips were decoded.
    readable = [facts[name] for name in sorted(located.paths) if name in facts and not facts[name].reason]
    findings = (
        *check_counts(listing, counts, known),
        *check_clips(located, facts, readable, known),
        *check_leaks(listing, readable),
        *check_preparation(listing, readable, known),
    )
    return Report(dataset, listing.class_names, counts, findings)
