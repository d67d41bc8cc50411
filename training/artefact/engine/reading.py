"""From an archive to tables: configuration as data, weights as arrays; Keras is not needed.

Only what the trainer writes is understood, and every number of the configuration is held against the
arrays. Anything else is foreign here, though Keras may still know it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine.full import FullTable, HashedTable
from training.artefact.engine.mixed_dimension import Block, MixedDimensionTable
from training.artefact.engine.packed import PackedTable
from training.artefact.engine.packed_side import PackedSide
from training.artefact.engine.quotient_remainder import QuotientRemainderTable
from training.artefact.engine.rating import RatingTables
from training.artefact.engine.side import SideTable
from training.artefact.engine.unpacking import SPARE_BYTES, unpacked
from training.errors import ArtefactForeign

Arrays = Mapping[str, NDArray[Any]]
Config = Mapping[str, Any]

_SIDES: Final = ("user", "movie")
_OPERATIONS: Final = ("multiply", "add", "concatenate")


class StoredModel(Protocol):
    """What is read of an opened model file; `training.artefact.archive.Archive` is one."""

    @property
    def path(self) -> Path:
        """Of the file."""

    @property
    def config(self) -> Config:
        """Keras's configuration."""

    @property
    def variables(self) -> Mapping[str, Arrays]:
        """Arrays by layer and name."""


class _UnknownError(ValueError):
    """What the archive says is not what the trainer writes."""


class _Arrays:
    """Arrays of a layer, taken out one after the other, so that what is left over is seen."""

    def __init__(self, arrays: Arrays) -> None:
        self._left = dict(arrays)

    def array(self, name: str) -> NDArray[Any]:
        """One array."""
        return self._left.pop(name)

    def is_empty(self) -> bool:
        """Whether all have been taken."""
        return not self._left


# What looking for the known form in another one ends in.
_REFUSED: Final = (_UnknownError, KeyError, TypeError, ValueError, IndexError, AttributeError)


def read_tables(archive: StoredModel, spare: int = SPARE_BYTES) -> RatingTables:
    """The model in an archive.

    Args:
        archive: A model file, opened.
        spare: Bytes that the tables may take beside the stored ones, to be read faster.

    Raises:
        ArtefactForeign: It is none of the kinds that are known here; says which part is not.
    """
    try:
        return _read(archive, spare)
    except _REFUSED as error:
        reason = str(error) if isinstance(error, _UnknownError) else "its configuration has another form"
        raise ArtefactForeign(
            archive.path,
            f"is no model that the table engine knows ({reason}); RATINGS_ENGINE=keras may serve it",
        ) from error


def check_layers(archive: StoredModel) -> None:
    """Hold what every table layer declares against its arrays, whatever the layers are connected to.

    Keras makes tables as large as the configuration says before it looks at the weights.

    Raises:
        ArtefactForeign: A layer declares other tables than the file holds.
    """
    stack: list[Any] = [archive.config]
    while stack:
        found = stack.pop()
        if isinstance(found, Mapping):
            if found.get("class_name") in _READERS:
                try:
                    _read_side(archive, found)
                except _REFUSED as error:
                    reason = "a layer declares other tables than the file holds"
                    raise ArtefactForeign(archive.path, reason) from error
            stack += found.values()
        elif isinstance(found, list):
            stack += found


def _read(archive: StoredModel, spare: int) -> RatingTables:
    layers = {layer["name"]: layer for layer in archive.config["config"]["layers"]}
    with_biases = "user_bias" in layers or "movie_bias" in layers
    names = [f"{side}_embedding" for side in _SIDES] + [f"{side}_bias" for side in _SIDES if with_biases]
    expected = {
        **{f"{side}_id": "InputLayer" for side in _SIDES},
        **{f"{side}_lookup": "IdLookup" for side in _SIDES},
        **dict.fromkeys(names),
        "rating": "RatingHead",
    }
    _check(layers.keys() == expected.keys(), f"layers {', '.join(sorted(map(str, layers)))[:200]}")
    for name, class_name in expected.items():
        given = layers[name]["class_name"]
        _check(class_name in (None, given), f"{name} is a {str(given)[:60]}")
    for side in _SIDES:
        _check_inputs(layers[f"{side}_lookup"], [f"{side}_id"])
    for name in names:
        _check_inputs(layers[name], [f"{name.split('_')[0]}_lookup"])
    _check_inputs(layers["rating"], names)
    sides = [_read_side(archive, layers[name]) for name in names]
    for name, table in zip(names, sides, strict=True):
        size = layers[f"{name.split('_')[0]}_lookup"]["config"]["size"]
        _check(table.count == size, f"{name} is for {table.count} indices, not for {size}")
    _check(sides[0].dim == sides[1].dim, "embeddings of two lengths")
    _check(all(table.dim == 1 for table in sides[2:]), "biases that are not single numbers")
    biases: list[Any] = [archive.variables[name]["0"][:, 0] for name in names[2:]] or [None, None]
    users, movies = unpacked(sides[0], sides[1], spare)
    return RatingTables(users, movies, biases[0], biases[1], _global_bias(archive, layers["rating"]))


