from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.compress.bit_allocation import CodeBudget, allocate_widths

Array = np.ndarray[Any, Any]

# Approximate distortion of a variance of 1 at 0 to 8 bits.
DISTORTION_OF_UNIT_VARIANCE = 0.25 ** np.arange(9)


def distortion(*variances: list[float]) -> Array:
    """Return `(blocks, columns, 9)` distortions for the given variance of each block and column."""
    return np.asarray(np.array(variances)[:, :, None] * DISTORTION_OF_UNIT_VARIANCE)


def test_columns_with_larger_variance_get_more_bits() -> None:
    # With 8 rows a bit costs a byte. Each bit quarters the distortion, so 64 gets three bits more than 1.
    (widths,) = allocate_widths([distortion([64.0, 1.0])], [(8,)], CodeBudget(5, None))
    assert widths.tolist() == [[4, 1]]


def test_smaller_block_gets_the_bits_for_the_same_gain() -> None:
    (widths,) = allocate_widths([distortion([1.0], [1.0])], [(8, 800)], CodeBudget(90, None))
    assert widths.tolist() == [[8], [0]]


def test_parameter_limit_drops_columns_without_a_byte_limit() -> None:
    # A kept column has 8 values and a step, so two columns fit, both at the maximum width.
    (widths,) = allocate_widths([distortion([4.0, 3.0, 2.0])], [(8,)], CodeBudget(None, 18))
    assert widths.tolist() == [[8, 8, 0]]


def test_initial_widths_are_kept() -> None:
    least = [np.array([[0, 2]], dtype=np.uint8)]
    (widths,) = allocate_widths([distortion([9.0, 0.0])], [(8,)], CodeBudget(4, None), least)
    assert widths.tolist() == [[2, 2]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 400), st.integers(0, 400))
def test_allocation_never_exceeds_the_budget(seed: int, code_bytes: int, parameters: int) -> None:
    random = np.random.default_rng(seed)
    sizes = [tuple(random.integers(1, 60, random.integers(1, 4)).tolist()) for _ in range(2)]
    tables = [distortion(*random.random((len(size), 3)).tolist()) for size in sizes]
    found = allocate_widths(tables, sizes, CodeBudget(code_bytes, parameters))
    used = sum(
        -(-rows * int(width) // 8)
        for widths, size in zip(found, sizes, strict=True)
        for rows, row in zip(size, widths, strict=True)
        for width in row
    )
    kept = sum(
        (rows + 1) * int(np.count_nonzero(row))
        for widths, size in zip(found, sizes, strict=True)
        for rows, row in zip(size, widths, strict=True)
    )
    assert used <= code_bytes
    assert kept <= parameters
