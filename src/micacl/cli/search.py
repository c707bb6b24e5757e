"""Searches for hyper-parameters: Optuna proposes options, and runs measure their UAR on held-out training clips.

Trial n is the run in folder n of the search. The folder also keeps the journal of the search, so that the same command
resumes it: trials that ended count, and those that were interrupted are started again with the same options.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep, Transformer
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from micacl.cli.command import config_folder
from micacl.errors import UserError
from micacl.files import replacing
from micacl.run_folder.metrics import read_metrics
from micacl.run_folder.record import read_run

log = logging.getLogger(__name__)

JOURNAL_FILE = "search.journal"
BEST_FILE = Path("experiment") / "best.yaml"
_MEASURED = "validation/uar"

# Starts jobs, whose numbers begin with the second argument, and returns their results.
Launch = Callable[[Sequence[Sequence[str]], int], Sequence[Any]]


def search(folder: Path, launch: Launch, arguments: Sequence[str], trials: int, at_once: int, seed: int) -> None:
    """Runs trials until there are enough, and writes the best one's options as an experiment file.

    Args:
        folder: The folder of the search.
        launch: Starts jobs; a job's number names its folder.
        arguments: The options: those to search with the values to choose from, and fixed ones. Later ones win.
        trials: The number of trials, including those of earlier starts.
        at_once: The number of trials that start together.
        seed: The seed of the proposals.

    Raises:
        UserError: If there is nothing to search, or no trial was measured.
    """
    space, fixed = _space(arguments)
    if not space:
        raise UserError("nothing to search: give an option several values, such as training.learning_rate=1e-4,3e-4")
    folder.mkdir(parents=True, exist_ok=True)
    study = _study(folder, seed)

    def run(batch: Sequence[optuna.Trial | FrozenTrial]) -> None:
        results = launch([[*fixed, *_overrides(trial.params)] for trial in batch], batch[0].number)
        for trial, result in zip(batch, results, strict=True):
            _tell(study, trial.number, folder, result)

    for interrupted in study.get_trials(states=[TrialState.RUNNING]):
        run([interrupted])
    while missing := max(0, trials - len(study.trials)):
        run([study.ask(space) for _ in range(min(at_once, missing))])
    _write_best(study, folder)


def _space(arguments: Sequence[str]) -> tuple[dict[str, BaseDistribution], list[str]]:
    """Divides the arguments into the options to search and the fixed ones."""
    space: dict[str, BaseDistribution] = {}
    fixed: dict[str, str] = {}
    for argument, override in zip(arguments, OverridesParser.create().parse_overrides(list(arguments)), strict=True):
        name = override.get_key_element()
        if override.is_sweep_override():
            space[name] = _distribution(override)
            fixed.pop(name, None)
        else:
            fixed[name] = argument
            space.pop(name, None)
    return space, list(fixed.values())


def _distribution(override: Override) -> BaseDistribution:
    values = override.value()
    if isinstance(values, IntervalSweep):
        assert values.start is not None
        assert values.end is not None
        return FloatDistribution(values.start, values.end, log="log" in values.tags)
    if isinstance(values, RangeSweep) and isinstance(values.start, int) and isinstance(values.step, int):
        assert values.stop is not None
        return IntDistribution(values.start, int(values.stop) - 1, step=values.step)  # the end is excluded
    assert isinstance(values, ChoiceSweep | RangeSweep)
    return CategoricalDistribution([str(value) for value in override.sweep_iterator(transformer=Transformer.encode)])


def _overrides(options: Mapping[str, Any]) -> list[str]:
    return [f"{name}={value}" for name, value in options.items()]


def _study(folder: Path, seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL_FILE)))
    study = optuna.create_study(storage=storage, study_name="search", direction="maximize", load_if_exists=True)
    # A resumed search must not repeat its proposals.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    return study


def _tell(study: optuna.Study, number: int, folder: Path, result: Any) -> None:
    try:
        result.return_value  # noqa: B018 (raises what the job raised)
        measured = [uar for uar in read_metrics(read_run(folder / str(number))).columns[_MEASURED] if uar is not None]
        study.tell(number, max(measured))
    except KeyError:
        raise UserError("a search measures UAR on held-out training clips; it needs protocol=holdout") from None
    except Exception as error:  # the job has logged the reason, which its folder keeps
        log.warning("trial %d has no result: %s", number, error)
        study.tell(number, state=TrialState.FAIL)


def _write_best(study: optuna.Study, folder: Path) -> None:
    measured = study.get_trials(states=[TrialState.COMPLETE])
    if not measured:
        raise UserError(f"no trial in {folder} has a result; their folders say why")
    best = study.best_trial
    path = folder / BEST_FILE
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as partial:
        partial.write_text(_experiment(best.params, f"trial {best.number} of {len(study.trials)}", best.value))
    log.info(f"The best of {len(measured)} trials is {best.number}: UAR {best.value:.2%} on held-out training clips.")
    log.info(f"python -m micacl.train --config-dir={folder} experiment=best takes its options from {path}")


def _experiment(options: Mapping[str, Any], which: str, uar: float | None) -> str:
    """Writes the text of an experiment file, which overrides groups and sets options."""
    groups = {name: value for name, value in options.items() if (config_folder() / name).is_dir()}
    content: dict[str, Any] = {}
    if groups:
        content["defaults"] = [{f"override /{name}": yaml.safe_load(str(value))} for name, value in groups.items()]
    for name, value in options.items():
        if name in groups:
            continue
        *nodes, last = name.split(".")
        place = content
        for node in nodes:
            place = place.setdefault(node, {})
        place[last] = yaml.safe_load(value) if isinstance(value, str) else value
    header = f"# @package _global_\n# Of a search: {which}, UAR {uar:.2%} on held-out training clips.\n"
    return header + yaml.safe_dump(content, sort_keys=False)
