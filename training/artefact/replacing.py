"""A file is written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path`, with its suffix and nobody else's, that takes its place when the block ends well.

    Raises:
        OSError: It cannot be made or renamed. Whatever the block raised, nothing of it is left.
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
    # A temporary file is its owner's alone. The mask can be read by setting it only.
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
