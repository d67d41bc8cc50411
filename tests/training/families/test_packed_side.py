from __future__ import annotations

import numpy as np
import pytest

from training.families.packed_side import TILE_ROWS, PackedSide
from training.families.packed_table import PackedTable, pack


def packed_table(block_sizes: tuple[int, ...], least_width: int) -> PackedTable:
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
    side = PackedSide(packed_table(block_sizes, least_width), ones_at=2)
    vector = np.random.default_rng(4).normal(size=side.dim).astype(np.float32)
    expected = side.rows(np.arange(side.count)) @ vector
    np.testing.assert_allclose(side.products(vector), expected, rtol=0, atol=1e-4)
