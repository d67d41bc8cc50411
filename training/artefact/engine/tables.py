"""Reads tables from an archive, without Keras: configuration as data, weights as arrays.

Only the forms that the trainer writes are supported, and every number in the configuration is checked
against the arrays. Anything else is rejected as foreign, although Keras may be able to load it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from training.artefact.archive import Archive, head_scale
from training.artefact.engine.rating import RatingTables
from training.errors import ArtefactForeign, SettingsError
from training.families.family import family_of_layer
from training.families.table import Config, SideTable, UnknownForm, check
from training.families.unpacking import SPARE_BYTES, unpacked

_SIDES: Final = ("user", "movie")
# Errors raised while reading a configuration of an unknown form.
_REFUSED: Final = (UnknownForm, SettingsError, KeyError, TypeError, ValueError, IndexError, AttributeError)


def read_tables(archive: Archive, spare: int = SPARE_BYTES) -> RatingTables:
    """Read the model in an archive.

    Args:
        archive: An opened model file.
        spare: Bytes that the tables may use in addition to the stored ones, for faster reading.

    Raises:
        ArtefactForeign: If the model has an unsupported form; the message states the unsupported part.
    """
    try:
        return _read(archive, spare)
    except _REFUSED as error:
        reason = str(error) if isinstance(error, UnknownForm) else "its configuration has another form"
        raise ArtefactForeign(
            archive.path,
            f"is not a model that the table engine supports ({reason}); RATINGS_ENGINE=keras may serve it",
        ) from error


def check_layers(archive: Archive) -> None:
    """Check the declared tables of every layer against its arrays, regardless of connections.

    This is needed because Keras allocates tables of the declared size before it reads the weights.

    Raises:
        ArtefactForeign: If a layer declares other tables than the file holds.
    """
    stack: list[Any] = [archive.config]
    while stack:
        found = stack.pop()
        if isinstance(found, Mapping):
            if family_of_layer(found.get("class_name")):
                try:
                    _read_side(archive, found)
                except _REFUSED as error:
                    reason = "a layer declares other tables than the file holds"
                    raise ArtefactForeign(archive.path, reason) from error
            stack += found.values()
        elif isinstance(found, list):
            stack += found


def _read(archive: Archive, spare: int) -> RatingTables:
    layers = {layer["name"]: layer for layer in archive.config["config"]["layers"]}
    with_biases = "user_bias" in layers or "movie_bias" in layers
    names = [f"{side}_embedding" for side in _SIDES] + [f"{side}_bias" for side in _SIDES if with_biases]
    expected = {
        **{f"{side}_id": "InputLayer" for side in _SIDES},
        **{f"{side}_lookup": "IdLookup" for side in _SIDES},
        **dict.fromkeys(names),
        "rating": "RatingHead",
    }
    check(layers.keys() == expected.keys(), f"layers {', '.join(sorted(map(str, layers)))[:200]}")
    for name, class_name in expected.items():
        given = layers[name]["class_name"]
        check(class_name in (None, given), f"{name} is a {str(given)[:60]}")
    for side in _SIDES:
        _check_inputs(layers[f"{side}_lookup"], [f"{side}_id"])
    for name in names:
        _check_inputs(layers[name], [f"{name.split('_')[0]}_lookup"])
    _check_inputs(layers["rating"], names)
    sides = [_read_side(archive, layers[name]) for name in names]
    for name, table in zip(names, sides, strict=True):
        size = layers[f"{name.split('_')[0]}_lookup"]["config"]["size"]
        check(table.count == size, f"{name} is for {table.count} indices, not for {size}")
    check(sides[0].dim == sides[1].dim, "embeddings of two lengths")
    check(all(table.dim == 1 for table in sides[2:]), "biases that are not single numbers")
    biases: list[Any] = [archive.variables[name]["0"][:, 0] for name in names[2:]] or [None, None]
    users, movies = unpacked(sides[0], sides[1], spare)
    scale = head_scale(archive)
    global_bias = _global_bias(archive, layers["rating"])
    return RatingTables(users, movies, biases[0], biases[1], global_bias, scale.low, scale.width)


def _global_bias(archive: Archive, layer: Config) -> np.float32 | None:
    _check_precision(layer)
    arrays = archive.variables.get("rating", {})
    if not layer["config"].get("global_bias", False):
        check(not arrays, "a head with unknown arrays")
        return None
    (array,) = arrays.values()
    check(array.shape == () and array.dtype == np.float32, "a global bias that is not one float32")
    return np.float32(array[()])


def _read_side(archive: Archive, layer: Config) -> SideTable:
    family = family_of_layer(layer["class_name"])
    if family is None:
        raise UnknownForm(f"{layer['name']} is a {str(layer['class_name'])[:60]}")
    _check_precision(layer)
    return family.read(layer["config"], archive.variables[layer["name"]])


def _check_precision(layer: Config) -> None:
    """Check that the layer computes in float32."""
    stated = layer["config"]["dtype"]
    name = stated if isinstance(stated, str) else stated["config"]["name"]
    check(name == "float32", f"{layer['name']} has the precision {str(name)[:60]}")


def _check_inputs(layer: Config, wanted: list[str]) -> None:
    """Check that the layer is called once, on the outputs of the layers `wanted`."""
    (node,) = layer["inbound_nodes"]
    given = [argument["config"]["keras_history"][0] for argument in node["args"]]
    check(given == wanted and not node["kwargs"].keys() - {"mask"}, f"{layer['name']} has other inputs")
