"""Rounded tables in plain NumPy, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.artefact.rounded import SCALES, RoundedTable, Scale, row_bytes
from training.compress.quantisation import round_table

Array = np.ndarray[Any, Any]


SEEDS = st.integers(0, 2**32 - 1)


def scales(*rows: list[float]) -> Array:
    return np.array(rows, dtype=np.float16)


def test_codes_by_hand() -> None:
    # Three bits: the row's codes are 5, 2 and 7, lowest bit first: 101 010 111, so the bytes 11010101 and 1.
    codes = np.array([[0b11010101, 0b1], [0, 0]], dtype=np.uint8)
    table = RoundedTable(codes, scales([2.0, 4.0, 0.5]), 3, 3)
    assert table.shape == (2, 3)
    assert table[0].tolist() == [(5 - 3.5) * 2, (2 - 3.5) * 4, (7 - 3.5) * 0.5]
    assert table[np.array([1, 0])].tolist() == [[-7, -14, -1.75], [3, -6, 1.75]]
    assert table[1:].tolist() == [[-7, -14, -1.75]]
    assert table.nbytes == 4 + 6


def test_a_scale_of_each_row() -> None:
    table = RoundedTable(np.array([[0], [255]], dtype=np.uint8), scales([1.0], [2.0]), 8, 1)
    assert table[np.array([0, 1])].tolist() == [[-127.5], [255]]
    assert table[1].tolist() == [255]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bits": 0}, "1 to 8"),
        ({"bits": 9}, "1 to 8"),
        ({"columns": 4}, "bytes a row"),
        ({"codes": np.zeros((2, 2), np.int8)}, "uint8"),
        ({"scales": np.zeros((1, 2), np.float16)}, "one scale for each row"),
        ({"scales": np.zeros((1, 3), np.float32)}, "float16"),
    ],
)
def test_arrays_that_are_no_table_are_refused(changed: dict[str, Any], message: str) -> None:
    fitting: dict[str, Any] = {
        "codes": np.zeros((2, 3), np.uint8),
        "scales": scales([1, 1, 1]),
        "bits": 8,
        "columns": 3,
    }
    RoundedTable(**fitting)
    with pytest.raises(ValueError, match=message):
        RoundedTable(**{**fitting, **changed})


@settings(max_examples=40)
@given(
    st.integers(1, 8),
    st.sampled_from(SCALES),
    st.integers(1, 9),
    st.integers(1, 11),
    st.integers(0, 2**32 - 1),
)
def test_rounding_is_near_and_final(bits: int, scale: Scale, rows: int, columns: int, seed: int) -> None:
    table = np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)
    made = round_table(table, bits, scale)
    values = made[:]
    assert (
        made.nbytes
        == rows * row_bytes(columns, bits) + 2 * {"row": rows, "column": columns, "shared": 1}[scale]
    )
    # Nearest of all codes, unless beyond the last.
    step = np.broadcast_to(made.scales.astype(np.float32), table.shape)
    inside = np.abs(table) <= step * 2.0 ** (bits - 1)
    assert np.all(np.abs(values - table)[inside] <= step[inside] * 0.5001)
    assert np.array_equal(made[np.arange(rows)], values)
    assert all(np.array_equal(made[row], values[row]) for row in range(rows))


def test_more_bits_and_more_scales_are_nearer() -> None:
    table = np.random.default_rng(0).standard_normal((50, 6)).astype(np.float32)
    table *= 2 ** np.arange(6, dtype=np.float32)
    by_bits = [np.square(round_table(table, bits)[:] - table).mean() for bits in (2, 4, 8)]
    assert by_bits[0] > 4 * by_bits[1] > 16 * by_bits[2]
    by_scale = [np.square(round_table(table, 4, scale)[:] - table).mean() for scale in ("shared", "column")]
    assert by_scale[0] > 2 * by_scale[1]