def _global_bias(archive: StoredModel, layer: Config) -> np.float32 | None:
    _check_precision(layer)
    arrays = archive.variables.get("rating", {})
    if not layer["config"].get("global_bias", False):
        _check(not arrays, "a head with unknown arrays")
        return None
    (array,) = arrays.values()
    _check(array.shape == () and array.dtype == np.float32, "a global bias that is not one float32")
    return np.float32(array[()])


def _read_side(archive: StoredModel, layer: Config) -> SideTable:
    class_name = layer["class_name"]
    _check(class_name in _READERS, f"{layer['name']} is a {str(class_name)[:60]}")
    _check_precision(layer)
    arrays = archive.variables[layer["name"]]
    # Codes and their steps have types of their own.
    if class_name != "PackedEmbedding":
        _check(
            all(array.dtype == np.float32 for array in arrays.values()),
            f"arrays of {layer['name']} in another precision",
        )
    return _READERS[class_name](layer["config"], arrays)


def _check_precision(layer: Config) -> None:
    """Pass when the layer computes in float32."""
    stated = layer["config"]["dtype"]
    name = stated if isinstance(stated, str) else stated["config"]["name"]
    _check(name == "float32", f"{layer['name']} has the precision {str(name)[:60]}")


def _embedding(config: Config, arrays: Arrays) -> SideTable:
    plain = not any(config.get(extra) for extra in ("mask_zero", "quantization_config", "lora_rank"))
    _check(plain and set(arrays) == {"0"}, "an embedding with extras")
    _check(arrays["0"].shape == (config["input_dim"], config["output_dim"]), "an embedding of another shape")
    return FullTable(arrays["0"])


def _hash_embedding(config: Config, arrays: Arrays) -> SideTable:
    _check(set(arrays) == {"table/0"}, "other arrays than a table")
    table = arrays["table/0"]
    _check(table.shape == (config["num_buckets"], config["embedding_dim"]), "a hash table of another shape")
    return HashedTable(table, config["num_embeddings"])


def _qr_embedding(config: Config, arrays: Arrays) -> SideTable:
    operation, count = config["operation"], config["num_embeddings"]
    _check(operation in _OPERATIONS, f"the operation {str(operation)[:60]!r}")
    dim = config["embedding_dim"] // (2 if operation == "concatenate" else 1)
    _check(set(arrays) == {"quotient/0", "remainder/0"}, "other tables than quotient and remainder")
    quotient, remainder = arrays["quotient/0"], arrays["remainder/0"]
    _check(
        quotient.shape == (config["quotient_rows"], dim)
        and remainder.shape == (config["num_buckets"], dim)
        and quotient.shape[0] * remainder.shape[0] >= count,
        "quotient and remainder of other shapes",
    )
    return QuotientRemainderTable(quotient, remainder, operation, count)


def _md_embedding(config: Config, arrays: Arrays) -> SideTable:
    dim, extra = config["output_dim"], bool(config["extra_row"])
    blocks, projections, rest = [], 0, _Arrays(arrays)
    for place, (size, width) in enumerate(zip(config["block_sizes"], config["block_dims"], strict=True)):
        table = rest.array(f"{_numbered('tables/embedding', place)}/0")
        _check(table.shape == (size + extra, width) and size > 0, "a block of another shape")
        projection = bias = None
        if width < dim:
            name = _numbered("projections/dense", projections)
            projection = rest.array(f"{name}/0")
            _check(projection.shape == (width, dim), "a projection of another shape")
            projections += 1
            if config["projection_bias"]:
                bias = rest.array(f"{name}/1")
                _check(bias.shape == (dim,), "a projection's bias of another shape")
        _check(width <= dim, "a block wider than the embedding")
        blocks.append(Block(size, table, projection, bias))
    _check(rest.is_empty(), "arrays beside those of the blocks")
    return MixedDimensionTable(blocks, dim)


def _packed_embedding(config: Config, arrays: Arrays) -> SideTable:
    _check(set(arrays) == {"codes", "widths", "steps"}, "other arrays than codes, widths and steps")
    packed = PackedTable(tuple(config["block_sizes"]), arrays["widths"], arrays["steps"], arrays["codes"])
    columns, ones_at = config["columns"], config.get("ones_at")
    _check(packed.widths.shape[1] == columns, "another number of columns")
    _check(sum(packed.block_sizes) == config["num_embeddings"], "blocks that do not cover the indices")
    _check(ones_at is None or 0 <= ones_at <= columns, "a column of ones outside the table")
    return PackedSide(packed, ones_at)


_READERS: Final[Mapping[str, Callable[[Config, Arrays], SideTable]]] = MappingProxyType(
    {
        "Embedding": _embedding,
        "HashEmbedding": _hash_embedding,
        "QREmbedding": _qr_embedding,
        "MDEmbedding": _md_embedding,
        "PackedEmbedding": _packed_embedding,
    }
)


def _numbered(name: str, place: int) -> str:
    """How Keras calls the layer at a place in a list of layers."""
    return f"{name}_{place}" if place else name


def _check_inputs(layer: Config, wanted: list[str]) -> None:
    """Pass when the layer is called once, on what the layers called `wanted` give."""
    (node,) = layer["inbound_nodes"]
    given = [argument["config"]["keras_history"][0] for argument in node["args"]]
    _check(given == wanted and not node["kwargs"].keys() - {"mask"}, f"{layer['name']} has other inputs")


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _UnknownError(otherwise)
