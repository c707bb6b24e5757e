"""experiment=search: what is proposed, what is kept, how it goes on, and the experiment file at its end."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests.runs import TINY, assert_refused, read_table, run_here

from micacl.cli import search as searching
from micacl.cli.search import BEST_FILE, search
from micacl.errors import UserError

pytestmark = pytest.mark.usefixtures("no_pictures")

SPACE = ["training.learning_rate=tag(log,interval(1e-5,1e-1))", "training.batch_size=range(4,9)", "loss=mccl,focal"]

SEARCH = ["experiment=search", "protocol.validation_fraction=0.25"]


class Jobs:
    """Stands in for Hydra's launcher: notes the jobs; the UAR is highest at a learning rate of 1e-3 with focal loss."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fail: Sequence[int] = (), interrupt: int | None = None) -> None:
        self.started: list[tuple[int, list[str]]] = []
        self.fail = fail
        self.interrupt = interrupt
        monkeypatch.setattr(searching, "read_run", lambda folder: int(folder.name))
        monkeypatch.setattr(searching, "read_metrics", self.metrics)

    def launch(self, jobs: Sequence[Sequence[str]], first: int) -> list[Any]:
        if self.interrupt in range(first, first + len(jobs)):
            raise KeyboardInterrupt
        self.started += [(first + number, list(job)) for number, job in enumerate(jobs)]
        return [Failed() if first + number in self.fail else SimpleNamespace(return_value=None)
                for number in range(len(jobs))]  # fmt: skip

    def metrics(self, number: int) -> Any:
        options = dict(option.split("=", 1) for option in dict(self.started)[number])
        distance = abs(float(options["training.learning_rate"]) - 1e-3)
        uar = 0.5 - distance + 0.4 * (options["loss"] == "focal")
        return SimpleNamespace(columns={"validation/uar": (None, 0.1, uar)})


class Failed:
    @property
    def return_value(self) -> None:
        raise RuntimeError("the job failed")


def test_a_search_finds_the_best_and_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(monkeypatch, fail=[1], interrupt=5)
    arguments = [*SPACE, "dataset=dfew"]
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, jobs.launch, arguments, trials=12, at_once=1, seed=3)
    assert [number for number, _ in jobs.started] == [0, 1, 2, 3, 4]
    jobs.interrupt = None
    search(tmp_path, jobs.launch, arguments, trials=12, at_once=4, seed=3)
    assert [number for number, _ in jobs.started] == list(range(12)), "each trial once, the interrupted one too"
    assert len({tuple(job) for _, job in jobs.started}) == 12
    for _, job in jobs.started:
        options = dict(option.split("=", 1) for option in job)
        assert options["dataset"] == "dfew"
        assert 1e-5 <= float(options["training.learning_rate"]) <= 1e-1
        assert int(options["training.batch_size"]) in range(4, 9)
        assert options["loss"] in ("mccl", "focal")
    search(tmp_path, jobs.launch, arguments, trials=12, at_once=4, seed=3)
    assert len(jobs.started) == 12, "enough is enough"

    best = max(
        (number for number in range(12) if number != 1), key=lambda n: jobs.metrics(n).columns["validation/uar"][2]
    )
    options = dict(option.split("=", 1) for option in dict(jobs.started)[best])
    text = (tmp_path / BEST_FILE).read_text()
    assert text.startswith(f"# @package _global_\n# Of a search: trial {best} of 12, UAR ")
    assert yaml.safe_load(text) == {
        "defaults": [{"override /loss": options["loss"]}],
        "training": {
            "learning_rate": pytest.approx(float(options["training.learning_rate"])),
            "batch_size": int(options["training.batch_size"]),
        },
    }


def test_what_cannot_be_searched_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(monkeypatch, fail=range(3))
    with pytest.raises(UserError, match="nothing to search"):
        search(tmp_path, jobs.launch, ["dataset=dfew", "seed=1,2", "seed=3"], trials=3, at_once=1, seed=1)
    with pytest.raises(UserError, match=r"no trial in .* has a result"):
        search(tmp_path, jobs.launch, SPACE, trials=3, at_once=1, seed=1)


def test_the_command(small_network: None, cache_dir: Path, tmp_path: Path) -> None:
    options = [*TINY, f"cache.dir={cache_dir}", f"hydra.sweep.dir={tmp_path}/search", *SEARCH]
    outcome = run_here([*options, "hydra.sweeper.trials=2", "-m"])
    assert outcome.status == 0, outcome.shown
    outcome = run_here([*options, "hydra.sweeper.trials=3", "-m"])
    assert outcome.status == 0, outcome.shown
    folders = [tmp_path / "search" / str(number) for number in range(3)]
    uars = [max(float(row["validation/uar"]) for row in read_table(folder / "metrics.csv")) for folder in folders]
    best = yaml.safe_load((folders[uars.index(max(uars))] / "config.yaml").read_text())
    outcome = run_here([f"--config-dir={tmp_path}/search", "experiment=best", "--cfg", "job"])
    assert outcome.status == 0, outcome.shown
    chosen = yaml.safe_load(outcome.stdout)
    assert chosen["training"]["learning_rate"] == best["training"]["learning_rate"]
    assert chosen["loss"]["contrastive_weight"] == best["loss"]["contrastive_weight"]


def test_the_test_split_chooses_nothing(small_network: None, cache_dir: Path, tmp_path: Path) -> None:
    options = [*TINY, f"cache.dir={cache_dir}", f"hydra.sweep.dir={tmp_path}/search", "experiment=search"]
    outcome = run_here([*options, "hydra.sweeper.trials=1", "protocol=published", "-m"])
    assert_refused(outcome, "Error: a search measures UAR on held-out training clips; it needs protocol=holdout")
