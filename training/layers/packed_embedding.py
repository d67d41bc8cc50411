"""The Keras layer of packed tables, which decodes only the rows that are looked up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from training.families.packed_table import PackedTable, kept_values
from training.layers.family_embedding import FamilyEmbedding
from training.layers.legal import PACKAGE

_ARRAYS: Final = ("codes", "widths", "steps")


@keras.saving.register_keras_serializable(package=PACKAGE)
class PackedEmbedding(FamilyEmbedding):
    """Embeds ids from a table whose values have 0 to 8 bits each.

    An index is a popularity rank, as in `MDEmbedding`: the first `block_sizes[0]` indices are block 0, and
    so on. Each (block, column) has its own bit width (0 drops the column from the block) and its own
    step. `training.families.packed_table` describes the byte layout and has the same arithmetic in NumPy.

    The weights come from packing a fitted or distilled table, never from gradients, so none is trainable.
    Before a table is assigned, all values are zero.

    The arguments are those of `FamilyEmbedding`, with the settings of `training.families.Packed` and the
    number of `columns` (without the ones) in place of the length.
    """

    def __init__(
        self,
        num_embeddings: int,
        block_sizes: Sequence[int],
        columns: int,
        code_bytes: int,
        ones_at: int | None = None,
        **kwargs: Any,
    ) -> None:
        settings = {
            "family": "packed",
            "block_sizes": block_sizes,
            "code_bytes": code_bytes,
            "ones_at": ones_at,
        }
        super().__init__(num_embeddings, columns + (ones_at is not None), settings, **kwargs)
        self.block_sizes, self.columns = self.family.block_sizes, columns

    def build(self, input_shape: Any = None) -> None:  # noqa: ARG002 - every input shape has the same weights
        """Create all arrays; the shape of the input does not matter."""
        if self.built:
            return
        shape = (len(self.block_sizes), self.columns)
        self.codes = self._array("codes", (self.family.code_bytes,), "uint8")
        self.widths = self._array("widths", shape, "uint8")
        self.steps = self._array("steps", shape, "float16")

    def call(self, indices: Any) -> Any:
        """Return the embeddings `(..., output_dim)` of `indices` `(...)`; no other rows are decoded."""
        ops = keras.ops
        flat = ops.reshape(ops.cast(indices, "int32"), (-1,))
        ends = list(accumulate(self.block_sizes))
        first_row = ops.convert_to_tensor([0, *ends[:-1]], dtype="int32")
        block = ops.zeros_like(flat)
        for end in ends[:-1]:
            block += ops.cast(flat >= end, "int32")
        local = ops.expand_dims(flat - ops.take(first_row, block), -1)
        width = ops.take(ops.cast(self.widths, "int32"), block, axis=0)
        bit = local * width
        byte = ops.take(self._stream_starts(), block, axis=0) + bit // 8
        # The second byte may belong to the next stream; the mask drops all bits outside the code.
        last = self.family.code_bytes - 1
        low = ops.cast(ops.take(self.codes, ops.minimum(byte, last)), "int32")
        high = ops.cast(ops.take(self.codes, ops.minimum(byte + 1, last)), "int32")
        levels = ops.left_shift(ops.ones_like(width), width)
        code = ops.bitwise_and(ops.right_shift(low + high * 256, bit % 8), levels - 1)
        # This is exact for width 0 too, because the step is 0.
        centred = ops.cast(code, "float32") - 0.5 * ops.cast(levels, "float32") + 0.5
        values = centred * ops.take(ops.cast(self.steps, "float32"), block, axis=0)
        at = self.family.ones_at
        if at is not None:
            ones = ops.ones_like(values[:, :1])
            values = ops.concatenate([values[:, :at], ones, values[:, at:]], axis=-1)
        values = ops.cast(values, self.compute_dtype)
        return ops.reshape(values, (*ops.shape(indices), self.embedding_dim))

    def set_table(self, table: PackedTable) -> None:
        """Assign a table of the sizes that the layer was made for.

        Raises:
            ValueError: If its sizes differ.
        """
        self.build()
        if table.block_sizes != self.block_sizes:
            raise ValueError(f"the table's blocks are {table.block_sizes}, the layer's {self.block_sizes}")
        self.codes.assign(table.codes)
        self.widths.assign(table.widths)
        self.steps.assign(table.steps)

    def logical_sizes(self) -> dict[str, int]:
        """Return the logical scalars in each array: the kept values before packing, and the steps."""
        widths = np.asarray(self.widths)
        return {
            self.codes.path: kept_values(widths, self.block_sizes),
            self.widths.path: 0,
            self.steps.path: int(np.count_nonzero(widths)),
        }

    def save_own_variables(self, store: Any) -> None:
        """Write the arrays under their names."""
        for name in _ARRAYS:
            store[name] = np.asarray(getattr(self, name))

    def load_own_variables(self, store: Any) -> None:
        """Load what `save_own_variables` wrote.

        Raises:
            ValueError: If the arrays are not a table of this layer's sizes.
        """
        arrays: dict[str, NDArray[Any]] = {name: np.asarray(store[name]) for name in _ARRAYS}
        try:
            table = PackedTable(self.block_sizes, **arrays)
        except ValueError as error:
            raise ValueError(f"{self.name}: the file holds no table that fits ({error})") from error
        self.set_table(table)

    def _array(self, name: str, shape: tuple[int, ...], dtype: str) -> Any:
        return self.add_weight(
            shape=shape, dtype=dtype, initializer="zeros", trainable=False, autocast=False, name=name
        )

    def _stream_starts(self) -> Any:
        """Return the `(blocks, columns)` int32 position of the first byte of each stream of codes."""
        ops = keras.ops
        sizes = ops.convert_to_tensor(self.block_sizes, dtype="int32")
        stream = (ops.expand_dims(sizes, -1) * ops.cast(self.widths, "int32") + 7) // 8
        flat = ops.reshape(stream, (-1,))
        return ops.reshape(ops.cumsum(flat) - flat, (len(self.block_sizes), self.columns))
