"""Means and deviations against numpy, on random rates."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.run_folders import CLASS_NAMES, results, write_record

from micacl.reporting.sweep.aggregate import Spread, setting_rows, spread
from micacl.run_folder.record import Run, read_run


def run_with(tmp_path: Path, war: float, uar: float, **fields: object) -> Run:
    figures = results(war, uar, dict.fromkeys(CLASS_NAMES, uar), (war, uar))
    return read_run(write_record(tmp_path, **({"results": figures} | fields)))


@pytest.mark.parametrize("seed", range(20))
def test_spread_is_numpys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rates = rng.random(rng.integers(2, 30))
    result = spread(rates.tolist())
    assert result is not None
    assert result.std is not None
    assert math.isclose(result.mean, 100 * rates.mean(), rel_tol=1e-12)
    assert math.isclose(result.std, 100 * rates.std(ddof=1), rel_tol=1e-9)
    assert result.n == len(rates)


def test_undefined_rates_are_left_out() -> None:
    assert spread([None, 0.5, None]) == Spread(50.0, None, 1)
    assert spread([None, None]) is None
    assert spread([]) is None
    assert spread([0.0, 0.0]) == Spread(0.0, 0.0, 2)


def test_every_rate_has_its_own_mean(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rates = rng.random((15, 4 + len(CLASS_NAMES)))
    runs = []
    for n, (war, uar, best_war, best_uar, *recall) in enumerate(rates.tolist()):
        figures = results(war, uar, dict(zip(CLASS_NAMES, recall, strict=True)), (best_war, best_uar))
        runs.append(read_run(write_record(tmp_path / str(n), fold=n % 5, seed=n // 5, results=figures)))
    (row,) = setting_rows(runs, CLASS_NAMES)
    spreads = [row.war, row.uar, row.best_on_test_war, row.best_on_test_uar, *row.recall.values()]
    means = [rate.mean for rate in spreads if rate is not None]
    stds = [rate.std for rate in spreads if rate is not None and rate.std is not None]
    np.testing.assert_allclose(means, 100 * rates.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(stds, 100 * rates.std(axis=0, ddof=1), rtol=1e-9)
    assert len(row.runs) == row.jobs == 15


def test_settings_keep_the_order_of_their_first_job(tmp_path: Path) -> None:
    runs = [run_with(tmp_path, 0.5, 0.5, setting=setting) for setting in ("b", "a", "b", "c", "a")]
    assert [(row.setting, row.jobs) for row in setting_rows(runs, CLASS_NAMES)] == [("b", 2), ("a", 2), ("c", 1)]


def test_protocols_and_choices_of_epoch_are_never_averaged(tmp_path: Path) -> None:
    published, holdout = (run_with(tmp_path, 0.5, 0.5, protocol=protocol) for protocol in ("published", "holdout"))
    assert published.results is not None
    chosen = replace(published, results=replace(published.results, headline="best on validation"))
    rows = setting_rows([published, holdout, chosen], CLASS_NAMES)
    assert [(row.protocol, row.headline, len(row.runs)) for row in rows] == [
        ("published", "last epoch", 1),
        ("published", "best on validation", 1),
        ("holdout", "last epoch", 1),
    ]


def test_the_number_of_the_chosen_epoch_makes_no_row_of_its_own(tmp_path: Path) -> None:
    runs = []
    for epoch in (7, 12):
        headline = {"headline": f"epoch {epoch}, chosen by UAR on the validation part"}
        figures = results(0.5, 0.5, dict.fromkeys(CLASS_NAMES, 0.5)) | headline
        runs.append(read_run(write_record(tmp_path, protocol="holdout", seed=epoch, results=figures)))
    (row,) = setting_rows(runs, CLASS_NAMES)
    assert (row.headline, len(row.runs)) == ("epoch chosen by UAR on the validation part", 2)


def test_jobs_without_a_result_count_as_jobs_alone(tmp_path: Path) -> None:
    runs = [
        run_with(tmp_path / "0", 0.4, 0.4),
        run_with(tmp_path / "1", 0.6, 0.6),
        read_run(write_record(tmp_path / "2", status="failed", error="out of memory", results=None)),
        read_run(write_record(tmp_path / "3", status="running", results=None)),
        # A run that fails after it has tested is not to be trusted.
        read_run(write_record(tmp_path / "4", status="failed", error="disk full")),
        read_run(write_record(tmp_path / "5", results=results(None, 0.5, dict.fromkeys(CLASS_NAMES)))),
        read_run(write_record(tmp_path / "6", setting="all failed", status="failed", results=None)),
    ]
    first, second = setting_rows(runs, CLASS_NAMES)
    assert first.war is not None
    assert first.war.mean == pytest.approx(50)
    assert (len(first.runs), first.jobs) == (2, 6)
    assert (second.setting, second.war, second.headline, len(second.runs), second.jobs) == (
        "all failed",
        None,
        "",
        0,
        1,
    )
