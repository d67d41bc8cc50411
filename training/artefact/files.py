"""File helpers: open regular files only, write files atomically, lock and align them.

A temporary folder is locked while its process lives, so that the next start can remove it after a kill.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from training.errors import ArtefactDamaged

# HDF5 aligns arrays to 8 bytes, but a zip archive starts its members at any offset. Reading a misaligned
# array takes twice as long, or the array has to be copied into every process.
ALIGNMENT: Final = 64
# Header of a zip extra field: 2 bytes for the kind, 2 for the length. The kind is that of zipalign.
_KIND: Final = 0xD935
_HEADER_BYTES: Final = 4
_LOCAL_HEADER_BYTES: Final = 30
_COPY_BYTES: Final = 1024 * 1024

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
# The errors of `open` for a link, for a pipe or socket, and for a folder.
_NOT_REGULAR: Final = (errno.ELOOP, errno.ENXIO, errno.EISDIR)

# To open a folder, but no link to one.
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def open_regular(path: Path) -> BinaryIO:
    """Open the regular file at `path` for reading.

    Pipes and devices are refused: reading a pipe would block, and a device may never end.

    Raises:
        FileNotFoundError: The file does not exist.
        OSError: It cannot be read.
        ArtefactDamaged: It is not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ArtefactDamaged(path, "is not a regular file")
    return os.fdopen(descriptor, "rb")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Write a temporary file, and rename it to `path` if the block ends without an error.

    Raises:
        OSError: The file cannot be made or renamed. On any error the temporary file is removed.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.unfinished-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        unfinished.chmod(_mode_of_new_files())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _mode_of_new_files() -> int:
    # Only the owner can read a temporary file. The process mask can only be read by setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


@contextmanager
def exclusive_lock(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold a lock on the file at `path`, which is created if missing and never written.

    Args:
        path: The file.
        wait: Whether to wait if another process holds the lock.

    Raises:
        BlockingIOError: Another process holds it, and `wait` is false.
        OSError: It is not a regular file (a link is not one either), or cannot be opened.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    not_regular = OSError(errno.EINVAL, f"{path.name} is not a regular file; remove it")
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in _NOT_REGULAR:
            raise not_regular from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise not_regular
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


def take_place(new: Path, place: Path) -> None:
    """Swap `new` into `place`; the old folder ends up at `new`."""
    if not place.exists():
        new.rename(place)
        return
    if not _exchange(new, place):
        # This system has no atomic exchange; use three renames.
        aside = new.with_name(f".{new.name}.old")
        place.rename(aside)
        new.rename(place)
        aside.rename(new)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two paths atomically; return False if the system (other than Linux) or the file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS):
        return False
    raise OSError(code, os.strerror(code))


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Create a temporary folder, which is locked as long as this process or one forked from it lives.

    The process that creates it removes it at the end of the block.

    Raises:
        OSError: It cannot be created or locked.
    """
    path, lock = _locked_folder(prefix)
    creator = os.getpid()
    try:
        yield path
    finally:
        # Forked workers leave the block, too.
        if os.getpid() == creator:
            shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def remove_abandoned(prefix: str) -> None:
    """Remove temporary folders of killed processes: those of this user that no process has locked."""
    # Any error means that the folder is in use, or not ours.
    with suppress(OSError):
        for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
            with suppress(OSError):
                _remove_if_abandoned(path)


def _locked_folder(prefix: str) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix))
        # Until it is locked, another process may take it for an abandoned one.
        with suppress(FileNotFoundError):
            lock = os.open(path, _FOLDER)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return path, lock
            os.close(lock)


def _remove_if_abandoned(path: Path) -> None:
    folder = os.open(path, _FOLDER)
    try:
        if os.fstat(folder).st_uid == os.geteuid():
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
    finally:
        os.close(folder)


def align_archive(path: Path) -> None:
    """Rewrite a zip of stored members so that each begins at a multiple of 64 bytes.

    Raises:
        ArtefactDamaged: The file is not a zip archive.
    """
    new = path.with_name(f"{path.name}.aligned")
    try:
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(new, "w", zipfile.ZIP_STORED) as target:
            for old in source.infolist():
                # A time stamp would make equal archives differ.
                info = zipfile.ZipInfo(old.filename)
                info.external_attr = old.external_attr
                start = target.fp.tell() + _LOCAL_HEADER_BYTES + len(old.filename.encode())  # type: ignore[union-attr]
                count = -(start + _HEADER_BYTES) % ALIGNMENT
                info.extra = _KIND.to_bytes(2, "little") + count.to_bytes(2, "little") + bytes(count)
                with source.open(old) as reader:
                    info.file_size = old.file_size
                    with target.open(info, "w") as writer:
                        while block := reader.read(_COPY_BYTES):
                            writer.write(block)
        new.replace(path)
    except zipfile.BadZipFile as error:
        raise ArtefactDamaged(path, f"is not a readable .keras archive ({error})") from error
    finally:
        new.unlink(missing_ok=True)
