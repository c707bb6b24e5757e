"""A record grows as the run does; it is read whole, or refused with a message that names the file and the field."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from tests.run_folders import CLASS_NAMES, results, write_record

from micacl.errors import UserError
from micacl.run_folder.config import CONFIG_FILE, read_config
from micacl.run_folder.find import find_jobs
from micacl.run_folder.record import FORMAT, RUN_FILE, NewerFormatError, RunRecord, amend_record, read_run

COSTS = {
    "clip_shape": [3, 16, 112, 112], "parameters": 36851749, "multiply_adds": 34130202272,
    "multiply_adds_with_padding": 43147431584, "latency_ms": 12.5, "latency_repeats": 20,
}  # fmt: skip


def content(folder: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    record = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"), parse_constant=refuse)
    assert isinstance(record, dict)
    return record


def test_a_record_grows_and_says_what_ran(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    record = RunRecord(folder, {"dataset": "dfew", "fold": 2}, "fold: 2\n")
    assert read_config(folder) == {"fold": 2}
    first = content(folder)
    assert (first["status"], first["results"], first["dataset"], first["fold"]) == ("running", None, "dfew", 2)
    assert first["versions"]["torch"] == version("torch")
    assert first["versions"]["hydra-core"] == version("hydra-core")
    assert first["versions"]["micacl"] == version("micacl")
    record.update(status="finished", results={"war": 0.5})
    second = content(folder)
    assert (second["status"], second["results"], second["dataset"]) == ("finished", {"war": 0.5}, "dfew")
    assert second["seconds"] >= first["seconds"]
    amend_record(folder, status="failed", error="killed")
    assert content(folder) == second | {"status": "failed", "error": "killed"}
    assert {path.name for path in folder.iterdir()} == {CONFIG_FILE, RUN_FILE}


def test_what_is_no_json_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    record = RunRecord(tmp_path, {"fold": 2}, "")
    with pytest.raises(ValueError, match="not JSON compliant"):
        record.update(results={"war": float("nan")})
    assert content(tmp_path)["results"] is None
    assert {path.name for path in tmp_path.iterdir()} == {CONFIG_FILE, RUN_FILE}


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    record = RunRecord(tmp_path / "run", {}, "")
    for path in (tmp_path / "run").iterdir():
        path.unlink()
    (tmp_path / "run").rmdir()
    with pytest.raises(UserError, match=r"Cannot write .*run\.json"):
        record.update(status="finished")


def test_other_processes_write_nothing(tmp_path: Path) -> None:
    RunRecord(tmp_path / "run", {}, "", active=False).update(status="finished")
    assert not (tmp_path / "run").exists()


def test_a_record_states_its_format(tmp_path: Path) -> None:
    about = {"dataset": "dfew", "class_names": [], "setting": "default", "protocol": "published"}
    RunRecord(tmp_path, about, "")
    assert content(tmp_path)["format"] == FORMAT == 1
    assert read_run(tmp_path).dataset == "dfew"


@pytest.mark.parametrize("fields", [{}, {"format": None}, {"format": 0}, {"format": FORMAT}])
def test_older_formats_are_read(tmp_path: Path, fields: dict[str, Any]) -> None:
    assert read_run(write_record(tmp_path, **fields)).status == "finished"


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    # Before anything else: what the newer version has changed must not be called damaged.
    write_record(tmp_path, format=FORMAT + 1, status="paused", class_names={"0": "joy"})
    with pytest.raises(NewerFormatError) as caught:
        read_run(tmp_path)
    expected = f"{tmp_path / RUN_FILE} has format 2, and this version of micacl reads formats up to 1: update micacl."
    assert str(caught.value) == expected


def test_reads_every_field(tmp_path: Path) -> None:
    run = read_run(write_record(tmp_path, fold=3, seed=42, setting="ablation=b", dataset="dfew", protocol="holdout"))
    assert (run.fold, run.seed, run.setting, run.dataset, run.protocol) == (3, 42, "ablation=b", "dfew", "holdout")
    assert (run.folder, run.status, run.error, run.git_commit) == (tmp_path, "finished", None, "0123456789abcdef")
    assert run.class_names == tuple(CLASS_NAMES)
    assert run.results is not None
    assert run.results.best_on_test is not None
    assert (run.results.war, run.results.uar, run.results.headline) == (0.6, 0.5, "last epoch")
    best = run.results.best_on_test
    assert (best.war, best.war_epoch, best.uar, best.uar_epoch) == (0.65, 7, 0.55, 5)


def test_reads_a_test_of_a_checkpoint(tmp_path: Path) -> None:
    checkpoint = {"path": "run/checkpoints/last.ckpt", "epoch": 3, "dataset": "dfew", "fold": 2}
    run = read_run(write_record(tmp_path, checkpoint=checkpoint, costs=COSTS))
    assert run.checkpoint is not None
    assert (run.checkpoint.epoch, run.checkpoint.dataset, run.checkpoint.fold) == (3, "dfew", 2)
    assert run.costs is not None
    assert {**vars(run.costs), "clip_shape": list(run.costs.clip_shape)} == COSTS
    trained = read_run(write_record(tmp_path))
    assert (trained.checkpoint, trained.costs) == (None, None)


def test_a_run_that_has_not_read_its_data_knows_no_classes(tmp_path: Path) -> None:
    run = read_run(write_record(tmp_path, status="failed", class_names=[], error="no such folder", results=None))
    assert (run.class_names, run.status) == ((), "failed")


def test_nan_and_null_are_undefined_rates(tmp_path: Path) -> None:
    figures = results(float("nan"), None, {"a": float("nan"), "b": None, "c": 0.0})
    run = read_run(write_record(tmp_path, class_names=["a", "b", "c"], results=figures))
    assert run.results is not None
    assert (run.results.war, run.results.uar, run.results.best_on_test) == (None, None, None)
    assert run.results.recall == {"a": None, "b": None, "c": 0.0}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "1"}, "\"format\" is '1'"),
        ({"format": True}, '"format"'),
        ({"status": "done"}, "\"status\" is 'done'"),
        ({"status": None}, '"status"'),
        ({"class_names": []}, '"recall" does not name'),
        ({"class_names": ["a", "a"]}, '"class_names" names a class twice'),
        ({"class_names": "abc"}, '"class_names"'),
        ({"class_names": [1, 2]}, '"class_names"'),
        ({"fold": "one"}, '"fold"'),
        ({"fold": True}, '"fold"'),
        ({"results": [0.6]}, '"results"'),
        ({"checkpoint": "last.ckpt"}, '"checkpoint"'),
        ({"checkpoint": {"dataset": "dfew"}}, '"epoch" is missing'),
        ({"costs": 1.69}, '"costs"'),
        ({"costs": COSTS | {"parameters": "many"}}, '"parameters"'),
        ({"costs": COSTS | {"clip_shape": [3, "x"]}}, '"clip_shape"'),
        ({"costs": COSTS | {"multiply_adds": -1}}, '"costs" holds a negative number'),
        ({"costs": {}}, '"clip_shape" is missing'),
        ({"results": {}}, '"recall" is missing'),
        ({"results": results(61.0, 0.5, dict.fromkeys(CLASS_NAMES, 0.5))}, "not a fraction from 0 to 1"),
        ({"results": results(-0.1, 0.5, dict.fromkeys(CLASS_NAMES, 0.5))}, "not a fraction from 0 to 1"),
        ({"results": results(0.6, 0.5, {"happiness": 0.5})}, "does not name exactly the classes"),
        ({"results": results(0.6, 0.5, dict.fromkeys([*CLASS_NAMES, "contempt"], 0.5))}, "does not name exactly"),
    ],
)
def test_refuses_a_damaged_field(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    write_record(tmp_path, **fields)
    with pytest.raises(UserError) as caught:
        read_run(tmp_path)
    assert message in str(caught.value)
    assert str(tmp_path / RUN_FILE) in str(caught.value)


@pytest.mark.parametrize("key", ["status", "dataset", "class_names", "setting", "protocol"])
def test_refuses_a_missing_field(tmp_path: Path, key: str) -> None:
    path = write_record(tmp_path) / RUN_FILE
    record = json.loads(path.read_text())
    del record[key]
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match=f'"{key}" is missing'):
        read_run(tmp_path)


@pytest.mark.parametrize("content", [b"", b'{"status": "fin', b"[1, 2]", b"\xff\xfe\x00", b"[" * 100_000])
def test_refuses_a_broken_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / RUN_FILE).write_bytes(content)
    with pytest.raises(UserError, match=r"run\.json is damaged"):
        read_run(tmp_path)


def test_refuses_what_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no run\.json"):
        read_run(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        read_run(tmp_path / "missing")


def names(sweep: Path) -> list[str]:
    return [job.relative_to(sweep).as_posix() for job in find_jobs(sweep)]


def test_jobs_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for job in (10, 9, 2, 100, 0):
        write_record(tmp_path / str(job))
    assert names(tmp_path) == ["0", "2", "9", "10", "100"]


def test_finds_nested_and_dead_jobs_and_nothing_else(tmp_path: Path) -> None:
    write_record(tmp_path / "a" / "fold=2")
    write_record(tmp_path / "a" / "fold=10")
    write_record(tmp_path / "a" / "fold=2" / "inner")  # part of a run, not a job
    write_record(tmp_path / ".hidden")
    (tmp_path / "7").mkdir()  # died before it wrote its run.json
    (tmp_path / "b" / ".hydra").mkdir(parents=True)
    (tmp_path / "notes").mkdir()
    (tmp_path / "multirun.yaml").touch()
    (tmp_path / "latest").symlink_to(tmp_path / "a" / "fold=2")
    assert names(tmp_path) == ["7", "a/fold=2", "a/fold=10", "b"]


def test_a_run_is_a_sweep_of_one(tmp_path: Path) -> None:
    assert find_jobs(write_record(tmp_path)) == [tmp_path]


def test_a_missing_sweep_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        find_jobs(tmp_path / "missing")
