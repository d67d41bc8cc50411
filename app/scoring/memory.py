"""Memory after models were loaded: return what is free, and exempt the rest from garbage collection."""

import ctypes
import gc


def release_memory() -> None:
    """Collect garbage, and return free memory to the system."""
    gc.collect()
    # GNU's allocator would keep several megabytes for later use.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def freeze_memory() -> None:
    """Release memory, and exempt all remaining objects from later collections.

    A collection of them would take longer than a large request, and a worker that was forked would get a
    copy of every page with such an object.
    """
    release_memory()
    gc.freeze()


def refreeze_memory() -> None:
    """Do the same, and collect the frozen objects that have become garbage since they were frozen."""
    gc.unfreeze()
    freeze_memory()
