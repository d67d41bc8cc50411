"""One training, from a ratings file to an artefact in the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.artefact.fallback import Fallback
from training.artefact.manifest import AccuracyRecord
from training.artefact.reader import Artefact
from training.data.dataset import Dataset, prepare
from training.data.readers.ratings import load_ratings
from training.data.split import SplitKind, split_ratings
from training.data.table import Movie, RatingsTable
from training.fit.evaluation import evaluate, model_fallback
from training.fit.fitting import Fitted, OnStep, fit
from training.models.rating_model import resolve_settings
from training.publish.publishing import publish_model
from training.settings import ModelSettings, Recipe

# Data sets whose movie ids are those of movielens.org, as the bundled set's are. ML-100K has its own.
_SAME_MOVIE_IDS = frozenset({"ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m"})

BUNDLED_DATA = Path(__file__).resolve().parent.parent / "data" / "ml-latest-small"


@dataclass(frozen=True)
class Judged:
    """A fitted model with its figures on the test rows, not yet published."""

    fitted: Fitted
    dataset: Dataset
    fallback: Fallback
    accuracy: AccuracyRecord

    def publish(self, store: Path, titles: dict[str, Movie], with_ratings: bool = False) -> Artefact:
        """Write it to the store, whole or not at all.

        Args:
            store: The models store.
            titles: Titles that may travel with it.
            with_ratings: Whether the data set's ratings travel with it.

        Raises:
            ArtefactError: The store cannot be written; it is as before.
        """
        return publish_model(
            store, self.fitted, self.dataset, self.fallback, self.accuracy, titles, with_ratings
        )


def make_dataset(table: RatingsTable, kind: SplitKind, split_seed: int, recipe: Recipe) -> Dataset:
    """The table, split and indexed as the recipe asks.

    Raises:
        SplitError: The data does not allow this split.
    """
    return prepare(table, split_ratings(table, kind, split_seed, recipe.validation_fraction))


def check_settings(models: list[ModelSettings], dataset: Dataset) -> None:
    """Refuse what would be refused later, before the first model is fitted.

    Raises:
        SettingsError: Some settings are not legal for this dataset.
    """
    for settings in models:
        resolve_settings(
            settings,
            len(dataset.users),
            len(dataset.movies),
            dataset.movie_popularity,
            dataset.user_popularity,
        )


def fit_and_judge(
    settings: ModelSettings, recipe: Recipe, dataset: Dataset, on_step: OnStep | None = None
) -> Judged:
    """Fit a model, and measure it once on the test rows.

    Raises:
        SettingsError: The settings are not legal for this dataset.
    """
    fitted = fit(settings, recipe, dataset, on_step)
    fallback = model_fallback(fitted.model, dataset)
    return Judged(fitted, dataset, fallback, evaluate(fitted.predict, fallback, dataset))


def train(
    settings: ModelSettings,
    recipe: Recipe,
    dataset: Dataset,
    store: Path,
    titles: dict[str, Movie],
    with_ratings: bool = False,
) -> Artefact:
    """Fit, judge and publish one model; see `Judged.publish`.

    Raises:
        SettingsError: The settings are not legal for this dataset.
        ArtefactError: The store cannot be written; it is as before.
    """
    return fit_and_judge(settings, recipe, dataset).publish(store, titles, with_ratings)


def titles_to_carry(table: RatingsTable, shareable: bool) -> dict[str, Movie]:
    """Titles for the artefact.

    Args:
        table: The data set that the model learns from.
        shareable: Whether the store is to be passed on. Then a data set that forbids redistribution
            lends no titles; the bundled one knows many movies of the sets that share its ids.
    """
    if not shareable or table.redistributable:
        return table.titles
    return load_ratings(BUNDLED_DATA).titles if table.name in _SAME_MOVIE_IDS else {}
