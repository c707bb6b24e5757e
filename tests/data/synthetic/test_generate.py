import csv
import dataclasses
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from micacl.data.expressions import CLASS_NAMES
from micacl.data.synthetic import generate
from micacl.data.synthetic.generate import prepare, recipe_hash
from micacl.data.synthetic.plan import plan_clips
from micacl.data.synthetic.recipe import DRAWING_VERSION, Recipe
from micacl.errors import UserError


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def start_prepare(recipe: Recipe, cache_dir: Path) -> subprocess.Popen[bytes]:
    """Calls `prepare` in a process of its own, with one worker."""
    program = (
        "from pathlib import Path\n"
        "from micacl.data.synthetic.generate import prepare\n"
        "from micacl.data.synthetic.recipe import Recipe\n"
        f"prepare({recipe!r}, Path({str(cache_dir)!r}), 1)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(generate.__file__).parents[3])}
    return subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE)


def test_manifest_lists_every_clip_of_the_plan(tiny_recipe: Recipe, tiny_folder: Path) -> None:
    with (tiny_folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert list(rows[0]) == ["path", "label", "class_name", "subject", "fold"]
    assert [(int(r["label"]), int(r["subject"]), int(r["fold"])) for r in rows] == [
        (clip.label, clip.subject, clip.fold) for clip in plan_clips(tiny_recipe)
    ]
    assert all(row["class_name"] == CLASS_NAMES[int(row["label"])] for row in rows)
    assert rows[0]["path"] == "clips/00001.mp4"
    assert {row["path"] for row in rows} | {"manifest.csv"} == contents(tiny_folder).keys()


def test_same_seed_gives_the_same_bytes_whatever_the_number_of_workers(
    tiny_recipe: Recipe, tiny_folder: Path, tmp_path: Path
) -> None:
    folder = prepare(tiny_recipe, tmp_path, num_workers=3)

    assert folder.name == tiny_folder.name
    assert contents(folder) == contents(tiny_folder)


def test_a_second_call_draws_nothing(tiny_recipe: Recipe, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("drew again"))

    assert prepare(tiny_recipe, tiny_folder.parent, num_workers=1) == tiny_folder


def test_every_value_of_the_recipe_names_another_data_set() -> None:
    changed = [
        dataclasses.replace(Recipe(), **{field.name: getattr(Recipe(), field.name) + step})
        for field, step in zip(dataclasses.fields(Recipe), (1, 1, 1, 1, 32, -0.5, 1), strict=True)
    ]

    assert len({recipe_hash(recipe) for recipe in [Recipe(), *changed]}) == 8


def test_another_version_of_the_drawing_names_another_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    before = recipe_hash(Recipe())
    monkeypatch.setattr(generate, "DRAWING_VERSION", DRAWING_VERSION + 1)

    assert recipe_hash(Recipe()) != before


def test_a_killed_run_leaves_nothing_that_is_taken_for_whole(
    tiny_recipe: Recipe, tiny_folder: Path, tmp_path: Path
) -> None:
    process = start_prepare(tiny_recipe, tmp_path)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*/clips/*.mp4")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / tiny_folder.name).exists()
    assert list(tmp_path.glob("*.partial-*"))

    folder = prepare(tiny_recipe, tmp_path, num_workers=2)

    assert contents(folder) == contents(tiny_folder)
    assert not list(tmp_path.glob("*.partial-*"))


def test_two_processes_at_once_both_get_a_whole_set(tiny_recipe: Recipe, tiny_folder: Path, tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        folders = list(pool.map(prepare, [tiny_recipe] * 2, [tmp_path] * 2, [1] * 2))

    assert folders[0] == folders[1]
    assert contents(folders[0]) == contents(tiny_folder)


def test_a_worker_that_dies_spoils_the_run_and_not_the_cache(
    tiny_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = generate._start_worker

    def start_and_kill_the_second(recipe: Recipe, folder: Path, number: int, num_workers: int) -> subprocess.Popen[str]:
        worker = start(recipe, folder, number, num_workers)
        if number == 1:
            worker.kill()
        return worker

    monkeypatch.setattr(generate, "_start_worker", start_and_kill_the_second)
    with pytest.raises(RuntimeError, match="-9"):
        prepare(tiny_recipe, tmp_path, num_workers=2)

    assert [path.name for path in tmp_path.iterdir()] == ["synthetic.lock"]


def test_a_cache_folder_that_cannot_be_made_is_explained(tiny_recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(UserError, match="choose another cache folder") as caught:
        prepare(tiny_recipe, tmp_path / "file" / "cache", num_workers=1)
    assert str(tmp_path / "file" / "cache") in str(caught.value)


def test_a_disk_without_room_is_explained(tiny_recipe: Recipe, tmp_path: Path) -> None:
    # The limit on the size of files stands in for a full disk; workers inherit it.
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(UserError, match=r"File too large\. Make room there"):
            prepare(tiny_recipe, tmp_path, num_workers=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert [path.name for path in tmp_path.iterdir()] == ["synthetic.lock"]


def test_workers_do_without_pytorch() -> None:
    program = "import sys, micacl.data.synthetic.worker; sys.exit('torch' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(Path(generate.__file__).parents[3])}

    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0
