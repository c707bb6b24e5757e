"""Checks that no clip, subject or content is in both parts of a fold, and that no two clips have the same content."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from micacl.data.cache.clip_info import ClipInfo
from micacl.data.datasets.listing import Fold, Listing
from micacl.data.verification.report import Finding, Problem, none_expected


def check_leaks(listing: Listing, readable: Sequence[ClipInfo]) -> Iterator[Finding]:
    """Checks for clips, subjects and content in both parts of a fold, and for duplicates."""
    yield none_expected(
        "clips in train and test, by name",
        "remove them from one of the two lists, or the test measures what was trained",
        (problem for fold in listing.folds for problem in _by_name(fold)),
    )
    if any(entry.subject is not None for entry in listing.entries()):
        yield none_expected(
            "clips of subjects in train and test",
            "make folds that keep a subject in one, or say with your results that the faces were known",
            (problem for fold in listing.folds for problem in _by_subject(fold)),
        )
    content = {clip.name: clip.content_hash for clip in readable}
    yield none_expected(
        "clips in train and test, by content",
        "these are one recording under two names; compare manifests to see whether the published copy has them too",
        (problem for fold in listing.folds for problem in _by_content(fold, content)),
    )
    yield none_expected(
        "clips with the content of another",
        "unpack them again; if they stay alike, the data set has them so, and manifests tell whether others' does too",
        _duplicates(readable),
    )


def _by_name(fold: Fold) -> Iterator[Problem]:
    trained = {entry.name: entry for entry in fold.train}
    for entry in fold.test:
        if entry.name in trained:
            where = f"fold {fold.number}: {trained[entry.name].place} and {entry.place}"
            yield Problem(entry.name, "in train and test, by name", where)


def _by_subject(fold: Fold) -> Iterator[Problem]:
    trained = {entry.subject for entry in fold.train if entry.subject is not None}
    for entry in fold.test:
        if entry.subject in trained:
            yield Problem(entry.name, "subject in train and test", f"fold {fold.number}: subject {entry.subject}")


def _by_content(fold: Fold, content: dict[str, str]) -> Iterator[Problem]:
    trained = {content[entry.name]: entry.name for entry in fold.train if entry.name in content}
    for entry in fold.test:
        twin = trained.get(content.get(entry.name, ""))
        if twin is not None and twin != entry.name:
            yield Problem(entry.name, "in train and test, by content", f"fold {fold.number}: like {twin}")


def _duplicates(readable: Sequence[ClipInfo]) -> Iterator[Problem]:
    names: dict[str, list[str]] = defaultdict(list)
    for clip in readable:
        names[clip.content_hash].append(clip.name)
    for first, *others in names.values():
        for name in others:
            yield Problem(name, "content of another", f"like {first}")
