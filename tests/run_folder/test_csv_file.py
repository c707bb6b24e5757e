"""CSV files of a run folder."""

from pathlib import Path

from tests.runs import read_table

from micacl.run_folder.csv_file import write_rows


def test_rows_with_different_columns(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.csv", [{"a": 1}, {"b": 2, "a": 3}])
    assert read_table(tmp_path / "rows.csv") == [{"a": "1", "b": ""}, {"a": "3", "b": "2"}]
