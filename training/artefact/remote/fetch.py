"""Fetches the current version of a store in object storage: `python -m training.artefact.remote.fetch`.

The service runs it as a process, because the threads of obstore would not survive the fork of its workers.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from training.artefact.files import exclusive_lock
from training.artefact.remote.address import StoreAddress, parse_address
from training.artefact.remote.layout import (
    MAX_VERSION_BYTES,
    POINTER_FILE,
    VERSION_FILE,
    Version,
    parse,
    render_version,
    version_folder,
)
from training.artefact.remote.objects import Objects
from training.errors import ArtefactDamaged, ArtefactError, StoreMissing

# Another worker may still load the version before.
KEPT_VERSIONS: Final = 2
_LOCK: Final = ".lock"


def fetch(address: StoreAddress, folder: Path) -> Path:
    """Fetch the current version, unless `folder` has it, and check every byte against its stated digest.

    Processes that fetch into the same folder take turns. Older versions are removed, except the last one.

    Args:
        address: The store.
        folder: Where versions are kept.

    Returns:
        The folder of the version, a local store.

    Raises:
        StoreMissing: Nothing has been pushed to the address.
        ArtefactMissing: An object of the version does not exist.
        ArtefactDamaged: An object differs from its digest.
        StoreUnreachable: The store cannot be reached or denies access.
        ArtefactError: The folder cannot be written.
    """
    objects = Objects(address)
    current = objects.current()
    if current is None:
        raise StoreMissing(objects.path(POINTER_FILE), "does not exist: no store has been pushed there")
    place = folder / current.version
    try:
        with exclusive_lock(folder / _LOCK, wait=True):
            if not place.is_dir():
                unfinished = Path(tempfile.mkdtemp(prefix=".", dir=folder))
                try:
                    _download(objects, current.version, unfinished)
                    unfinished.rename(place)
                except BaseException:
                    shutil.rmtree(unfinished, ignore_errors=True)
                    raise
            os.utime(place)
            _remove_old(folder)
    except OSError as error:
        raise ArtefactError(address.url, f"cannot be fetched to {folder} ({error.strerror})") from error
    return place


def _download(objects: Objects, version: str, target: Path) -> None:
    source = version_folder(version)
    name = f"{source}/{VERSION_FILE}"
    stated = parse(Version, objects.read(name, MAX_VERSION_BYTES), objects.path(name))
    if render_version(stated.files)[0] != version:
        raise ArtefactDamaged(objects.path(name), "differs from the digest that the version is named after")
    for path, record in stated.files.items():
        (target / path).parent.mkdir(exist_ok=True)
        with (target / path).open("wb") as file:
            objects.download(f"{source}/{path}", record, file)


def _remove_old(folder: Path) -> None:
    versions = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    versions.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in versions[KEPT_VERSIONS:]:
        shutil.rmtree(path, ignore_errors=True)


def main(address: str, folder: str) -> None:
    """Fetch, and print the outcome as JSON: `{"store": path}`, or `{"path": ..., "reason": ...}`."""
    try:
        outcome = {"store": str(fetch(parse_address(address), Path(folder)))}
    except ArtefactError as error:
        outcome = {"path": str(error).removesuffix(f": {error.reason}"), "reason": error.reason}
    sys.stdout.write(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
