"""Reads the bias terms of a stored model, which rate its cold ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.archive import Archive
from training.artefact.fallback import Fallback
from training.artefact.rating_scale import RatingScale
from training.errors import ArtefactDamaged
from training.families import Packed

_HEAD: Final = "rating"


def fallback_by_biases(archive: Archive, warm_users: int, warm_movies: int, scale: RatingScale) -> Fallback:
    """Make the fallback for cold pairs from the biases in a model file.

    Raises:
        ArtefactDamaged: The file lacks the global bias, or the biases of a side.
    """
    try:
        global_bias = float(_only_array(archive.variables[_HEAD]).reshape(()))
    except (KeyError, ValueError) as error:
        raise ArtefactDamaged(archive.path, "fallback: the model has no global bias") from error
    return Fallback.from_biases(
        global_bias, _side(archive, "user", warm_users), _side(archive, "movie", warm_movies), scale
    )


def _side(archive: Archive, side: str, warm: int) -> NDArray[np.float32]:
    """Read `(warm,)` biases from their own layer, or from the last column of a packed table."""
    try:
        own = archive.variables.get(f"{side}_bias")
        if own is not None:
            # Mapped from the file, as the engine's are.
            biases = _only_array(own).reshape(-1)[:warm].astype(np.float32, copy=False)
        else:
            name = f"{side}_embedding"
            (config,) = (one["config"] for one in archive.config["config"]["layers"] if one["name"] == name)
            table = Packed.read(config, archive.variables[name]).packed
            biases = table.column(table.widths.shape[1] - 1)[:warm].copy()
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise ArtefactDamaged(archive.path, f"fallback: the model has no biases of its {side}s") from error
    if biases.size != warm:
        raise ArtefactDamaged(archive.path, f"fallback: there must be one bias for each warm {side}")
    return biases


def _only_array(arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    (array,) = arrays.values()
    return np.asarray(array)
