"""Checks the files that a manifest lists, and maps them into memory.

A small file is first copied to memory, and the copy is checked and used, so that later changes to the file
have no effect. A large file is mapped directly, and all processes share its pages. The writer replaces model
files and never writes into them; writing into a large one changes the numbers of a running service, and
truncating it ends the service.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.files import open_regular
from training.artefact.manifest import FileRecord
from training.errors import ArtefactDamaged, ArtefactMissing

# Small misaligned arrays are copied, because arithmetic on them takes more than twice as long.
COPIED_BYTES: Final = 16 * 1024 * 1024
# Each process has its own copy of files up to this size.
OWNED_BYTES: Final = 16 * 1024 * 1024
_BLOCK_BYTES: Final = 1024 * 1024


@contextmanager
def open_stated_file(path: Path, stated: FileRecord) -> Iterator[BinaryIO]:
    """Open the file at `path` and compare it with the manifest's record; small files are copied to memory.

    Raises:
        ArtefactMissing: There is no such file.
        ArtefactDamaged: Size or digest differ, or it cannot be read.
    """
    try:
        with open_regular(path) as on_disk:
            # Compare the size first, which is cheaper than a digest.
            same = os.fstat(on_disk.fileno()).st_size == stated.bytes
            with _own(on_disk, stated.bytes) if same and stated.bytes <= OWNED_BYTES else on_disk as file:
                if not same or _digest(file) != stated.sha256:
                    raise ArtefactDamaged(
                        path, "is not the file that its manifest states (size or sha256 differ)"
                    )
                file.seek(0)
                yield file
    except FileNotFoundError as error:
        raise ArtefactMissing(path, "the manifest names this file, but it is not there") from error
    except OSError as error:
        raise ArtefactDamaged(path, f"cannot be read ({error.strerror})") from error


def _own(file: BinaryIO, size: int) -> BinaryIO:
    """Copy the first `size` bytes to a private memory file; return the file itself if the system has none."""
    if not hasattr(os, "memfd_create"):
        return file
    copy = os.fdopen(os.memfd_create("model"), "rb")
    try:
        done = 0
        while done < size and (count := os.sendfile(copy.fileno(), file.fileno(), done, size - done)):
            done += count
        copy.seek(0)
    except OSError:
        copy.close()
        raise
    return copy


def _digest(file: BinaryIO) -> str:
    digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]  # a file on disk has all it needs
    return digest.hexdigest()


class Window(io.RawIOBase):
    """A read-only view of a part of a file.

    Attributes:
        start: Position of the part in the file.
        size: Its bytes.
    """

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self.start, self.size = start, size
        self._descriptor, self._place = file.fileno(), 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position, relative to the start, the current position or the end of the part."""
        self._place = max(0, offset + (0, self._place, self.size)[whence])
        return self._place

    def tell(self) -> int:
        """Return the current position."""
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into `buffer`, up to the end of the part."""
        wanted = memoryview(buffer).cast("B")[: max(0, self.size - self._place)]
        count = os.preadv(self._descriptor, [wanted], self.start + self._place) if len(wanted) else 0
        self._place += count
        return count


class MappedFile:
    """Read-only arrays of a file that is mapped into memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._descriptor = file.fileno()
        self._pages = mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)

    def array(self, dtype: np.dtype[np.generic], shape: tuple[int, ...], start: int) -> NDArray[np.generic]:
        """Return the array at byte `start`; a small misaligned array is copied."""
        mapped: NDArray[np.generic] = np.ndarray(shape, dtype, buffer=self._pages, offset=start)
        if mapped.flags.aligned or mapped.nbytes > COPIED_BYTES:
            return mapped
        copied = np.empty(shape, dtype)
        if copied.nbytes:
            os.preadv(self._descriptor, [copied.reshape(-1).view(np.uint8).data], start)
        copied.flags.writeable = False
        return copied

    def forget_pages(self) -> None:
        """Release pages that were read only for the check; they are read again on demand."""
        self._pages.madvise(mmap.MADV_DONTNEED)

    def is_finite(self, array: NDArray[np.generic], start: int) -> bool:
        """Whether all numbers of the array at byte `start` are finite.

        The file is read in blocks and not through the mapping, to save memory.
        """
        end = start + array.nbytes
        for place in range(start, end, _BLOCK_BYTES):
            block = os.pread(self._descriptor, min(_BLOCK_BYTES, end - place), place)
            if not bool(np.isfinite(np.frombuffer(block, array.dtype)).all()):
                return False
        return True
