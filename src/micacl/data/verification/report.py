"""What the check found."""

from collections.abc import Sequence
from dataclasses import dataclass

from micacl.data.verification.published import PublishedPart

SHOWN = 3


@dataclass(frozen=True)
class Problem:
    """Something about one clip that a user may want to mend.

    Attributes:
        clip: Its name.
        problem: What is wrong, the same words for all clips that have it.
        detail: More about this clip.
    """

    clip: str
    problem: str
    detail: str


@dataclass(frozen=True)
class Finding:
    """One row of the check.

    Attributes:
        check: What was looked at.
        found: What it is.
        expected: What it should be; "" where nothing is known.
        advice: What to do about it; "" where all is well.
        problems: The clips that it is about, where it is about some.
    """

    check: str
    found: str
    expected: str
    advice: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether all is well."""
        return not self.advice


@dataclass(frozen=True)
class PartCounts:
    """The clips of one part of one fold.

    Attributes:
        fold: The fold.
        part: "train" or "test".
        counts: Clips of each class, in label order.
        published: What they should be, or None where nothing is published.
    """

    fold: int
    part: str
    counts: tuple[int, ...]
    published: PublishedPart | None

    def class_is_ok(self, label: int) -> bool:
        """Whether a class has as many clips as published, as far as that is known."""
        if self.published is None or self.published.per_class is None:
            return True
        return abs(self.counts[label] - self.published.per_class[label]) <= self.published.within

    @property
    def total_is_ok(self) -> bool:
        """Whether there are as many clips as published."""
        return self.published is None or sum(self.counts) == self.published.total

    @property
    def is_ok(self) -> bool:
        """Whether everything is as published."""
        return self.total_is_ok and all(map(self.class_is_ok, range(len(self.counts))))


@dataclass(frozen=True)
class Report:
    """The whole check of a copy of a data set.

    Attributes:
        dataset: Its name, as in `dataset=`.
        class_names: The name of each label.
        counts: The clips of every fold and part.
        findings: The rows of the check.
    """

    dataset: str
    class_names: tuple[str, ...]
    counts: tuple[PartCounts, ...]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether all is well."""
        return all(finding.is_ok for finding in self.findings)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every clip that something is wrong with, once for each thing."""
        return tuple(problem for finding in self.findings for problem in finding.problems)


def count_and_names(names: Sequence[str]) -> str:
    """`4: 00001, 00002, 00003, ...`, or `0`."""
    if not names:
        return "0"
    more = ", ..." if len(names) > SHOWN else ""
    return f"{len(names)}: {', '.join(names[:SHOWN])}{more}"
