"""Publishes an artefact atomically.

The new folder is written and checked under a hidden name in the store, then swapped into place by one file
system call. If the process dies at any point, the store is as it was before or after, except that models of
another data set or scale may already be in `previous`, from where `training restore` brings them back.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from training.artefact.fallback import Fallback, every_mean
from training.artefact.files import align_archive, exclusive_lock, take_place
from training.artefact.given_ratings import GivenRatings
from training.artefact.manifest import (
    FEATURES_FILE,
    FORMAT_VERSION,
    MANIFEST_FILE,
    MEANS_FILE,
    MODEL_FILE,
    MOVIES_FILE,
    RANKING_FILE,
    RATINGS_FILE,
    UNCERTAINTY_FILE,
    BiasesRecord,
    FallbackRecord,
    FeaturesFileRecord,
    FileRecord,
    Manifest,
    MeansFileRecord,
    MeansRecord,
    RankingFileRecord,
    RatingsFileRecord,
    UncertaintyFileRecord,
)
from training.artefact.new_movies import NewMovies
from training.artefact.previous import LOCK, move_to_previous
from training.artefact.ranking_table import RankingTable
from training.artefact.reader import PREVIOUS, Artefact, open_artefact
from training.artefact.uncertainty import Uncertainty
from training.errors import ArtefactError

# In JSON, a mean takes 7 bytes, and a long list is slow to parse.
MEANS_IN_MANIFEST: Final = 100_000
# Decimals of the numbers that all distributions of ratings share; their effect is below 0.0001.
_SHARED_DIGITS: Final = 4
_UNFINISHED: Final = ".unfinished-"


def publish(
    store: Path,
    about: Mapping[str, Any],
    save_model: Callable[[Path], None],
    titles: Mapping[str, Mapping[str, Any]],
    given: GivenRatings | None = None,
    check: Callable[[Artefact], None] = lambda _: None,
    belongs: Callable[[Manifest], bool] = lambda _: True,
    on_moved: Callable[[list[str]], None] = lambda _: None,
    fallback: Fallback | None = None,
    means_in_manifest: int = MEANS_IN_MANIFEST,
    ranking: RankingTable | None = None,
    uncertainty: Uncertainty | None = None,
    new_movies: NewMovies | None = None,
) -> Artefact:
    """Write `store/<name>`; an existing one is replaced only after the new artefact has been read back.

    Args:
        store: The models store; created if missing.
        about: Fields of the manifest; its version and its files are filled in.
        save_model: Writes the `.keras` file to the given path.
        titles: Titles and genres by movie id; the movies file is left out if there are none.
        given: Observed ratings; None leaves the ratings file out.
        check: Raises an error if the artefact that was read back must not be published.
        belongs: Whether a model in the store stays there; others are moved to `previous`.
        on_moved: Called with the folders of models that were moved.
        fallback: Rates cold ids, if `about` has no record of it.
        means_in_manifest: Maximum number of means in the manifest; more are written to a file.
        ranking: Orders movies by how likely a user is to like them; None leaves its file out.
        uncertainty: Distributions of ratings around the predictions; None likewise.
        new_movies: Rates movies without training ratings; None leaves its file out.

    Returns:
        The artefact in the store.

    Raises:
        ArtefactError: The store cannot be written (permission, disk full), or the artefact does not
            read back. The store is as before.
    """
    name = about["name"]
    try:
        with _unfinished_folder(store) as parent:
            _check_place(store / name)
            folder = parent / name
            folder.mkdir()
            save_model(folder / MODEL_FILE)
            align_archive(folder / MODEL_FILE)
            files = {
                "model_file": file_record(folder / MODEL_FILE),
                "movies_file": _write_titles(folder, titles) if titles else None,
                "ratings_file": None if given is None else _write_given(folder, given),
                "ranking_file": None if ranking is None else _write_ranking(folder, ranking),
                "uncertainty_file": None if uncertainty is None else _write_uncertainty(folder, uncertainty),
                "features_file": None if new_movies is None else _write_new_movies(folder, new_movies),
            }
            fields = {**about, **files}
            if fallback is not None:
                fields["fallback"] = _write_fallback(folder, fallback, means_in_manifest)
            manifest = Manifest(**{**fields, "format_version": FORMAT_VERSION})
            (folder / MANIFEST_FILE).write_text(manifest_text(manifest), encoding="utf-8")
            check(open_artefact(folder))
            for path in (*folder.iterdir(), folder):
                _flush_to_disk(path)
            with ExitStack() as undo:
                moved = move_to_previous(store, belongs, undo)
                take_place(folder, store / name)
                undo.pop_all()
            _flush_to_disk(store)
    except OSError as error:
        raise ArtefactError(
            store / name, f"was not written, the store is as before ({error.strerror or error})"
        ) from error
    if moved:
        on_moved(moved)
    return open_artefact(store / name)


def make_store(store: Path, names: Iterable[str] = ()) -> None:
    """Create the store if missing, and check that it and models of these names can be written.

    Raises:
        ArtefactError: It cannot be written.
    """
    try:
        # An existing lock can be taken even where no folder can be created.
        with _unfinished_folder(store):
            for name in names:
                _check_place(store / name)
    except OSError as error:
        raise ArtefactError(store, f"cannot be written ({error.strerror or error})") from error


def manifest_text(manifest: Manifest) -> str:
    """Format the manifest as JSON with one line per field; long lists of numbers stay on one line."""
    fields = manifest.model_dump(mode="json")
    fallback = fields.pop("fallback")
    text = json.dumps(fields, indent=1, ensure_ascii=False, allow_nan=False)
    compact = json.dumps(fallback, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f'{text[:-2]},\n "fallback": {compact}\n}}\n'


def file_record(path: Path) -> FileRecord:
    """Digest and size of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileRecord(sha256=digest, bytes=file.tell())


