"""Load a store into a registry: each model is checked, loaded, probed and timed, or the start fails."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from app.contract.errors import BadSetting, StartError, shorten
from app.scoring.fetching import local_store
from app.scoring.keras_engine import load_keras_engine
from app.scoring.probe import measure, probe
from app.scoring.registry import BASELINE, LoadedModel, Registry
from app.scoring.scorer import Engine, RatingScorer
from app.scoring.table_engine import load_table_engine
from app.settings import Settings
from training.artefact import (
    Artefact,
    ArtefactError,
    Manifest,
    is_unchanged,
    list_artefacts,
    movie_titles,
    open_stored,
)

# The default model: the smallest one with a lower error than the published models (decision 5), else the
# published baseline.
PREFERRED: Final = ("compact", BASELINE)

# By the setting `RATINGS_ENGINE`.
ENGINES: Final[Mapping[str, Callable[[Artefact], Engine]]] = MappingProxyType(
    {"table": load_table_engine, "keras": load_keras_engine}
)
# Engines whose models survive a fork: arrays do, TensorFlow's threads do not.
FORK_SAFE: Final = frozenset({"table"})

logger = logging.getLogger(__name__)


def load_registry(settings: Settings, live: Registry | None = None) -> Registry:
    """Load all models that the settings name; return the `live` registry if nothing in the store has changed.

    Otherwise, models of the live registry that are unchanged in the store are reused. The current version of
    a store in object storage is fetched first.

    Raises:
        ArtefactError: The store, or a model in it, is missing, damaged or foreign, or cannot be fetched.
        BadSetting: A setting names a model that is not in the store.
        StartError: The engine is not installed or cannot load a model, a model returns values that are not
            ratings, or the models have different rating scales.
    """
    settings = settings.model_copy(update={"store": local_store(settings)})
    try:
        return _load_registry(settings, live)
    except ArtefactError:
        if live is None:
            raise
        # A trainer may have exchanged a folder between two of its files.
        return _load_registry(settings, live)


def _load_registry(settings: Settings, live: Registry | None) -> Registry:
    folders = find_folders(settings)
    names = [folder.name for folder in folders]
    before = {} if live is None else live.models
    kept = {
        folder.name: before[folder.name]
        for folder in folders
        if folder.name in before and is_unchanged(folder, before[folder.name].scorer.manifest)
    }
    if live is not None and list(kept) == list(before) == names:
        return live
    # Check all artefacts before loading the first: this finds a damaged one in milliseconds, without imports.
    artefacts = {folder.name: open_stored(folder) for folder in folders if folder.name not in kept}
    manifests = {name: artefact.manifest for name, artefact in artefacts.items()}
    manifests |= {name: model.scorer.manifest for name, model in kept.items()}
    _check_scales([manifests[name] for name in names])
    titles = _titles([(folder, manifests[folder.name]) for folder in folders])
    return Registry(
        [kept.get(name) or _load(artefacts[name], settings.engine) for name in names],
        _default(settings, names),
        expected=names,
        titles=titles,
    )


def check_store(settings: Settings) -> None:
    """Do all of `load_registry` that needs no engine.

    Raises:
        ArtefactError: The store, or a model in it, is missing, damaged or foreign.
        BadSetting: A setting names a model that is not in the store.
        StartError: The models have different rating scales.
    """
    _check_scales([open_stored(folder).manifest for folder in find_folders(settings)])


def _check_scales(manifests: Sequence[Manifest]) -> None:
    first = manifests[0]
    for other in manifests[1:]:
        if other.scale.bounds != first.scale.bounds:
            raise StartError(
                f"the models have different rating scales: {first.name} rates from {first.scale}, "
                f"{other.name} from {other.scale}; name those to serve in RATINGS_MODELS"
            )


def find_folders(settings: Settings) -> list[Path]:
    """Return the folders of the models to serve.

    Raises:
        ArtefactMissing: The store does not exist or is empty.
        BadSetting: A setting names a model that is not in the store.
    """
    folders = {folder.name: folder for folder in list_artefacts(local_store(settings))}
    names = list(folders) if settings.models is None else settings.models
    for name in names:
        if name not in folders:
            raise BadSetting(f"RATINGS_MODELS: the store holds no model {name!r}, only {', '.join(folders)}")
    _default(settings, names)
    return [folders[name] for name in sorted(names)]


def _default(settings: Settings, names: list[str] | tuple[str, ...]) -> str:
    if settings.default_model is None:
        return next((name for name in PREFERRED if name in names), min(names))
    if settings.default_model not in names:
        raise BadSetting(
            f"RATINGS_DEFAULT_MODEL: {settings.default_model!r} is not served, only {', '.join(names)}"
        )
    return settings.default_model


def _load(artefact: Artefact, engine: str) -> LoadedModel:
    try:
        loaded = ENGINES[engine](artefact)
    except ArtefactError:
        raise
    except Exception as error:
        # One line is logged for any library error; the debug log has the traceback.
        logger.debug("engine %s", engine, exc_info=True)
        reason = shorten(f"{type(error).__name__}: {error}", 200)
        raise StartError(f"model {artefact.manifest.name}: the engine {engine!r} fails ({reason})") from error
    scorer = RatingScorer.from_artefact(artefact, loaded)
    probe(scorer)
    return LoadedModel(scorer, measure(scorer))


def _titles(artefacts: Iterable[tuple[Path, Manifest]]) -> dict[str, dict[str, Any]]:
    """Merge the titles of each data set's artefacts; a file that several of them share is read once."""
    by_file = {
        (manifest.dataset.name, manifest.movies_file.sha256): (folder, manifest)
        for folder, manifest in artefacts
        if manifest.movies_file
    }
    titles: dict[str, dict[str, Any]] = {}
    for (dataset, _), artefact in by_file.items():
        titles.setdefault(dataset, {}).update(movie_titles(*artefact))
    return titles
