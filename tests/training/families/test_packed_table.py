from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.families.packed_table import TILE_ROWS, PackedSide, PackedTable, pack

Array = np.ndarray[Any, Any]

# Two blocks, of 3 and 2 rows, and three columns.
BLOCKS = (3, 2)
WIDTHS = np.array([[3, 0, 8], [1, 5, 0]], dtype=np.uint8)
STEPS = np.array([[0.5, 0, 2], [4, 1, 0]], dtype=np.float16)
CODES = np.array([[5, 0, 255], [2, 0, 128], [7, 0, 0], [1, 31, 0], [0, 16, 0]], dtype=np.uint8)
# 101, 010, 111 from the right: 1_11_010_101 spills one bit into the second byte; then three whole bytes;
# then bits 1, 0; then 11111 and 10000, two bits of which spill over.
STREAM = [0b11010101, 0b1, 255, 128, 0, 0b01, 0b00011111, 0b10]


def test_stream_matches_hand_computed_bytes() -> None:
    assert pack(CODES, WIDTHS, BLOCKS).tolist() == STREAM


def test_values_match_hand_computed_values() -> None:
    table = PackedTable(BLOCKS, WIDTHS, STEPS, np.array(STREAM, dtype=np.uint8))
    # Each is its code, less the middle of all codes, times its step.
    assert table.values().tolist() == [
        [0.75, 0, 255],
        [-0.75, 0, 1],
        [1.75, 0, -255],
        [2, 15.5, 0],
        [-2, 0.5, 0],
    ]
    assert PackedSide(table, None).rows(np.array([4, 0])).tolist() == [[-2, 0.5, 0], [0.75, 0, 255]]
    # Rows x kept columns, and a step for each kept (block, column).
    assert table.parameter_count == 3 * 2 + 2 * 2 + 4
    assert table.nbytes == 8 + 6 + 12


@st.composite
def packed(draw: st.DrawFn) -> tuple[Array, Array, Array, tuple[int, ...]]:
    sizes = tuple(draw(st.lists(st.integers(1, 20), min_size=1, max_size=4)))
    columns = draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    widths = random.integers(0, 9, (len(sizes), columns)).astype(np.uint8)
    limits = np.repeat(1 << widths.astype(np.int64), sizes, axis=0)
    codes = random.integers(0, limits).astype(np.uint8)
    steps = (random.random(widths.shape) * (widths > 0)).astype(np.float16)
    return codes, widths, steps, sizes


@settings(max_examples=60, deadline=None)
@given(packed())
def test_codes_round_trip(table: tuple[Array, Array, Array, tuple[int, ...]]) -> None:
    codes, widths, _, sizes = table
    stream = pack(codes, widths, sizes)
    ones = np.ones(widths.shape, dtype=np.float16)
    values = PackedTable(sizes, widths, ones, stream).values()
    # With steps of 1, a value is its code less the middle of all codes, exactly.
    middle = np.repeat((2.0 ** widths.astype(float) - 1) / 2, sizes, axis=0)
    assert np.array_equal(values + middle, codes)


@settings(max_examples=30, deadline=None)
@given(packed(), st.randoms(use_true_random=False))
def test_row_is_the_same_alone_and_in_any_batch(
    table: tuple[Array, Array, Array, tuple[int, ...]], random: Any
) -> None:
    codes, widths, steps, sizes = table
    whole = PackedTable(sizes, widths, steps, pack(codes, widths, sizes))
    rows = np.array([random.randrange(sum(sizes)) for _ in range(5)])
    assert np.array_equal(PackedSide(whole, None).rows(rows), whole.values()[rows])
    for place in range(widths.shape[1]):
        assert np.array_equal(whole.column(place), whole.values()[:, place])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"codes": np.zeros(7, dtype=np.uint8)}, "need 8 bytes of codes, but there are 7"),
        ({"widths": WIDTHS + np.uint8(1)}, "the largest legal width is 8"),
        ({"steps": STEPS[:1]}, "one row for each of the 2 blocks"),
        ({"steps": STEPS.astype(np.float32)}, "steps float16"),
    ],
)
def test_inconsistent_arrays_are_rejected(changed: dict[str, Array], message: str) -> None:
    arrays: dict[str, Any] = {"widths": WIDTHS, "steps": STEPS, "codes": np.array(STREAM, dtype=np.uint8)}
    with pytest.raises(ValueError, match=message):
        PackedTable(BLOCKS, **{**arrays, **changed})


def test_code_too_large_for_its_width_is_rejected() -> None:
    with pytest.raises(ValueError, match="column 0 does not fit 3 bits"):
        pack(CODES + np.uint8(4), WIDTHS, BLOCKS)


def test_long_column_is_decoded_in_tiles() -> None:
    sizes, widths = (66_000, 5_000), np.array([[3, 5], [0, 8]], dtype=np.uint8)
    limits = np.repeat(1 << widths.astype(np.int64), sizes, axis=0)
    codes = np.random.default_rng(0).integers(0, limits).astype(np.uint8)
    table = PackedTable(sizes, widths, np.full((2, 2), 0.5, np.float16), pack(codes, widths, sizes))
    assert np.array_equal(table.column(1), table.values()[:, 1])


def random_table(block_sizes: tuple[int, ...], least_width: int) -> PackedTable:
    """Return a table with random codes of `least_width` to 8 bits in five columns."""
    random = np.random.default_rng(3)
    widths = random.integers(least_width, 9, (len(block_sizes), 5)).astype(np.uint8)
    codes = [
        random.integers(0, 2 ** row.astype(int), (size, 5))
        for row, size in zip(widths, block_sizes, strict=True)
    ]
    steps = np.where(widths, random.uniform(0.002, 0.02, widths.shape), 0).astype(np.float16)
    return PackedTable(block_sizes, widths, steps, pack(np.concatenate(codes), widths, block_sizes))


@pytest.mark.parametrize("least_width", [0, 8], ids=["mixed widths", "whole bytes"])
@pytest.mark.parametrize(
    "block_sizes",
    [(TILE_ROWS,), (TILE_ROWS + 1,), (13, 2 * TILE_ROWS + 5, 3)],
    ids=["one tile", "one row more", "tiles within a block"],
)
def test_products_of_a_table_larger_than_a_tile(block_sizes: tuple[int, ...], least_width: int) -> None:
    side = PackedSide(random_table(block_sizes, least_width), ones_at=2)
    vector = np.random.default_rng(4).normal(size=side.dim).astype(np.float32)
    expected = side.rows(np.arange(side.count)) @ vector
    np.testing.assert_allclose(side.products(vector), expected, rtol=0, atol=1e-4)