def _write_titles(folder: Path, titles: Mapping[str, Mapping[str, Any]]) -> FileRecord:
    path = folder / MOVIES_FILE
    path.write_text(json.dumps(titles, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    return file_record(path)


def _write_given(folder: Path, given: GivenRatings) -> RatingsFileRecord:
    path = folder / RATINGS_FILE
    given.write(path)
    return RatingsFileRecord(**file_record(path).model_dump(), rows=len(given), stars=given.kind)


def _write_ranking(folder: Path, ranking: RankingTable) -> RankingFileRecord:
    path = folder / RANKING_FILE
    ranking.write(path)
    return RankingFileRecord(**file_record(path).model_dump(), **ranking.record())


def _write_uncertainty(folder: Path, uncertainty: Uncertainty) -> UncertaintyFileRecord:
    path = folder / UNCERTAINTY_FILE
    path.write_bytes(uncertainty.to_bytes())
    shared: dict[str, Any] = {
        name: [round(value, _SHARED_DIGITS) for value in array.tolist()]
        for name, array in vars(uncertainty.spreads).items()
    }
    return UncertaintyFileRecord(**file_record(path).model_dump(), **shared)


def _write_new_movies(folder: Path, new_movies: NewMovies) -> FeaturesFileRecord:
    path = folder / FEATURES_FILE
    path.write_bytes(new_movies.codes.tobytes())
    return FeaturesFileRecord(**file_record(path).model_dump(), **new_movies.record())


def _write_fallback(folder: Path, fallback: Fallback, means_in_manifest: int) -> FallbackRecord:
    if fallback.by_biases:
        return BiasesRecord(kind="biases")
    users, movies = every_mean(fallback.user_means), every_mean(fallback.movie_means)
    if users.size + movies.size <= means_in_manifest:
        user_means, movie_means = ([round(mean, 4) for mean in means.tolist()] for means in (users, movies))
        return MeansRecord(global_mean=fallback.global_mean, user_means=user_means, movie_means=movie_means)
    path = folder / MEANS_FILE
    with path.open("wb") as file:
        for means in (users, movies):
            means.astype("<f4").tofile(file)
    return MeansFileRecord(**file_record(path).model_dump(), global_mean=fallback.global_mean)


@contextmanager
def _unfinished_folder(store: Path) -> Iterator[Path]:
    """Lock the store, which is created if missing, and make a folder in it that is removed at the end."""
    store.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(store / LOCK, wait=True):
        # We hold the lock, so unfinished folders were left by processes that died.
        for left_over in store.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=store))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_place(place: Path) -> None:
    """Refuse to replace a file or folder that is not a model."""
    if place.name == PREVIOUS:
        raise ArtefactError(place, "is the folder of models that are not served; choose another name")
    if place.exists() and not place.is_dir():
        raise ArtefactError(place, "is not a folder, so it is not replaced; move it away")
