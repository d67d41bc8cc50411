"""Copy ratings from object storage to a temporary folder, from which they are read like any other files."""

from __future__ import annotations

import glob
import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from training.artefact.remote.address import StoreAddress, is_url
from training.artefact.remote.objects import Objects
from training.data.files.locate import find_files
from training.errors import ArtefactError, ArtefactMissing, DataError, SettingsError

# Without user and password: credentials come from the environment only.
_ADDRESS: Final = re.compile(r"(?:s3|gs|az)://[a-z0-9][a-z0-9._-]*(?:/[^/]+)*/?")
# More objects than a data set has files.
MOST_OBJECTS: Final = 100_000


@dataclass(frozen=True)
class DataAddress:
    """A valid address of a file, a folder or a pattern of files in object storage.

    Attributes:
        bucket: Scheme and name of the bucket: `s3://bucket`.
        key: Path from there, without a slash at the end; empty for the whole bucket.
    """

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}" if self.key else self.bucket


Place = Path | DataAddress
"""Where data is read from."""


def parse_place(text: str, option: str) -> Place:
    """Parse an option that takes a path or an address.

    Args:
        text: The option's value.
        option: Its name, for the message.

    Raises:
        SettingsError: The text is a URL, but not a valid address. The message does not repeat it, because it
            may contain a password.
    """
    if not is_url(text):
        return Path(text)
    scheme, _, rest = text.partition("://")
    bucket, _, key = rest.rstrip("/").partition("/")
    if not _ADDRESS.fullmatch(text) or not {".", ".."}.isdisjoint(key.split("/")):
        raise SettingsError(
            f"{option} is not a valid address: it must be like s3://bucket/path (also gs:// and az://), "
            "without credentials"
        )
    return DataAddress(f"{scheme}://{bucket}", key)


@contextmanager
def local_copy(place: Place, beside: Collection[str] = (), *, folders: bool = False) -> Iterator[Path]:
    """Copy what is at an address to a temporary folder, and yield its path there; yield a path as it is.

    If there is nothing at the address, the path does not exist either. A DataError about the copy becomes one
    about the address.

    Args:
        place: The path or address.
        beside: Names of files that are copied, too, if they are next to it.
        folders: Whether the address may be that of a folder or a pattern; the files that `find_files` finds
            in it are copied.

    Raises:
        DataError: The object storage cannot be reached or denies access, it has too many objects at the
            address, or they cannot be copied.
    """
    if isinstance(place, Path):
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="fetched-") as name:
        # The bucket's name may be that of the data set.
        root = Path(name) / place.bucket.partition("://")[2]
        try:
            _copy(place, root, beside, folders)
            yield root / place.key
        except DataError as error:
            if not error.path.is_relative_to(root):
                raise
            key = error.path.relative_to(root).as_posix()
            origin = DataAddress(place.bucket, "" if key == "." else key)
            message = error.message.replace(str(root.resolve()), place.bucket)
            raise DataError(str(origin), message, error.line) from error
        except ArtefactError as error:
            address = str(error).removesuffix(f": {error.reason}")
            raise DataError(address, error.reason) from error


def _copy(place: DataAddress, root: Path, beside: Collection[str], folders: bool) -> None:
    objects = Objects(StoreAddress(place.bucket))
    try:
        root.mkdir()
        if place.key and objects.exists(place.key):
            _copy_objects(objects, [place.key], root)
            own = PurePosixPath(place.key)
            for name in set(beside) - {own.name}:
                # Without the permission to list, access to an object that does not exist is denied.
                with suppress(ArtefactError):
                    _copy_objects(objects, [str(own.with_name(name))], root)
            return
        keys = _listed(objects, place) if folders else []
        if not keys:
            return
        # Empty files, so that the ratings are found by the same rules as in a local folder.
        for key in keys:
            (root / key).parent.mkdir(parents=True, exist_ok=True)
            (root / key).touch()
        found = find_files(root / place.key)
        near = {found.path, found.path.parent}
        titles = [key for key in keys if (root / key).name in beside and (root / key).parent in near]
        files = [file.relative_to(root).as_posix() for file in found.files]
        _copy_objects(objects, [*files, *titles], root)
    except OSError as error:
        problem = f"cannot be copied to a temporary folder: {error.strerror or error}"
        raise DataError(str(place), problem) from error


def _listed(objects: Objects, place: DataAddress) -> list[str]:
    """Return the keys of the objects in the folder, or in that of the pattern."""
    parts = place.key.split("/")
    fixed = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    keys: list[str] = []
    with suppress(ArtefactMissing):  # the bucket
        for key in objects.keys("/".join(parts[:fixed])):
            if len(keys) == MOST_OBJECTS:
                problem = f"holds more than {MOST_OBJECTS:,} objects; give the folder of the ratings"
                raise DataError(str(place), problem)
            # No other key can be the path of a file.
            if {"", ".", ".."}.isdisjoint(key.split("/")) and key != place.key:
                keys.append(key)
    return keys


def _copy_objects(objects: Objects, keys: Sequence[str], root: Path) -> None:
    for key in keys:
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as file:
                objects.copy(key, file)
        except ArtefactError:
            path.unlink()
            raise
