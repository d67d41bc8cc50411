"""Opens an artefact: manifest, digest, archive and vocabularies are checked before anything is used."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from training.artefact.archive import Archive, head_scale, read_archive
from training.artefact.biases import fallback_by_biases
from training.artefact.fallback import Fallback
from training.artefact.given_ratings import GivenRatings, read_given_ratings
from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.manifest import (
    ARTEFACT_FILES,
    FEATURES_FILE,
    MANIFEST_FILE,
    MEANS_FILE,
    MODEL_FILE,
    MOVIES_FILE,
    RANKING_FILE,
    RATINGS_FILE,
    UNCERTAINTY_FILE,
    BiasesRecord,
    Manifest,
    MeansFileRecord,
    SideVocabularyRecord,
    read_manifest,
)
from training.artefact.mapped import MappedFile, open_stated_file
from training.artefact.new_movies import read_new_movies
from training.artefact.ranking_table import RankingTable, read_ranking
from training.artefact.rating_scale import RatingScale
from training.artefact.uncertainty import Uncertainty, read_uncertainty
from training.errors import ArtefactDamaged, ArtefactForeign, ArtefactMissing, StoreMissing

MAX_MOVIES_BYTES: Final = 64 * 1024 * 1024
# Folders that file systems create and that only their owner can read.
SYSTEM_FOLDERS: Final = frozenset({"lost+found", "System Volume Information"})
# Folder of a store with models that are not served (see `training.artefact.previous`).
PREVIOUS: Final = "previous"
USER_LOOKUP, MOVIE_LOOKUP = "user_lookup", "movie_lookup"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Artefact:
    """A checked model folder.

    Attributes:
        folder: Path of the folder.
        manifest: Its manifest.
        archive: Configuration and weights of its model file.
        users: User ids in index order.
        movies: Movie ids in index order.
        fallback: Rates cold ids.
        given: Observed ratings, or None if the artefact does not include them.
        ranking: Orders movies by how likely a user is to like them, or None likewise.
        uncertainty: Distributions of ratings around the predictions, or None likewise.
    """

    folder: Path
    manifest: Manifest
    archive: Archive
    users: Vocabulary
    movies: Vocabulary
    fallback: Fallback
    given: GivenRatings | None
    ranking: RankingTable | None = None
    uncertainty: Uncertainty | None = None


def list_artefacts(store: Path) -> list[Path]:
    """Return the model folders of a store, sorted by name.

    A folder counts as a model if it holds any of a model's files, even half of them, so that a damaged model
    is refused later and never overlooked. Other folders, such as `lost+found` or `__MACOSX`, are skipped with
    a warning; hidden ones (a write in progress) and `previous` are skipped without one.

    Raises:
        StoreMissing: The store does not exist, or holds no model.
        ArtefactMissing: The store cannot be read, or holds models only in its folder `previous`.
    """
    try:
        folders = sorted(path for path in store.iterdir() if path.is_dir() and not path.name.startswith("."))
    except FileNotFoundError as error:
        raise StoreMissing(store, "there is no models store") from error
    except OSError as error:
        raise ArtefactMissing(store, f"the models store cannot be read ({error.strerror})") from error
    folders = [folder for folder in folders if folder.name != PREVIOUS]
    found = [folder for folder in folders if _holds_model_files(folder)]
    for folder in sorted({*folders} - {*found}):
        logger.warning("%s holds no model and is skipped", folder)
    if not found:
        if any((store / PREVIOUS).glob(f"*/[!.]*/{MANIFEST_FILE}")):
            # A trainer was killed after it had moved them and before it published its own.
            raise ArtefactMissing(
                store,
                f"the models store holds no model; those of {PREVIOUS}/ are brought back by "
                f"`python -m training restore --store {store}`",
            )
        raise StoreMissing(store, "the models store holds no model")
    return found


def _holds_model_files(folder: Path) -> bool:
    """Whether a folder holds any file of a model; a folder that cannot be read counts as one."""
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError:
        return folder.name not in SYSTEM_FOLDERS
    return not names.isdisjoint(ARTEFACT_FILES)


def open_artefact(folder: Path) -> Artefact:
    """Open the artefact in `folder` and check every byte against its manifest, without importing Keras.

    Raises:
        ArtefactMissing: The manifest, the model file or the ratings file is missing.
        ArtefactDamaged: Bytes differ from the manifest, or cannot be read.
        ArtefactForeign: It has another format, or content that is never loaded.
    """
    manifest = read_manifest(folder / MANIFEST_FILE)
    with open_stated_file(folder / MODEL_FILE, manifest.model_file) as file:
        archive = read_archive(folder / MODEL_FILE, file)
    _check_stated_tables(folder / MANIFEST_FILE, manifest, archive)
    rated_on = head_scale(archive)
    if rated_on.bounds != manifest.scale.bounds:
        raise ArtefactDamaged(folder / MANIFEST_FILE, f"rating_scale: the model file rates on {rated_on}")
    users = _read_vocabulary(archive, USER_LOOKUP, manifest.vocabulary.users)
    movies = _read_vocabulary(archive, MOVIE_LOOKUP, manifest.vocabulary.movies)
    fallback = _read_fallback(folder, manifest, archive, users.warm, movies.warm)
    if manifest.features_file is not None:
        titles = movie_titles(folder, manifest)
        new_movies = read_new_movies(
            folder / FEATURES_FILE, manifest.features_file, manifest.scale, users.warm, movies, titles
        )
        fallback = replace(fallback, new_movies=new_movies)
    stated, given = manifest.ratings_file, None
    if stated is not None:
        given = read_given_ratings(folder / RATINGS_FILE, stated, len(users), len(movies), manifest.scale)
    ranking = None
    if manifest.ranking_file is not None:
        ranking = read_ranking(folder / RANKING_FILE, manifest.ranking_file, users.warm, movies.warm)
    uncertainty = None
    if manifest.uncertainty_file is not None:
        uncertainty = read_uncertainty(
            folder / UNCERTAINTY_FILE, manifest.uncertainty_file, users.warm, movies.warm, manifest.scale
        )
    return Artefact(folder, manifest, archive, users, movies, fallback, given, ranking, uncertainty)


def open_stored(folder: Path) -> Artefact:
    """Open the artefact in a store's folder, whose name must be the model's name.

    Raises:
        ArtefactError: As `open_artefact`; ArtefactForeign if the manifest names another model.
    """
    artefact = open_artefact(folder)
    # Use the folder's own name: if it is a link, its target may have any name.
    if artefact.manifest.name != folder.absolute().name:
        raise ArtefactForeign(folder, f"its manifest is that of {artefact.manifest.name!r}, not the folder's")
    return artefact


def is_unchanged(folder: Path, manifest: Manifest) -> bool:
    """Whether a folder still contains the artefact that `manifest` was read from; checks every byte.

    Raises:
        ArtefactError: It contains no valid artefact.
    """
    if read_manifest(folder / MANIFEST_FILE) != manifest:
        return False
    for name, stated in manifest.files.items():
        with open_stated_file(folder / name, stated):
            pass
    return True


def movie_titles(folder: Path, manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Read the titles and genres in an artefact by movie id.

    Args:
        folder: The artefact's.
        manifest: Its manifest.

    Returns:
        `{"movie_1": {"title": "Toy Story (1995)", "genres": ["Animation", ...]}}`, possibly empty. Movies
        without training ratings may have `features`: values by column, as `training.artefact.new_movies`.
    """
    stated = manifest.movies_file
    if stated is None:
        return {}
    path = folder / MOVIES_FILE
    if stated.bytes > MAX_MOVIES_BYTES:
        raise ArtefactDamaged(path, f"is larger than {MAX_MOVIES_BYTES} bytes")
    try:
        with open_stated_file(path, stated) as file:
            titles = json.load(file)
    except (ValueError, RecursionError) as error:
        raise ArtefactDamaged(path, "is not JSON") from error
    if not isinstance(titles, dict) or not all(map(_is_title, titles.values())):
        raise ArtefactDamaged(
            path, 'is not of the form {"movie_1": {"title": "...", "genres": ["..."]}, ...}'
        )
    return titles


