"""A table rounded to a few bits a value, every value with as many: rows of codes, and scales.

    value = (code - 2 ** (bits - 1) + 1/2) * scale          code in 0 .. 2 ** bits - 1

There is one scale for each row, for each column, or for the whole table. A row's codes follow each other,
lowest bit first, and each row begins at a whole byte, so that a row is read without the others.

This is for any table of any family. `engine.packed` spreads bits over blocks and columns instead,
and leaves no byte half used. The same arithmetic in Keras is `training.layers.RoundedEmbedding`; the two
agree bit for bit, since a product of 9 and 11 significant bits is exact in float32.
"""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Scale = Literal["row", "column", "shared"]
SCALES: Final[tuple[Scale, ...]] = get_args(Scale)


class RoundedTable:
    """A rounded table; indexed like an array of rows, it decodes those and no others.

    Attributes:
        codes: `(rows, row_bytes(columns, bits))` uint8.
        scales: `(rows, 1)`, `(1, columns)` or `(1, 1)` float16.
        bits: Of a code, 1 to 8.
        shape: Rows and columns.
    """

    dtype: Final = np.dtype(np.float32)

    def __init__(
        self, codes: NDArray[np.uint8], scales: NDArray[np.float16], bits: int, columns: int
    ) -> None:
        """Hold the arrays against each other.

        Raises:
            ValueError: They are no table of so many columns and bits.
        """
        if codes.dtype != np.uint8 or scales.dtype != np.float16:
            raise ValueError("codes must be uint8, scales float16")
        if not 1 <= bits <= 8:
            raise ValueError(f"a value has {bits} bits; it may have 1 to 8")
        if codes.ndim != 2 or codes.shape[1] != row_bytes(columns, bits):
            raise ValueError(f"{columns} values of {bits} bits are {row_bytes(columns, bits)} bytes a row")
        if scales.shape not in ((codes.shape[0], 1), (1, columns), (1, 1)):
            raise ValueError("there must be one scale for each row, for each column, or one in all")
        self.codes, self.scales, self.bits = codes, scales, bits
        self.shape = (codes.shape[0], columns)
        self._byte, self._shift = code_places(columns, bits)
        self._next_byte = np.minimum(self._byte + 1, codes.shape[1] - 1)
        self._centre = np.float32(0.5 - 2.0 ** (bits - 1))
        # A table of one row has one scale, whichever way it is seen.
        self._by_row = scales.shape[0] > 1

    def __getitem__(self, index: Any) -> NDArray[np.float32]:
        """`(..., columns)` values of the rows that an int, an array of them or a slice names."""
        stored = self.codes[index]
        code: NDArray[Any] = stored
        if self.bits < 8:
            # `take` leaves rows in order in memory, indexing would not: sums over them would round otherwise.
            low = stored.take(self._byte, axis=-1).astype(np.uint16)
            high = stored.take(self._next_byte, axis=-1).astype(np.uint16)
            code = ((low | high << 8) >> self._shift) & np.uint16(2**self.bits - 1)
        scale = self.scales[index] if self._by_row else self.scales[0]
        values: NDArray[np.float32] = (code.astype(np.float32) + self._centre) * scale.astype(np.float32)
        return values

    def take(self, index: NDArray[np.integer], axis: Literal[0]) -> NDArray[np.float32]:  # noqa: ARG002
        """`(n, columns)` values of the rows at `(n,)` indices: what arrays of floats are asked for."""
        return self[index]

    @property
    def nbytes(self) -> int:
        """Bytes of codes and scales."""
        return self.codes.nbytes + self.scales.nbytes


def row_bytes(columns: int, bits: int) -> int:
    """Bytes of a row of codes."""
    return -(-columns * bits // 8)


def code_places(columns: int, bits: int) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """`(columns,)` byte of a row that a code begins in, and the bit of it."""
    first = np.arange(columns) * bits
    return first // 8, (first % 8).astype(np.uint16)
