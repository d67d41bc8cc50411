"""A table rounded to a few bits a value, in place of any float table of any layer."""

from __future__ import annotations

from typing import Any, Final

import keras
import numpy as np

from training.artefact.rounded import SCALES, RoundedTable, Scale, code_places, row_bytes
from training.errors import SettingsError
from training.layers.legal import PACKAGE, whole_number

_ARRAYS: Final = ("codes", "scales")
MAX_BITS: Final = 8


@keras.saving.register_keras_serializable(package=PACKAGE)
class RoundedEmbedding(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Embeds ids from a table whose values all have a few bits; `training.artefact.rounded` has the layout.

    The weights come from rounding a fitted table, never from gradients: none is trainable. A layer that has
    not been given any is all zeros.

    Input: integers of any shape `(...)`, each in 0..input_dim-1. They are not checked here; resolve ids
    before (see `IdLookup`). Output: `(..., output_dim)`.

    Args:
        input_dim: Rows of the table.
        output_dim: Columns of it.
        bits: Of a value, 1 to 8.
        scale: Whether each `row`, each `column` or the whole table (`shared`) has a scale of its own.
        **kwargs: Of every Keras layer.

    Raises:
        SettingsError: A number is not a whole one within its range, or there is no such scale.
    """

    def __init__(self, input_dim: int, output_dim: int, bits: int, scale: Scale, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.input_dim = whole_number("input_dim", input_dim)
        self.output_dim = whole_number("output_dim", output_dim)
        self.bits = legal_bits(bits)
        self.scale = legal_scale(scale)

    def build(self, input_shape: Any = None) -> None:  # noqa: ARG002 - every input shape has the same weights
        """Create both arrays, whatever the input's shape is."""
        if self.built:
            return
        rows, columns = self.input_dim, self.output_dim
        shapes = {"row": (rows, 1), "column": (1, columns), "shared": (1, 1)}
        self.codes = self._array("codes", (rows, row_bytes(columns, self.bits)), "uint8")
        self.scales = self._array("scales", shapes[self.scale], "float16")

    def call(self, indices: Any) -> Any:
        """Embeddings `(..., output_dim)` of `indices` `(...)`; only the rows asked for are decoded."""
        ops = keras.ops
        flat = ops.reshape(ops.cast(indices, "int32"), (-1,))
        stored = ops.cast(ops.take(self.codes, flat, axis=0), "int32")
        byte, shift = code_places(self.output_dim, self.bits)
        # The second byte may be past the row's end: the mask drops what is not the code's.
        low = ops.take(stored, byte, axis=1)
        high = ops.take(stored, np.minimum(byte + 1, row_bytes(self.output_dim, self.bits) - 1), axis=1)
        code = ops.bitwise_and(ops.right_shift(low + high * 256, shift.astype(np.int32)), 2**self.bits - 1)
        scales = ops.cast(self.scales, "float32")
        if self.scale == "row":
            scales = ops.take(scales, flat, axis=0)
        values = (ops.cast(code, "float32") + (0.5 - 2.0 ** (self.bits - 1))) * scales
        values = ops.cast(values, self.compute_dtype)
        return ops.reshape(values, (*ops.shape(indices), self.output_dim))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """`(..., output_dim)` for indices `(...)`."""
        return (*input_shape, self.output_dim)

    def set_table(self, table: RoundedTable) -> None:
        """Take over a table of the sizes that the layer was made for.

        Raises:
            ValueError: Its sizes are others.
        """
        self.build()
        if (table.shape, table.bits) != ((self.input_dim, self.output_dim), self.bits):
            raise ValueError(
                f"the table is {table.shape} of {table.bits} bits, the layer "
                f"{(self.input_dim, self.output_dim)} of {self.bits}"
            )
        self.codes.assign(table.codes)
        self.scales.assign(table.scales)

    def logical_sizes(self) -> dict[str, int]:
        """Logical scalars in each array, before rounding: values, and their scales."""
        return {
            self.codes.path: self.input_dim * self.output_dim,
            self.scales.path: int(np.prod(self.scales.shape)),
        }

    def save_own_variables(self, store: Any) -> None:
        """Write the arrays under their names."""
        for name in _ARRAYS:
            store[name] = np.asarray(getattr(self, name))

    def load_own_variables(self, store: Any) -> None:
        """Read what `save_own_variables` wrote.

        Raises:
            ValueError: The arrays are no table of this layer's sizes.
        """
        try:
            codes, scales = (np.asarray(store[name]) for name in _ARRAYS)
            self.set_table(RoundedTable(codes, scales, self.bits, self.output_dim))
        except (ValueError, KeyError) as error:
            raise ValueError(f"{self.name}: the file holds no table that fits ({error})") from error

    def get_config(self) -> dict[str, Any]:
        """All that `__init__` takes."""
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "bits": self.bits,
            "scale": self.scale,
        }

    def _array(self, name: str, shape: tuple[int, ...], dtype: str) -> Any:
        return self.add_weight(
            shape=shape, dtype=dtype, initializer="zeros", trainable=False, autocast=False, name=name
        )


def table_layer(
    rows: int, columns: int, initializer: Any, bits: int | None, scale: Scale, **kwargs: Any
) -> Any:
    """A layer that looks rows up: floats that can be fitted, or a few bits a value where `bits` are given."""
    if bits is None:
        return keras.layers.Embedding(rows, columns, initializer, **kwargs)
    return RoundedEmbedding(rows, columns, bits, scale, **kwargs)


def rounding_config(bits: int | None, scale: Scale) -> dict[str, Any]:
    """How a layer's configuration states that its tables are rounded; nothing where they are not."""
    return {} if bits is None else {"table_bits": bits, "table_scale": scale}


def legal_bits(bits: int) -> int:
    """`bits`, if a value can have so many.

    Raises:
        SettingsError: It cannot.
    """
    bits = whole_number("bits", bits)
    if bits > MAX_BITS:
        raise SettingsError(f"bits is {bits}; the largest legal number of bits is {MAX_BITS}")
    return bits


def legal_scale(scale: Scale) -> Scale:
    """`scale`, if there is such a one.

    Raises:
        SettingsError: There is not.
    """
    if scale not in SCALES:
        raise SettingsError(f"scale must be one of {', '.join(SCALES)}, not {scale!r}")
    return scale
