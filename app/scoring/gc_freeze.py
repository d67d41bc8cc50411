"""After models were loaded: memory that loading needed goes back, and what stays is no work for anybody."""

from __future__ import annotations

import ctypes
import gc


def settle() -> None:
    """Free what only refers to itself, spare the collector what is left, and give free memory to the system.

    What is there now stays as long as the models do: walking it would take the collector longer than a large
    request takes.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    # GNU's allocator keeps what was freed, several megabytes of it, in case it is wanted again.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
