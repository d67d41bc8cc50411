from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.compress.bit_allocation import Room, allocate_widths

Array = np.ndarray[Any, Any]

# What 0 to 8 bits leave of a variance of 1, roughly.
FALLING = 0.25 ** np.arange(9)


def distortion(*variances: list[float]) -> Array:
    """`(blocks, columns, 9)` from a variance for each block and column."""
    return np.asarray(np.array(variances)[:, :, None] * FALLING)


def test_bits_go_where_they_count() -> None:
    # 8 rows: a bit is a byte. Each bit quarters what is left, so 64 takes three bits more than 1 does.
    (widths,) = allocate_widths([distortion([64.0, 1.0])], [(8,)], Room(5, None))
    assert widths.tolist() == [[4, 1]]


def test_a_popular_block_costs_less_for_the_same_gain() -> None:
    (widths,) = allocate_widths([distortion([1.0], [1.0])], [(8, 800)], Room(90, None))
    assert widths.tolist() == [[8], [0]]


def test_parameters_are_a_limit_of_their_own() -> None:
    # A kept column is 8 values and a step: two fit, at as many bits as there are.
    (widths,) = allocate_widths([distortion([4.0, 3.0, 2.0])], [(8,)], Room(None, 18))
    assert widths.tolist() == [[8, 8, 0]]


def test_what_must_be_there_is_there() -> None:
    least = [np.array([[0, 2]], dtype=np.uint8)]
    (widths,) = allocate_widths([distortion([9.0, 0.0])], [(8,)], Room(4, None), least)
    assert widths.tolist() == [[2, 2]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 400), st.integers(0, 400))
def test_the_room_is_never_exceeded(seed: int, code_bytes: int, parameters: int) -> None:
    random = np.random.default_rng(seed)
    sizes = [tuple(random.integers(1, 60, random.integers(1, 4)).tolist()) for _ in range(2)]
    tables = [distortion(*random.random((len(size), 3)).tolist()) for size in sizes]
    found = allocate_widths(tables, sizes, Room(code_bytes, parameters))
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
