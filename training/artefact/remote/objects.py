"""The objects below an address, read and written with obstore. Errors are one line without credentials."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO, Final

from training.artefact.manifest import FileRecord
from training.artefact.remote.address import StoreAddress
from training.artefact.remote.layout import MAX_POINTER_BYTES, POINTER_FILE, Pointer, parse
from training.errors import ArtefactDamaged, ArtefactError, ArtefactMissing, StoreUnreachable

if TYPE_CHECKING:
    from obstore import GetOptions, UpdateVersion

# Bytes of one request, which may take 30 seconds (the default of obstore). S3 takes 10,000 parts: 80 GB.
CHUNK_BYTES: Final = 8 * 1024 * 1024
# Parts of an upload that are sent at the same time.
_PARTS_AT_ONCE: Final = 2
# An attempt that fails is repeated within this time, at most.
RETRIES: Final = 3
RETRY_SECONDS: Final = 10
# The parts of obstore's messages that are shown: others could repeat a response, which can have a key's name.
_CAUSE: Final = re.compile(r"HTTP error: ([a-z ]+)|status code: (\d{3}[A-Za-z ]*)|(\w+ must be specified)")


@dataclass(frozen=True)
class Current:
    """The pointer as it was read.

    Attributes:
        version: The version that it names.
        seen: What replaces it only if it has not changed since.
    """

    version: str
    seen: UpdateVersion


class Objects:
    """The objects below an address, by their path from there."""

    def __init__(self, address: StoreAddress) -> None:
        """Open the address; credentials and endpoint are those of the environment, as obstore reads them.

        Raises:
            StoreUnreachable: obstore is not installed, or the environment has an invalid value.
        """
        self.address = address
        try:
            import obstore
            from obstore.store import from_url
        except ModuleNotFoundError as error:
            raise StoreUnreachable(
                address.url,
                f"needs the package {error.name}, which is not installed "
                "(pip install -r requirements/cloud.txt, or the extra `cloud`)",
            ) from error
        self._obstore = obstore
        retries = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}
        with self._translated(address.url):
            self._store = from_url(address.url, retry_config=retries)  # type: ignore[call-overload]

    def path(self, name: str) -> str:
        """Return the address of an object."""
        return f"{self.address}/{name}"

    def read(self, name: str, limit: int) -> bytes:
        """Read a small object.

        Raises:
            ArtefactMissing: It does not exist.
            ArtefactDamaged: It is larger than `limit` bytes.
            StoreUnreachable: The store cannot be reached or denies access.
        """
        return self._read(name, limit)[0]

    def _read(self, name: str, limit: int) -> tuple[bytes, UpdateVersion]:
        with self._translated(self.path(name)):
            answer = self._obstore.get(self._store, name)
            meta = answer.meta
            if meta["size"] > limit:
                raise ArtefactDamaged(self.path(name), f"is larger than {limit} bytes")
            seen: UpdateVersion = {}
            if (e_tag := meta["e_tag"]) is not None:
                seen["e_tag"] = e_tag
            if (version := meta["version"]) is not None:
                seen["version"] = version
            return bytes(answer.bytes()), seen

    def current(self) -> Current | None:
        """Read the pointer; return None if there is none.

        Raises:
            ArtefactDamaged: It is invalid.
            StoreUnreachable: The store cannot be reached or denies access.
        """
        try:
            content, seen = self._read(POINTER_FILE, MAX_POINTER_BYTES)
        except ArtefactMissing:
            return None
        return Current(parse(Pointer, content, self.path(POINTER_FILE)).version, seen)

    def download(self, name: str, stated: FileRecord, file: BinaryIO) -> None:
        """Write an object to a file, and compare its size and digest with what is stated.

        Raises:
            ArtefactMissing: It does not exist.
            ArtefactDamaged: Size or digest differ.
            StoreUnreachable: The store cannot be reached or denies access.
            OSError: The file cannot be written.
        """
        path = self.path(name)
        with self._translated(path):
            size = self._obstore.head(self._store, name)["size"]
        if size != stated.bytes:
            raise ArtefactDamaged(path, f"has {size} bytes, but {stated.bytes} are stated")
        digest = hashlib.sha256()
        for chunk in self._chunks(name, stated.bytes):
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() != stated.sha256:
            raise ArtefactDamaged(path, "differs from its stated digest")

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the names of the objects in a folder and below, in no order.

        Raises:
            ArtefactMissing: The bucket does not exist.
            StoreUnreachable: The store cannot be reached or denies access.
        """
        try:
            with self._translated(self.path(prefix)):
                for found in self._obstore.list(self._store, prefix or None):
                    yield from (one["path"] for one in found)
        except StoreUnreachable as error:
            if "404" in error.reason:
                raise ArtefactMissing(self.address.url, "does not exist") from error
            raise

    def exists(self, name: str) -> bool:
        """Return whether there is an object with this name.

        Raises:
            StoreUnreachable: The store cannot be reached or denies access.
        """
        try:
            with self._translated(self.path(name)):
                self._obstore.head(self._store, name)
        except ArtefactMissing:
            return False
        return True

    def copy(self, name: str, file: BinaryIO) -> None:
        """Write an object to a file.

        Raises:
            ArtefactMissing: It does not exist.
            ArtefactDamaged: It was replaced meanwhile.
            StoreUnreachable: The store cannot be reached or denies access.
            OSError: The file cannot be written.
        """
        path = self.path(name)
        with self._translated(path):
            meta = self._obstore.head(self._store, name)
        try:
            for chunk in self._chunks(name, meta["size"], meta["e_tag"]):
                file.write(chunk)
        except FileExistsError as error:
            raise ArtefactDamaged(path, "was replaced while it was read; try again") from error

    def _chunks(self, name: str, size: int, e_tag: str | None = None) -> Iterator[memoryview]:
        """Yield the bytes of an object, of the version with this ETag if there is one."""
        for start in range(0, size, CHUNK_BYTES):
            options: GetOptions = {"range": (start, min(start + CHUNK_BYTES, size))}
            if e_tag is not None:
                options["if_match"] = e_tag
            with self._translated(self.path(name)):
                chunk = memoryview(self._obstore.get(self._store, name, options=options).bytes())
            yield chunk

    def create(self, name: str, content: bytes) -> bool:
        """Write an object that does not exist; return whether it was written.

        Raises:
            ArtefactDamaged: It exists with another content.
            StoreUnreachable: The store cannot be reached or denies access.
        """
        try:
            with self._translated(self.path(name)):
                self._obstore.put(self._store, name, content, mode="create")
        except FileExistsError:
            stated = FileRecord(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
            self._compare(name, stated)
            return False
        return True

    def create_in_parts(self, name: str, stated: FileRecord, parts: Iterator[bytes]) -> bool:
        """Write a large object that does not exist; return whether it was written.

        An upload in parts has no condition: of two that start at the same time, the last one stays. This is
        for names that determine the content.

        Args:
            name: Name of the object.
            stated: Its size and digest.
            parts: Its content in parts of `CHUNK_BYTES`, of which few are in memory at a time. If this raises
                an error, nothing is written.

        Raises:
            ArtefactDamaged: It exists with another content.
            StoreUnreachable: The store cannot be reached or denies access.
        """
        if self.exists(name):
            self._compare(name, stated)
            return False
        with self._translated(self.path(name)):
            self._obstore.put(
                self._store,
                name,
                parts,
                use_multipart=True,
                chunk_size=CHUNK_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
        return True

    def _compare(self, name: str, stated: FileRecord) -> None:
        """Raise ArtefactDamaged if an object differs from what is stated."""
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            self.download(name, stated, nowhere)

    def replace(self, name: str, content: bytes, seen: UpdateVersion | None) -> None:
        """Write an object if it is still what was seen, or if it does not exist and `seen` is None.

        Raises:
            FileExistsError: It has changed since.
            StoreUnreachable: The store cannot be reached or denies access.
        """
        with self._translated(self.path(name)):
            self._obstore.put(self._store, name, content, mode="create" if seen is None else seen)

    @contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        """Raise errors of obstore as ours; an object that exists or has changed as FileExistsError."""
        from obstore import exceptions

        try:
            yield
        except ArtefactError:
            raise
        except FileNotFoundError as error:
            raise ArtefactMissing(path, "does not exist") from error
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
            raise FileExistsError(path) from error
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise StoreUnreachable(
                path, "access is denied with the credentials of the environment"
            ) from error
        except (exceptions.BaseError, ValueError, OSError) as error:
            found = _CAUSE.search(str(error))
            cause = next(filter(None, found.groups())).strip() if found else type(error).__name__
            raise StoreUnreachable(path, f"cannot be reached ({cause})") from error
