"""A lock for one process at a time: a file that holds nothing."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# What opening says of a link, of a pipe or socket, and of a folder.
_NO_FILE: Final = (errno.ELOOP, errno.ENXIO, errno.EISDIR)


@contextmanager
def holding_lock(path: Path, *, wait: bool) -> Iterator[None]:
    """Holds the lock at `path`, a file that is made where there is none and left as it is where there is one.

    Args:
        path: The file.
        wait: Whether to wait for whoever holds it.

    Raises:
        BlockingIOError: Somebody holds it, and there is no waiting.
        OSError: It is no regular file, which a link is not either, or cannot be opened.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    not_a_file = OSError(errno.EINVAL, f"{path.name} is not a regular file; remove it")
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise not_a_file from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise not_a_file
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
