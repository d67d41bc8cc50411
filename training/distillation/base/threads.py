"""How many threads NumPy's matrix library may use while a teacher or a student is fitted: one.

Their matrices are small and many. More threads wait for each other longer than they compute, most of all on
a machine that has other work, and the last digits of a sum, so of a sample, would differ with their number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


def on_one_blas_thread(function: Callable[_Params, _Result]) -> Callable[_Params, _Result]:
    """`function`, with matrix products on the calling thread alone while it runs."""

    @wraps(function)
    def limited(*args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        with threadpool_limits(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
