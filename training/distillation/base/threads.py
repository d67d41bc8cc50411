"""Limit NumPy's BLAS to one thread while a teacher or a student is fitted.

The matrices are small and many. Several threads spend more time waiting for each other than computing,
especially on a busy machine, and the rounding of a sum, and so a sample, would depend on their number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


def on_one_blas_thread(function: Callable[_Params, _Result]) -> Callable[_Params, _Result]:
    """Decorate `function` so that BLAS uses only the calling thread while it runs."""

    @wraps(function)
    def limited(*args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        with threadpool_limits(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
