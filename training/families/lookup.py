"""Base classes of families that write their lookup once, for both Keras and NumPy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from training.families.family import Family, parse_family
from training.families.table import Arrays, Config, Floats, Index, SideTable, check, float_tables


class LookupFamily(Family):
    """A family that reads trained float32 tables with a few array operations.

    A subclass adds `table_shapes` and `look_up` to its settings; the Keras layer
    (`training.layers.LookupEmbedding`) and the NumPy table use these two.
    """

    layer_class: ClassVar[str] = "LookupEmbedding"

    @abstractmethod
    def table_shapes(self, count: int, dim: int) -> dict[str, tuple[int, int]]:
        """Return `(rows, columns)` of each table by name, for `count` ids and embeddings of length `dim`.

        Raises:
            SettingsError: If the (resolved) settings are not valid for these sizes.
        """

    @abstractmethod
    def look_up(self, tables: Mapping[str, Any], index: Any, ops: Any) -> Any:
        """Return the embeddings `(..., dim)` at integer indices `(...)`; each depends only on its own index.

        Args:
            tables: The tables described by `table_shapes`.
            index: Indices, each in 0..count-1.
            ops: `keras.ops` or `numpy`; call only functions that exist in both under the same name.
        """

    def side(self, tables: Mapping[str, Floats], count: int, dim: int) -> LookupSide:
        """Return the tables in the form that the service reads."""
        return LookupSide(self, tables, count, dim)

    def layer_config(self, count: int, dim: int) -> dict[str, Any]:
        """Return the arguments of the layer; a layer of its own has one argument for each setting."""
        settings = self.model_dump(mode="json")
        if self.layer_class == LookupFamily.layer_class:
            return {"num_embeddings": count, "embedding_dim": dim, "settings": settings}
        del settings["family"]
        return {"num_embeddings": count, "embedding_dim": dim, **settings}

    @classmethod
    def from_layer_config(cls, config: Config) -> LookupFamily:
        """Return the settings from the result of `layer_config`."""
        if cls.layer_class != LookupFamily.layer_class:
            return cls(**{name: config[name] for name in cls.model_fields if name != "family"})
        family = parse_family(config["settings"])
        check(isinstance(family, LookupFamily), "a lookup embedding without a family")
        return family  # type: ignore[no-any-return]

    @classmethod
    def read(cls, config: Config, arrays: Arrays) -> LookupSide:
        """Return the tables of a stored layer."""
        family, count, dim = cls.from_layer_config(config), config["num_embeddings"], config["embedding_dim"]
        shapes = family.table_shapes(count, dim)
        stored = float_tables(arrays, {f"{name}/0": shape for name, shape in shapes.items()})
        return family.side(dict(zip(shapes, stored, strict=True)), count, dim)


class LookupSide(SideTable):
    """The NumPy tables of a `LookupFamily`."""

    def __init__(self, family: LookupFamily, tables: Mapping[str, Floats], count: int, dim: int) -> None:
        super().__init__(count, dim, tables.values())
        self.family, self.tables = family, tables

    def rows(self, index: Index) -> Floats:
        """`(n, dim)` The embeddings at `(n,)` indices."""
        rows: Floats = self.family.look_up(self.tables, index, np)
        return rows
