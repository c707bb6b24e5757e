"""The result of the check of a data set: counts per fold, and one finding per question."""

from collections.abc import Iterable
from dataclasses import dataclass

from micacl.data.verification.published import PublishedPart

# Clips that a finding names; the others are in problems.csv.
SHOWN = 3


@dataclass(frozen=True)
class Problem:
    """A problem of one clip that a user may want to fix.

    Attributes:
        clip: The clip's name.
        problem: The kind of problem, in the same words for all clips that have it.
        detail: The details of this clip's problem.
    """

    clip: str
    problem: str
    detail: str


@dataclass(frozen=True)
class Finding:
    """One row of the check.

    Attributes:
        check: The name of the check.
        found: The value that was found.
        expected: The value that was expected; "" if nothing is known.
        advice: The advice to the user; "" if the check passed.
        problems: The clips that are at fault, if the check is about single clips.
    """

    check: str
    found: str
    expected: str
    advice: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Returns whether the check passed."""
        return not self.advice


@dataclass(frozen=True)
class PartCounts:
    """The clips of one part of one fold.

    Attributes:
        fold: The number of the fold.
        part: The name of the part, "train" or "test".
        counts: The number of clips of each class, in label order.
        published: The published numbers, or None if nothing is published.
    """

    fold: int
    part: str
    counts: tuple[int, ...]
    published: PublishedPart | None

    def class_is_ok(self, label: int) -> bool:
        """Returns whether a class has as many clips as published, as far as that is known."""
        if self.published is None or self.published.per_class is None:
            return True
        return abs(self.counts[label] - self.published.per_class[label]) <= self.published.within

    @property
    def total_is_ok(self) -> bool:
        """Returns whether there are as many clips as published."""
        return self.published is None or sum(self.counts) == self.published.total

    @property
    def is_ok(self) -> bool:
        """Returns whether the total and all classes are as published."""
        return self.total_is_ok and all(map(self.class_is_ok, range(len(self.counts))))


@dataclass(frozen=True)
class Report:
    """The whole check of a copy of a data set.

    Attributes:
        dataset: The data set's name, as in `dataset=`.
        class_names: The name of each label.
        counts: The numbers of clips of every fold and part.
        findings: The rows of the check.
    """

    dataset: str
    class_names: tuple[str, ...]
    counts: tuple[PartCounts, ...]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Returns whether all checks passed."""
        return all(finding.is_ok for finding in self.findings)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Lists every problem of every clip."""
        return tuple(problem for finding in self.findings for problem in finding.problems)


def none_expected(check: str, advice: str, problems: Iterable[Problem]) -> Finding:
    """Makes a finding that counts and names clips with a problem that no clip should have.

    Args:
        check: The name of the check.
        advice: The advice to the user, if there are such clips.
        problems: The clips; one that has the problem several times is counted once.
    """
    found = tuple(problems)
    names = list(dict.fromkeys(problem.clip for problem in found))
    more = ", ..." if len(names) > SHOWN else ""
    shown = f"{len(names)}: {', '.join(names[:SHOWN])}{more}" if names else "0"
    return Finding(check, shown, "0", advice if found else "", found)