def _is_title(entry: Any) -> bool:
    if not isinstance(entry, dict) or entry.keys() - {"title", "genres", "features"}:
        return False
    title, features = entry.get("title"), entry.get("features", {})
    lists = [entry.get("genres", []), *(features.values() if isinstance(features, dict) else (None,))]
    return isinstance(title, str | None) and all(
        isinstance(one, list) and all(isinstance(text, str) for text in one) for one in lists
    )


def _read_vocabulary(archive: Archive, layer: str, stated: SideVocabularyRecord) -> Vocabulary:
    arrays = archive.variables.get(layer)
    if arrays is None:
        raise ArtefactForeign(archive.path, f"has no layer {layer!r}, which holds the ids")
    try:
        vocabulary = Vocabulary.from_arrays(arrays, stated.prefix, stated.warm)
    except ValueError as error:
        raise ArtefactDamaged(archive.path, f"{layer}: {error}") from error
    if len(vocabulary) != stated.size:
        raise ArtefactDamaged(archive.path, f"{layer} does not hold {stated.size} ids")
    return vocabulary


def _read_fallback(
    folder: Path, manifest: Manifest, archive: Archive, warm_users: int, warm_movies: int
) -> Fallback:
    stated = manifest.fallback
    if isinstance(stated, BiasesRecord):
        return fallback_by_biases(archive, warm_users, warm_movies, manifest.scale)
    if isinstance(stated, MeansFileRecord):
        return _read_means(folder / MEANS_FILE, stated, warm_users, warm_movies, manifest.scale)
    if (len(stated.user_means), len(stated.movie_means)) != (warm_users, warm_movies):
        raise ArtefactDamaged(folder / MANIFEST_FILE, "fallback: there must be one mean for each warm id")
    return Fallback(
        global_mean=stated.global_mean,
        user_means=np.array(stated.user_means, dtype=np.float32),
        movie_means=np.array(stated.movie_means, dtype=np.float32),
    )


