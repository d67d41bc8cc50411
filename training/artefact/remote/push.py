"""Pushes a local store to object storage, where services fetch it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from training.artefact.files import open_regular
from training.artefact.manifest import MANIFEST_FILE, FileRecord
from training.artefact.reader import list_artefacts, open_stored
from training.artefact.remote.address import StoreAddress
from training.artefact.remote.layout import (
    POINTER_FILE,
    VERSION_FILE,
    render_pointer,
    render_version,
    version_folder,
)
from training.artefact.remote.objects import CHUNK_BYTES, Current, Objects
from training.errors import ArtefactDamaged, PushRefused, StoreUnreachable


@dataclass(frozen=True)
class Pushed:
    """The outcome of a push.

    Attributes:
        version: The version that services load from now on.
        models: Names of its models.
        bytes: Size of its files.
        files: Number of its files.
        uploaded: How many of them were not there.
        was_current: Whether it already was the current version.
    """

    version: str
    models: list[str]
    bytes: int
    files: int
    uploaded: int
    was_current: bool


def push(store: Path, address: StoreAddress) -> Pushed:
    """Upload the models of a store as a version, and make it the current one.

    No object is replaced by another content, except the pointer, which is only replaced if it has not changed
    since the start. A push that is interrupted leaves the current version as it was, and can be repeated.

    Raises:
        ArtefactError: The store or a model in it is missing or invalid, or changed meanwhile.
        ArtefactDamaged: An object of this version exists with another content.
        PushRefused: Another push has changed the current version meanwhile.
        StoreUnreachable: The object storage cannot be reached or denies access.
    """
    objects = Objects(address)
    before = objects.current()
    folders = list_artefacts(store)
    files = {f"{folder.name}/{name}": one for folder in folders for name, one in _files(folder).items()}
    version, content = render_version(files)
    target = version_folder(version)
    uploaded = sum(
        _upload(objects, f"{target}/{path}", store / path, record) for path, record in files.items()
    )
    # Last, so that only a complete version has it.
    objects.create(f"{target}/{VERSION_FILE}", content)
    was_current = before is not None and before.version == version
    if not was_current:
        _move_pointer(objects, version, before)
    return Pushed(
        version=version,
        models=[folder.name for folder in folders],
        bytes=sum(record.bytes for record in files.values()),
        files=len(files),
        uploaded=uploaded,
        was_current=was_current,
    )


def _move_pointer(objects: Objects, version: str, before: Current | None) -> None:
    try:
        objects.replace(POINTER_FILE, render_pointer(version), None if before is None else before.seen)
    except (FileExistsError, StoreUnreachable) as error:
        # The response of a write that took place may be lost; its repetition is then refused.
        now = None
        with suppress(StoreUnreachable):
            now = objects.current()
        if now is not None and now.version == version:
            return
        if isinstance(error, StoreUnreachable):
            raise
        raise PushRefused(
            objects.path(POINTER_FILE),
            "another push has changed the current version meanwhile, which stays; "
            "push again if yours is to replace it",
        ) from error


def _files(folder: Path) -> dict[str, FileRecord]:
    """Return the files of a model, which is checked completely."""
    manifest_file = folder / MANIFEST_FILE
    before = _record(manifest_file)
    manifest = open_stored(folder).manifest
    if _record(manifest_file) != before:
        raise _changed(manifest_file)
    return {MANIFEST_FILE: before} | {
        name: FileRecord(sha256=record.sha256, bytes=record.bytes) for name, record in manifest.files.items()
    }


def _record(path: Path) -> FileRecord:
    content = _read_bytes(path)
    return FileRecord(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def _upload(objects: Objects, name: str, path: Path, stated: FileRecord) -> bool:
    """Upload a file, which must have the stated digest; return whether it was not there."""
    parts = _parts(path, stated)
    if stated.bytes > CHUNK_BYTES:
        return objects.create_in_parts(name, stated, parts)
    return objects.create(name, b"".join(parts))


def _parts(path: Path, stated: FileRecord) -> Iterator[bytes]:
    """Yield the parts of a file; at the end, raise ArtefactDamaged if it has another digest."""
    digest = hashlib.sha256()
    try:
        with open_regular(path) as file:
            while part := file.read(CHUNK_BYTES):
                digest.update(part)
                yield part
    except OSError as error:
        raise _unreadable(path, error) from error
    if digest.hexdigest() != stated.sha256:
        raise _changed(path)


def _read_bytes(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ArtefactDamaged:
    return ArtefactDamaged(path, f"cannot be read ({error.strerror})")


def _changed(path: Path) -> ArtefactDamaged:
    return ArtefactDamaged(path, "differs from its manifest, or has changed meanwhile; push again")
