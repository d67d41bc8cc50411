"""Loads an artefact as a Keras model. Keras is imported only when it is needed."""

from __future__ import annotations

import contextlib
import importlib.metadata
import warnings
from typing import Any

from training.artefact import Artefact
from training.artefact.engine.tables import check_layers
from training.artefact.manifest import MODEL_FILE
from training.artefact.mapped import open_stated_file
from training.errors import ArtefactDamaged, ArtefactForeign


def load_keras_model(artefact: Artefact) -> Any:
    """Load the artefact as a Keras model with string inputs `user_id` and `movie_id`, in safe mode.

    Imports Keras and the custom layers, which register themselves.

    Raises:
        ArtefactForeign: If a newer Keras than the installed one saved it, or its declared tables and arrays
            differ.
        ArtefactDamaged: If Keras cannot load it, or the file has changed since it was opened.
    """
    path, wanted = artefact.folder / MODEL_FILE, artefact.archive.keras_version
    # Checks that do not need Keras come first, because importing it takes seconds.
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        installed = importlib.metadata.version("keras")
        if _version(wanted) > _version(installed):
            raise ArtefactForeign(path, f"saved by Keras {wanted}, newer than the installed {installed}")
    check_layers(artefact.archive)
    import keras

    import training.layers  # noqa: F401 - registers the custom layers

    try:
        with warnings.catch_warnings():
            # If a layer rejects its weights, Keras emits an unrelated warning before it raises.
            warnings.simplefilter("ignore", UserWarning)
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, AttributeError) as error:
        raise ArtefactDamaged(path, f"Keras cannot load it ({str(error).splitlines()[0][:200]})") from error
    # The file was checked when the artefact was opened, but a trainer may have published since. Loading
    # from a private copy is not an option, because a read-only container has no place for one.
    with open_stated_file(path, artefact.manifest.model_file):
        return model


def load_indexed_keras_model(artefact: Artefact) -> Any:
    """Load the same model without its id lookups: its inputs are int32 `user_index` and `movie_index`."""
    model = load_keras_model(artefact)
    from training.models.rating_model import indexed_view

    return indexed_view(model)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
