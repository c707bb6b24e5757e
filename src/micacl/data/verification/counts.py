"""Counts the clips per class, fold and part, and checks them against the published counts and each other."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from micacl.data.datasets.listing import Listing
from micacl.data.verification.published import Published
from micacl.data.verification.report import Finding, PartCounts, Problem, none_expected


def part_counts(listing: Listing, known: Published | None) -> tuple[PartCounts, ...]:
    """Counts the clips of every fold and part."""
    rows = []
    for fold in listing.folds:
        for part, entries in fold.parts():
            labels = Counter(entry.label for entry in entries)
            counts = tuple(labels[label] for label in range(len(listing.class_names)))
            rows.append(PartCounts(fold.number, part, counts, known.parts.get((fold.number, part)) if known else None))
    return tuple(rows)


def check_counts(listing: Listing, counts: tuple[PartCounts, ...], known: Published | None) -> Iterator[Finding]:
    """Checks that the lists are the published ones, and agree with each other."""
    if known is not None:
        wrong = [f"fold {row.fold} {row.part}" for row in counts if not row.is_ok]
        yield Finding(
            "lists as published",
            f"{len(counts) - len(wrong)} of {len(counts)}" + (f"; not {', '.join(wrong)}" if wrong else ""),
            f"{len(counts)}",
            "compare the numbers above, and take the data set's own split files" if wrong else "",
        )
    yield _one_label(listing)
    if len(listing.folds) > 1:
        yield _tested_once(listing, known)


def _one_label(listing: Listing) -> Finding:
    labels: dict[str, set[int]] = defaultdict(set)
    for entry in listing.entries():
        labels[entry.name].add(entry.label)
    return none_expected(
        "clips with several labels",
        "give each clip the same label in all lists",
        (
            Problem(name, "several labels", ", ".join(listing.class_names[label] for label in sorted(found)))
            for name, found in labels.items()
            if len(found) > 1
        ),
    )


def _tested_once(listing: Listing, known: Published | None) -> Finding:
    tested = Counter(entry.name for fold in listing.folds for entry in fold.test)
    names = dict.fromkeys(entry.name for entry in listing.entries())
    wrong = {name: tested[name] for name in names if tested[name] != 1}
    num_clips = known.num_clips if known else len(names)
    is_ok = not wrong and len(names) == num_clips
    return Finding(
        "clips tested in exactly one fold",
        f"{len(names) - len(wrong)} of {len(names)}",
        f"{num_clips} of {num_clips}",
        "" if is_ok else "take all split files from one copy of the data set",
        tuple(Problem(name, "not tested in exactly one fold", f"in {count} folds") for name, count in wrong.items()),
    )
