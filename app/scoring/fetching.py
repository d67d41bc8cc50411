"""Brings the models store to a local folder, if `RATINGS_STORE` is the address of object storage."""

import atexit
import functools
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from app.contract.errors import StartError
from app.settings import Settings
from training.artefact import ArtefactError
from training.artefact.files import remove_abandoned, temporary_folder
from training.artefact.remote.address import StoreAddress

PREFIX: Final = "ratings-store-"
_PROGRAM: Final = (sys.executable, "-m", "training.artefact.remote.fetch")


class _Fetches:
    """The processes of this process that fetch, until the service stops."""

    def __init__(self) -> None:
        self.running: set[subprocess.Popen[bytes]] = set()
        self.stopping = False


_fetches: Final = _Fetches()


def local_store(settings: Settings) -> Path:
    """Return the folder of the models store; of an address, that of its current version, which is fetched.

    Raises:
        ArtefactError: The store cannot be reached, its current version is damaged, or it has none.
        StartError: There is no folder for temporary files, or the version cannot be fetched.
    """
    return settings.store if isinstance(settings.store, Path) else _fetch(settings.store)


@functools.cache
def fetched_versions() -> Path:
    """Return the temporary folder of fetched versions, which the workers of a service share.

    Raises:
        StartError: It cannot be created.
    """
    remove_abandoned(PREFIX)
    stack = ExitStack()
    try:
        folder = stack.enter_context(temporary_folder(PREFIX))
    except OSError as error:
        raise StartError(f"a store in object storage needs a folder for it (TMPDIR): {error}") from error
    # A worker gets the folder from the master, which created it before the fork.
    atexit.register(stack.close)
    return folder


def stop_fetching() -> None:
    """End a fetch in progress and refuse later ones, because the service stops. Safe in a signal handler."""
    _fetches.stopping = True
    for process in list(_fetches.running):
        process.kill()


def _fetch(address: StoreAddress) -> Path:
    # In a process of its own: the threads of obstore do not survive the fork of workers.
    command = [*_PROGRAM, address.url, str(fetched_versions())]
    try:
        outcome: dict[str, str] = json.loads(_output(command))
    except (OSError, ValueError) as error:
        raise StartError(f"{address} cannot be fetched: the process that fetches it was ended") from error
    if "store" in outcome:
        return Path(outcome["store"])
    raise ArtefactError(outcome["path"], outcome["reason"])


def _output(command: Sequence[str]) -> bytes:
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=nothing, stdout=pipe, stderr=nothing) as process:  # noqa: S603
        _fetches.running.add(process)
        try:
            if _fetches.stopping:
                process.kill()
            return process.communicate()[0]
        finally:
            _fetches.running.discard(process)