def _read_means(
    path: Path, stated: MeansFileRecord, warm_users: int, warm_movies: int, scale: RatingScale
) -> Fallback:
    dtype = np.dtype("<f4")
    if not stated.bytes or stated.bytes != (warm_users + warm_movies) * dtype.itemsize:
        raise ArtefactDamaged(path, "there must be one mean for each warm id")
    with open_stated_file(path, stated) as file:
        mapped = MappedFile(file)
        means = cast("NDArray[np.float32]", mapped.array(dtype, (warm_users + warm_movies,), 0))
        lowest, highest = map(np.float32, scale.bounds)
        # This form of the condition fails for NaN, too.
        if not (means.min() >= lowest and means.max() <= highest):
            raise ArtefactDamaged(path, f"a mean is off the rating scale, {scale}")
        mapped.forget_pages()
    return Fallback(stated.global_mean, means[:warm_users], means[warm_users:])


def _check_stated_tables(path: Path, manifest: Manifest, archive: Archive) -> None:
    """Check that the manifest's tables are the archive's arrays, because `/models` shows the manifest's."""
    stated = manifest.parameters
    found = sorted(
        (list(array.shape), array.dtype.name, int(array.nbytes))
        for layer, arrays in archive.variables.items()
        if layer not in (USER_LOOKUP, MOVIE_LOOKUP)
        for array in arrays.values()
    )
    if found != sorted((table.shape, table.dtype, table.bytes) for table in stated.tables):
        raise ArtefactDamaged(path, "parameters.tables: are not the tables of the model file")
    totals = (sum(table.parameters for table in stated.tables), sum(table.bytes for table in stated.tables))
    if (stated.total, manifest.weights_bytes) != totals:
        raise ArtefactDamaged(path, "parameters.total or weights_bytes: do not add up")
