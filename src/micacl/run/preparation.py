"""Checks a data set and decodes each of its clips once, before anybody trains on it."""

import logging

from rich.console import Console

from micacl.build.data import build_data, cache_key, check_dir, frame_cache_dir
from micacl.build.listing import build_listing
from micacl.data.cache.build import build
from micacl.data.cache.disk_space import check_room
from micacl.data.cpus import available_cpus
from micacl.data.datasets.listing import locate
from micacl.data.split import Clip
from micacl.data.verification.check import check
from micacl.data.verification.manifest import make_manifest, manifest_hash
from micacl.data.verification.record import MANIFEST_NAME, PROBLEMS_NAME, write_verification
from micacl.data.verification.screen import report_screen
from micacl.errors import UserError
from micacl.settings import PrepareSettings

log = logging.getLogger(__name__)


def prepare(settings: PrepareSettings) -> None:
    """Decodes every clip of every fold, keeps its frames unless told otherwise, and shows what is right and wrong.

    Raises:
        UserError: If the data is not there, the disk has no room, or the check finds something wrong.
    """
    if settings.dataset.name == "synthetic":
        build_data(settings).prepare_data()
        log.info("The built-in data set is drawn and decoded; there is nothing to check.")
        return
    listing = build_listing(settings, fold=None)
    located = locate(listing)
    clips = [Clip(name, path, label=0) for name, path in located.paths.items()]
    cache_dir, key = frame_cache_dir(settings), cache_key(settings)
    if not settings.verify_only:
        log.info(check_room(clips, cache_dir, key))
    facts = build(clips, cache_dir, key, _num_workers(settings), store=not settings.verify_only)
    report, manifest = check(settings.dataset.name, listing, located, facts), make_manifest(listing, facts)
    folder = check_dir(settings)
    folder.mkdir(parents=True, exist_ok=True)
    write_verification(folder, report, manifest)
    Console().print(report_screen(report))
    log.info(
        f"The manifest is {folder / MANIFEST_NAME}; its SHA-256, to compare with others': {manifest_hash(manifest)}"
    )
    if not settings.verify_only:
        log.info(f"Frames are in {cache_dir / key.folder_name}; micacl.train finds them by the same options.")
    if not report.passed:
        raise UserError(
            f"the data is not as it should be; {folder / PROBLEMS_NAME} lists each clip. Training works all the same, "
            "and its record says that the data is not verified"
        )


def _num_workers(settings: PrepareSettings) -> int:
    workers = settings.dataset.num_workers
    return available_cpus() if workers == "auto" else max(1, int(workers))
