"""The layer that maps text ids to indices inside the model file."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from training.artefact.ids.vocabulary import Vocabulary
from training.errors import SettingsError
from training.layers.legal import PACKAGE, whole_number


@keras.saving.register_keras_serializable(package=PACKAGE)
class IdLookup(keras.layers.Layer):  # type: ignore[misc,unused-ignore]
    """Maps ids to indices; an unknown id raises an error and never gets another id's index.

    The ids are kept as arrays among the archive's weights (see `Vocabulary.to_arrays`), so that a
    vocabulary of millions of ids stays loadable. The configuration states only their number; a layer made
    from it has no ids until its weights are loaded.

    Ids match byte by byte: with the prefix `user_`, `user_7` is an id, while `7`, `user_007` and `user_+7`
    are unknown.

    Input: text of any shape `(...)`. Output: int32 of the same shape, each in 0..size-1.

    Args:
        vocabulary: The ids in index order; None for a layer whose weights are loaded later.
        prefix: Without a vocabulary: the prefix of every numbered id; None if ids are arbitrary text.
        size: Without a vocabulary: the number of ids.
        warm: Without a vocabulary: how many of them, from the first, have training ratings; all by default.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        SettingsError: If neither a vocabulary nor a legal size is given.
    """

    def __init__(
        self,
        vocabulary: Vocabulary | None = None,
        *,
        prefix: str | None = None,
        size: int | None = None,
        warm: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._convert_input_args = False  # Keras would convert the ids to floats
        self._allow_non_tensor_positional_args = True
        self.supports_jit = False  # XLA does not support strings
        self._vocabulary = vocabulary
        self._table: Any = None
        if vocabulary is not None:
            prefix, size, warm = vocabulary.prefix, len(vocabulary), vocabulary.warm
        self.prefix = prefix
        self.size = whole_number("size", size)
        self.warm = self.size if warm is None else whole_number("warm", warm, least=0)
        if self.warm > self.size:
            raise SettingsError(f"warm is {self.warm}; the largest legal warm is the size, {self.size}")

    @property
    def vocabulary(self) -> Vocabulary:
        """The ids in index order.

        Raises:
            ValueError: If the layer was made from a configuration and its weights are not loaded yet.
        """
        if self._vocabulary is None:
            raise ValueError(f"{self.name} has no ids yet: they come with the model file's weights")
        return self._vocabulary

    def build(self, input_shape: Any = None) -> None:
        """Create nothing: the ids are given, or are loaded by `load_own_variables`."""

    def call(self, ids: Any) -> Any:
        """Return the `(...)` int32 indices of `(...)` ids.

        Raises:
            tensorflow.errors.InvalidArgumentError: If an id is unknown; the message names the layer.
        """
        ids = tf.convert_to_tensor(ids, dtype=tf.string)
        index = self._lookup_table().lookup(ids)
        known = index >= 0
        message = f"{self.name}: unknown to this model, which has {self.size} ids:"
        check = tf.debugging.Assert(
            tf.reduce_all(known), [message, tf.boolean_mask(ids, tf.logical_not(known))], summarize=5
        )
        with tf.control_dependencies([check]):
            return tf.identity(index)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the ids."""
        return tuple(input_shape)

    def compute_output_spec(self, ids: Any) -> Any:
        """Return int32 of the same shape; works before the ids are loaded."""
        return keras.KerasTensor(self.compute_output_shape(ids.shape), dtype="int32")

    def save_own_variables(self, store: Any) -> None:
        """Write the vocabulary's arrays under their names."""
        for name, array in self.vocabulary.to_arrays().items():
            store[name] = array

    def load_own_variables(self, store: Any) -> None:
        """Load what `save_own_variables` wrote.

        Raises:
            ValueError: If the arrays are not a vocabulary of this prefix and size.
        """
        arrays = {name: np.asarray(store[name]) for name in store.keys()}  # noqa: SIM118 - not a dict
        try:
            vocabulary = Vocabulary.from_arrays(arrays, self.prefix, self.warm)
        except ValueError as error:
            raise ValueError(f"{self.name}: the file holds no ids that fit ({error})") from error
        if len(vocabulary) != self.size:
            raise ValueError(
                f"{self.name} is configured for {self.size} ids, the file holds {len(vocabulary)}"
            )
        self._vocabulary = vocabulary
        self._table = None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__` except the ids, which are among the weights."""
        return {**super().get_config(), "prefix": self.prefix, "size": self.size, "warm": self.warm}

    def _lookup_table(self) -> Any:
        """The lookup table, built at the first call, so that reading only the ids of a file stays cheap."""
        if self._table is None:
            vocabulary = self.vocabulary
            with tf.init_scope():
                self._table = tf.lookup.StaticHashTable(
                    tf.lookup.KeyValueTensorInitializer(
                        _id_texts(vocabulary), tf.range(len(vocabulary), dtype=tf.int32)
                    ),
                    default_value=-1,
                )
        return self._table


def _id_texts(vocabulary: Vocabulary) -> Any:
    """Return a `(size,)` string tensor of all ids, without making a Python string for each numbered one."""
    arrays = vocabulary.to_arrays()
    if "numbers" in arrays:
        return tf.strings.join([vocabulary.prefix or "", tf.strings.as_string(arrays["numbers"])])
    text = arrays["utf8"].tobytes()
    ends = arrays["offsets"].tolist()
    return tf.constant([text[start:end] for start, end in pairwise(ends)], dtype=tf.string)
