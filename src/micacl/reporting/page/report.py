"""Reads everything that a report shows: the runs on each data set, compared, and the pictures of their clips."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from micacl.errors import UserError
from micacl.reporting.one_run.calibration import Calibration, calibration
from micacl.reporting.one_run.embedding import Embedded, embed_run
from micacl.reporting.one_run.pictures import Sheet, data_uris, sheet
from micacl.reporting.page.comparison import Comparison, Setting, compare, describe_run, shown_path
from micacl.reporting.page.run_files import RunFiles, describe_gap
from micacl.reporting.sweep.read import Summary, read_sweep
from micacl.run_folder.features import FEATURES_FILE
from micacl.run_folder.images import FRAMES_FILE, THUMBNAILS_FILE, read_images
from micacl.run_folder.instances import INSTANCES_FILE, Instances, read_instances
from micacl.run_folder.predictions import PREDICTIONS_FILE
from micacl.run_folder.record import Run

FRAME_SIDE = 72  # pixels
CLIPS = 12  # whose frames and weights are shown


@dataclass(frozen=True)
class ClipFrames:
    """One clip frame by frame.

    Attributes:
        clip: The name of the clip.
        label: The name of its class; None where the predictions do not hold the clip.
        prediction: The name of the predicted class; None where the predictions do not hold the clip.
        instances: The frames of each instance, as data: addresses, and its weight.
    """

    clip: str
    label: str | None
    prediction: str | None
    instances: tuple[tuple[tuple[str, ...], float], ...]


@dataclass(frozen=True)
class Part:
    """The part of a report on one data set.

    Attributes:
        comparison: The runs.
        panels: The embedded clips of at most two runs of one fold, each with a title.
        sheet: The middle frames of those clips, if recorded.
        calibrations: The settings by label, each with its calibration over all its runs.
        clips: The clips of the run whose instances are shown.
        instances: The instances of that run.
        instances_of: The name of that run; None where no run has recorded instances.
        missing: The run and the reason of each thing that cannot be shown.
    """

    comparison: Comparison
    panels: tuple[tuple[str, Embedded], ...]
    sheet: Sheet | None
    calibrations: dict[str, tuple[Setting, Calibration]]
    clips: tuple[ClipFrames, ...]
    instances: Instances | None
    instances_of: str | None
    missing: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Report:
    """A report, ready to be written.

    Attributes:
        summary: The runs as they were read.
        parts: One part for each data set and set of classes.
    """

    summary: Summary
    parts: tuple[Part, ...]


def read_report(*folders: Path) -> Report:
    """Reads runs and sweeps for a report.

    Args:
        folders: The folders of runs or sweeps.

    Raises:
        UserError: If there is no run in one of them.
    """
    summary = read_sweep(*folders)
    return Report(summary, tuple(_part(compare(table)) for table in summary.tables))


def _part(comparison: Comparison) -> Part:
    missing = [(shown_path(run.run.folder), sentence) for run in comparison.all_runs for sentence in run.missing]
    panels = []
    for setting, run in _same_fold(comparison):
        try:
            panels.append((f"{setting.label}, {describe_run(run)}", embed_run(run.run)))
        except UserError as error:
            missing.append(_gap(run.run, error))
    thumbnails = _sheet([embedded for _, embedded in panels], missing)
    chosen, instances, clips = _instances(comparison, missing)
    return Part(
        comparison=comparison,
        panels=tuple(panels),
        sheet=thumbnails,
        calibrations=_calibrations(comparison, missing),
        clips=clips,
        instances=instances,
        instances_of=chosen,
        missing=tuple(missing),
    )


def _gap(run: Run, error: UserError) -> tuple[str, str]:
    return shown_path(run.folder), describe_gap(run, error)


def _same_fold(comparison: Comparison) -> list[tuple[Setting, RunFiles]]:
    """Picks a run of each setting of the pair, of the same fold and seed if possible: features of folds differ."""
    with_features = [
        (setting, [run for run in setting.runs if (run.run.folder / FEATURES_FILE).is_file()])
        for setting in comparison.pair
    ]
    pairs = [(setting, runs) for setting, runs in with_features if runs]
    if not pairs:
        return []
    keys = [{(run.run.fold, run.run.seed): run for run in reversed(runs)} for _, runs in pairs]
    shared = [
        (run.run.fold, run.run.seed) for run in pairs[0][1] if all((run.run.fold, run.run.seed) in k for k in keys)
    ]
    if shared:
        return [(setting, key[shared[0]]) for (setting, _), key in zip(pairs, keys, strict=True)]
    return [(setting, runs[0]) for setting, runs in pairs]


def _sheet(panels: list[Embedded], missing: list[tuple[str, str]]) -> Sheet | None:
    pictures: dict[str, bytes] = {}
    for embedded in panels:
        try:
            found = read_images(embedded.run, THUMBNAILS_FILE)
        except UserError as error:
            missing.append(_gap(embedded.run, error))
            continue
        wanted = set(embedded.data.clip)
        pictures |= {clip: images[0] for clip, images in found.items() if clip in wanted and clip not in pictures}
    if not pictures:
        return None
    try:
        return sheet(pictures, Path(THUMBNAILS_FILE))
    except UserError as error:
        missing.append(("", str(error)))
        return None


def _calibrations(comparison: Comparison, missing: list[tuple[str, str]]) -> dict[str, tuple[Setting, Calibration]]:
    found = {}
    for setting in comparison.settings:
        confidence, right = [], []
        for run in setting.counted:
            predictions = run.predictions
            assert predictions is not None  # `counted` has left out the others
            sure = np.take_along_axis(predictions.probability, predictions.prediction[:, None], axis=1)[:, 0]
            known = np.isfinite(sure)
            if not known.all():
                gap = f"{np.count_nonzero(~known)} of {len(known)} clips have no probabilities in {PREDICTIONS_FILE}."
                missing.append((shown_path(run.run.folder), gap))
            confidence.append(sure[known])
            right.append((predictions.label == predictions.prediction)[known])
        if sum(map(len, confidence)):
            found[setting.label] = (setting, calibration(np.concatenate(confidence), np.concatenate(right)))
    return found


def _instances(
    comparison: Comparison, missing: list[tuple[str, str]]
) -> tuple[str | None, Instances | None, tuple[ClipFrames, ...]]:
    """Reads the instances of the first run that has recorded them, beginning with the whole method."""
    for setting in (*reversed(comparison.pair), *comparison.settings):
        for run in setting.runs:
            try:
                instances = read_instances(run.run)
                if instances is not None:
                    return f"{setting.label}, {describe_run(run)}", instances, _clips(run, instances)
            except UserError as error:
                if _gap(run.run, error) not in missing:
                    missing.append(_gap(run.run, error))
    return None, None, ()


def _clips(run: RunFiles, instances: Instances) -> tuple[ClipFrames, ...]:
    clips = []
    path = run.run.folder / FRAMES_FILE
    if not instances.weights:  # a network without WIAN
        return ()
    for clip, frames in list(read_images(run.run, FRAMES_FILE).items())[:CLIPS]:
        if clip not in instances.weights:
            raise UserError(f"{path} holds the clip {clip}, of which {INSTANCES_FILE} has no weights.")
        weights = instances.weights[clip]
        length, rest = divmod(len(frames), len(weights))
        if rest:
            raise UserError(f"{path}: the {len(frames)} frames of {clip} cannot be {len(weights)} instances.")
        uris = data_uris(frames, path, FRAME_SIDE)
        groups = [(tuple(uris[t * length : (t + 1) * length]), float(weight)) for t, weight in enumerate(weights)]
        clips.append(ClipFrames(clip, *_said(run, clip), tuple(groups)))
    return tuple(clips)


def _said(run: RunFiles, clip: str) -> tuple[str | None, str | None]:
    if run.predictions is None or clip not in run.predictions.clip:
        return None, None
    n = run.predictions.clip.index(clip)
    names = run.run.class_names
    return names[run.predictions.label[n]], names[run.predictions.prediction[n]]
