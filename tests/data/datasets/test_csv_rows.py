from pathlib import Path

import pytest

from micacl.data.datasets.csv_rows import read_rows
from micacl.errors import UserError


def rows(path: Path, text: str | bytes) -> list[tuple[int | None, dict[str, str]]]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [(row.place.line, row.values) for row in read_rows(path, ("name", "label"))]


@pytest.mark.parametrize(
    "text",
    [
        "name,label\n1,2\n3,4\n",
        "\ufeffname,label\r\n1,2\r\n3,4\r\n",
        "label, name ,more\n 2 ,1,x\n4,3",
        '"name","label"\n"1","2"\n"3","4"\n',
    ],
)
def test_what_spreadsheets_write_is_read(text: str, tmp_path: Path) -> None:
    assert rows(tmp_path / "list.csv", text) == [(2, {"name": "1", "label": "2"}), (3, {"name": "3", "label": "4"})]


def test_blank_lines_are_passed_over_and_counted(tmp_path: Path) -> None:
    text = "\n\nname,label\n\n1,2\n,\n  \n3,4\n\n"
    assert [line for line, _ in rows(tmp_path / "list.csv", text)] == [5, 8]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"list.csv is empty; it must have the columns name, label"),
        ("\n\n", r"list.csv is empty"),
        ("name;label\n1;2\n", r"list.csv, line 1: the header is .* and lacks name, label"),
        ("1,2\n", r"list.csv, line 1: the header is .1,2. and lacks name, label"),
        ("name,label\n1\n", r"list.csv, line 2: there is no value for label"),
        ("name,label\n1,2\n,3\n", r"list.csv, line 3: there is no value for name"),
        (b"name,label\n\xff\xfe,1\n", r"list.csv cannot be read: .*utf-8"),
        ("name,label,name\n1,2,3\n", r"list.csv, line 1: the header names name twice"),
        ('name,label\n"' + 200_000 * "x" + '",1\n', r"list.csv, line 2: this is not CSV"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        rows(tmp_path / "list.csv", text)


def test_a_name_may_hold_any_character(tmp_path: Path) -> None:
    names = ["a b", "é", "e\u0301", "line\u2028end", "\x85", "a,b", 'quo"te', "two\nlines"]
    text = "name,label\n" + "".join('"' + name.replace('"', '""') + '",1\n' for name in names)
    # "\x85" is white space to Python, and stripped with it.
    expected = [name.strip() for name in names if name.strip()]
    path = tmp_path / "list.csv"
    path.write_bytes(text.replace('"\x85",1\n', "").encode())
    assert [row.values["name"] for row in read_rows(path, ("name",))] == expected


def test_optional_columns_may_be_missing_or_empty(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("name,subject\n1,me\n2,\n")
    read = [row.values for row in read_rows(path, ("name",), optional=("subject", "fold"))]
    assert read == [{"name": "1", "subject": "me", "fold": ""}, {"name": "2", "subject": "", "fold": ""}]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.csv cannot be read: .*No such file"):
        list(read_rows(tmp_path / "nowhere.csv", ("name",)))


@pytest.mark.parametrize("text", ["0", "4", "-1", "1.0", "x", "²", 5000 * "1"])
def test_a_number_out_of_range_is_named_with_its_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"name,label\n1,{text}\n")
    (row,) = read_rows(tmp_path / "list.csv", ("name", "label"))
    with pytest.raises(UserError, match=rf'list.csv, line 2: label is "{text}"; it must be a whole number from 1 to 3'):
        row.integer("label", 1, 3)
    assert row.integer("name", 0) == 1
