"""Files that the manifest states, checked and mapped.

A small file is copied to memory first, and the copy is checked: whatever becomes of the file, what was
checked is what is used. A large one is mapped where it lies: its pages are the system's, and every process
that maps it shares them. The writer replaces a model file by another one and never writes into it; whoever
does write into a large one changes the numbers of a running service, and whoever cuts it short ends it.
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

# A misaligned array is copied when it is small: arithmetic on it costs more than twice as much.
COPIED_BYTES: Final = 16 * 1024 * 1024
# A file up to this size is held by each process for itself.
OWNED_BYTES: Final = 16 * 1024 * 1024
_BLOCK_BYTES: Final = 1024 * 1024


@contextmanager
def open_stated_file(path: Path, stated: FileRecord) -> Iterator[BinaryIO]:
    """The file at `path`, which must be the one that the manifest states; a copy in memory where it is small.

    Raises:
        ArtefactMissing: There is no such file.
        ArtefactDamaged: Size or digest differ, or it cannot be read.
    """
    try:
        with open_regular(path) as on_disk:
            # The size first: it is cheap, and a digest of the wrong file is not.
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
    """The first `size` bytes, for this process alone; the file itself where the system has no such copies."""
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
    """A part of a file as a file of its own, read only."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._descriptor, self._start, self._size, self._place = file.fileno(), start, size, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, counted from the start, from here or from the end of the part."""
        self._place = max(0, offset + (0, self._place, self._size)[whence])
        return self._place

    def tell(self) -> int:
        """The place that the next read begins at."""
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` as far as the part goes."""
        wanted = memoryview(buffer).cast("B")[: max(0, self._size - self._place)]
        count = os.preadv(self._descriptor, [wanted], self._start + self._place) if len(wanted) else 0
        self._place += count
        return count


class MappedFile:
    """Arrays of a file, mapped into memory and read only."""

    def __init__(self, file: BinaryIO) -> None:
        self._descriptor = file.fileno()
        self._pages = mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)

    def array(self, dtype: np.dtype[np.generic], shape: tuple[int, ...], start: int) -> NDArray[np.generic]:
        """The array that begins at byte `start`; a copy where it is small and misaligned."""
        mapped: NDArray[np.generic] = np.ndarray(shape, dtype, buffer=self._pages, offset=start)
        if mapped.flags.aligned or mapped.nbytes > COPIED_BYTES:
            return mapped
        copied = np.empty(shape, dtype)
        if copied.nbytes:
            os.preadv(self._descriptor, [copied.reshape(-1).view(np.uint8).data], start)
        copied.flags.writeable = False
        return copied

    def forget_pages(self) -> None:
        """Give back the pages that were only read to check them; reading one again fetches it again."""
        self._pages.madvise(mmap.MADV_DONTNEED)

    def is_finite(self, array: NDArray[np.generic], start: int) -> bool:
        """Whether no number of an array that begins at byte `start` is infinite or none at all.

        Read past the mapping, in blocks, so that looking costs no memory.
        """
        block = np.empty(min(array.size, _BLOCK_BYTES // array.itemsize), array.dtype)
        view = memoryview(block.view(np.uint8).data) if block.size else memoryview(b"")
        for first in range(0, array.size, max(block.size, 1)):
            count = min(block.size, array.size - first)
            os.preadv(self._descriptor, [view[: count * array.itemsize]], start + first * array.itemsize)
            if not bool(np.isfinite(block[:count]).all()):
                return False
        return True
