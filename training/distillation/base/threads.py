"""Limit NumPy's BLAS to one thread while a teacher or a student is fitted.

The matrices are small and many. Several threads spend more time waiting for each other than computing,
especially on a busy machine, and the rounding of a sum, and so a sample, would depend on their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to the calling thread in a `with` block, or in the function that this decorates."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield
