"""Memory after models were loaded: what loading needed goes back, what stays costs the collector nothing."""

from __future__ import annotations

import ctypes
import gc


def release_memory() -> None:
    """Collect garbage, and return free memory to the system."""
    gc.collect()
    # GNU's allocator keeps what was freed, several megabytes of it, in case it is wanted again.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def freeze_memory() -> None:
    """The same, and exempt every object that is left from later collections.

    To walk them would take the collector longer than a large request takes, and a worker that was forked
    would get a copy of every page that it walks.
    """
    release_memory()
    gc.freeze()
