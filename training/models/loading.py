"""Loading an artefact as a Keras model. Imports Keras where it is called, not before."""

from __future__ import annotations

import contextlib
import importlib.metadata
import warnings
from typing import Any

from training.artefact import Artefact
from training.artefact.engine.reading import check_layers
from training.artefact.manifest import MODEL_FILE
from training.artefact.mapped import open_stated_file
from training.errors import ArtefactDamaged, ArtefactForeign


def load_keras_model(artefact: Artefact) -> Any:
    """The artefact as a Keras model with string inputs `user_id` and `movie_id`, loaded in safe mode.

    Imports Keras and the custom layers, which register themselves.

    Raises:
        ArtefactForeign: Saved by a newer Keras than the installed one, or declaring other tables than it has.
        ArtefactDamaged: Keras cannot load it, or the file has changed since it was opened.
    """
    path, wanted = artefact.folder / MODEL_FILE, artefact.archive.keras_version
    # What can be refused without Keras is refused before its import, which takes seconds.
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        installed = importlib.metadata.version("keras")
        if _version(wanted) > _version(installed):
            raise ArtefactForeign(path, f"saved by Keras {wanted}, newer than the installed {installed}")
    check_layers(artefact.archive)
    import keras

    import training.layers  # noqa: F401 - registers the custom layers

    try:
        with warnings.catch_warnings():
            # Where a layer refuses its weights, Keras warns about something else before it raises.
            warnings.simplefilter("ignore", UserWarning)
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, AttributeError) as error:
        raise ArtefactDamaged(path, f"Keras cannot load it ({str(error).splitlines()[0][:200]})") from error
    # The file was checked when the artefact was opened; a trainer may have published since. No private
    # copy instead: a read-only container has nowhere to put one.
    with open_stated_file(path, artefact.manifest.model_file):
        return model


def load_indexed_keras_model(artefact: Artefact) -> Any:
    """The same model between its id lookups and its rating: int32 `user_index`, `movie_index` in."""
    model = load_keras_model(artefact)
    from training.models.rating_model import indexed_view

    return indexed_view(model)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
