"""Keeps models that do not belong to the served ones in the store's folder `previous`, and brings them back.

A set of models is a folder in `previous` that is named after their data set and rating scale. Folders are
renamed under the store's lock, and models that do not belong are moved away before others take their place:
at no time does the store hold models of two scales.
"""

import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from training.artefact.files import exclusive_lock, take_place
from training.artefact.manifest import MANIFEST_FILE, Manifest, read_manifest
from training.artefact.reader import PREVIOUS
from training.errors import ArtefactError, ArtefactMissing

# Trainers take turns to change a store.
LOCK = ".lock"


def move_to_previous(store: Path, belongs: Callable[[Manifest], bool], undo: ExitStack) -> list[str]:
    """Move the models that do not belong to `previous`; the caller holds the store's lock.

    A model whose manifest cannot be read stays where it is.

    Args:
        store: The models store.
        belongs: Whether a model stays.
        undo: Moves them back when it is closed.

    Returns:
        The folders in the store that were made, such as `previous/ml-1m_0_5/baseline`.

    Raises:
        OSError: A folder cannot be moved.
    """
    moved = []
    for folder in _models(store):
        manifest = read_manifest(folder / MANIFEST_FILE)
        if not belongs(manifest):
            target = store / PREVIOUS / _set_name(manifest) / folder.name
            if target.is_symlink():
                target.unlink()
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            _move(folder, target)
            undo.callback(_move, target, folder)
            moved.append(str(target.relative_to(store)))
    return moved


def restore(store: Path, name: str | None = None) -> tuple[list[str], list[str]]:
    """Bring a set of models back; the served models that do not belong to it are moved to `previous`.

    Args:
        store: The models store.
        name: Name of the set; None for the one that was moved last.

    Returns:
        Names of the models that are back, and the folders that served models were moved to.

    Raises:
        ArtefactError: There is no such set, or the store cannot be written. The store is as before.
    """
    sets = {folder.name: folder for folder in (store / PREVIOUS).glob("*") if _models(folder)}
    if not sets:
        raise ArtefactMissing(store / PREVIOUS, "there are no models to restore")
    if name is not None and name not in sets:
        known = ", ".join(sorted(sets))
        raise ArtefactMissing(store / PREVIOUS / name, f"there is no such set, only {known}")
    last = max(sets.values(), key=lambda folder: folder.stat().st_mtime_ns)
    chosen = last if name is None else sets[name]
    try:
        with exclusive_lock(store / LOCK, wait=True), ExitStack() as undo:
            moved = move_to_previous(store, lambda served: _set_name(served) == chosen.name, undo)
            names = [folder.name for folder in _models(chosen)]
            for model in names:
                # A served model of the same set takes its place there.
                take_place(chosen / model, store / model)
                undo.callback(take_place, store / model, chosen / model)
            undo.pop_all()
            with suppress(OSError):  # It still has models or other files.
                chosen.rmdir()
    except OSError as error:
        raise ArtefactError(store, f"cannot be written ({error.strerror or error})") from error
    return names, moved


def _move(folder: Path, target: Path) -> None:
    """Rename a folder; a link to one is made again, because a relative one would point elsewhere."""
    if folder.is_symlink():
        target.symlink_to(folder.resolve())
        folder.unlink()
    else:
        folder.rename(target)


def _models(folder: Path) -> list[Path]:
    """Return the folders with a readable manifest, sorted by name; hidden ones are never served."""
    found = []
    for path in sorted(folder.glob(f"[!.]*/{MANIFEST_FILE}")):
        try:
            read_manifest(path)
        except ArtefactError:
            continue
        found.append(path.parent)
    return found


def _set_name(manifest: Manifest) -> str:
    data = re.sub(r"[^\w.-]+", "-", manifest.dataset.name)[:60].lstrip(".") or "data"
    return f"{data}_{manifest.scale.low:g}_{manifest.scale.high:g}"
