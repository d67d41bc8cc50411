"""Opening what lies in a store: regular files and nothing else."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from training.errors import ArtefactDamaged


def open_regular(path: Path) -> BinaryIO:
    """The file at `path`, open for reading.

    A pipe would be waited for, and a device read without end; neither is opened in earnest.

    Raises:
        FileNotFoundError: There is none.
        OSError: It cannot be read.
        ArtefactDamaged: It is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ArtefactDamaged(path, "is not a regular file")
    return os.fdopen(descriptor, "rb")
