"""Builds the data of a run from its settings, and finds its places in the cache folder."""

import hashlib
import inspect
from functools import partial
from pathlib import Path

from micacl.build.cache_dir import cache_dir
from micacl.build.listing import build_listing, build_recipe
from micacl.data.cache.build import build
from micacl.data.cache.layout import CacheKey
from micacl.data.cpus import available_cpus
from micacl.data.datamodule import ClipDataModule
from micacl.data.datasets.listing import load_split
from micacl.data.datasets.synthetic import load_synthetic
from micacl.data.split import Split
from micacl.data.synthetic.generate import recipe_hash
from micacl.data.verification.record import DataState, data_state
from micacl.errors import UserError
from micacl.settings import Settings


def build_data(settings: Settings) -> ClipDataModule:
    """Builds the data module of the configured fold; options fill the arguments that have their names."""
    options = {**vars(settings.protocol), **vars(settings.model), **vars(settings.training), **vars(settings.dataset)}
    options |= {f"decode_{name}": value for name, value in vars(settings.dataset.decode).items()}
    return ClipDataModule(
        partial(_load_split, settings),
        frame_size=settings.cache.size,
        cache=frame_cache_dir(settings) / cache_key(settings).folder_name,
        seed=settings.seed,
        **{name: options[name] for name in inspect.signature(ClipDataModule).parameters if name in options},
    )


def state_of_data(settings: Settings, split: Split) -> DataState:
    """Says whether the data of a run was checked, and what identifies it."""
    if settings.dataset.synthetic is not None:
        return DataState(True, recipe_hash(build_recipe(settings)), "")  # drawn by this program: its recipe says it all
    return data_state(check_dir(settings), split, settings.fold)


def check_dir(settings: Settings) -> Path:
    """Returns the folder for the results of the check of the configured copy."""
    dataset = settings.dataset
    options = (_root(settings), dataset.num_folds, dataset.subject_pattern)  # folds that we make belong to the check
    digest = hashlib.sha256(repr(options).encode()).hexdigest()[:12]
    return cache_dir(settings) / "checks" / f"{settings.dataset.name}-{digest}"


def frame_cache_dir(settings: Settings) -> Path:
    """Returns the folder of decoded frames."""
    return cache_dir(settings) / "frames"


def cache_key(settings: Settings) -> CacheKey:
    """Names the decoded frames of the configured copy.

    Raises:
        UserError: If the cache's options are out of range.
    """
    size, frames = settings.cache.size, settings.cache.frames
    if size < 1 or not (frames == "all" or (isinstance(frames, int) and frames >= 1)):
        raise UserError(f"cache.size={size} cache.frames={frames}: set both to 1 or more, or frames to all")
    return CacheKey(settings.dataset.name, _root(settings), size, frames)


def _root(settings: Settings) -> str:
    """Tells this copy from others, by where it lies and which lists it is read by."""
    if settings.dataset.synthetic is not None:
        return recipe_hash(build_recipe(settings))
    dataset = settings.dataset
    places = (dataset.root, dataset.train_list, dataset.test_list)
    return " ".join(str(Path(place).resolve()) for place in places if place)


def _load_split(settings: Settings) -> Split:
    if settings.dataset.name != "synthetic":
        return load_split(build_listing(settings, settings.fold), settings.fold)
    split = load_synthetic(settings.fold, build_recipe(settings), cache_dir(settings))
    # Drawn for this program alone, so there is nothing to be checked first: it prepares itself.
    clips = sorted((*split.train, *split.test), key=lambda clip: clip.name)
    build(clips, frame_cache_dir(settings), cache_key(settings), available_cpus())
    return split
