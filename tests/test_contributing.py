"""CONTRIBUTING.md names files that are there; where it says NAME, each that is there has its entry in the table."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
TEXT = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"(?:src|conf|tests|docs)/[\w/.]*\w/?", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_every_file_is_there(path: str) -> None:
    assert list(REPOSITORY.glob(path.replace("NAME", "*")))


@pytest.mark.parametrize(
    ("group", "table"),
    [("loss", "src/micacl/build/loss.py"), ("model", "src/micacl/build/network.py"),
     ("dataset", "src/micacl/data/datasets/read.py")],
)  # fmt: skip
def test_every_choice_of_a_group_is_in_the_table_that_it_names(group: str, table: str) -> None:
    assert f"`{table}`" in TEXT
    code = (REPOSITORY / table).read_text(encoding="utf-8")
    names = {
        name
        for path in (REPOSITORY / "conf" / group).glob("*.yaml")
        for name in re.findall(r"^ *name: (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert names
    assert {name for name in names - {"synthetic"} if f'"{name}"' not in code} == set()


def test_make_has_every_target_that_is_named() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)`", TEXT, re.MULTILINE))
    assert {one or other for one, other in named} <= targets
