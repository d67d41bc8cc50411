"""One training, from a ratings file to an artefact in the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.artefact.reader import Artefact
from training.data.dataset import Dataset, prepare
from training.data.movielens import load_ratings
from training.data.split import SplitKind, split_ratings
from training.data.table import Movie, RatingsTable
from training.evaluation import evaluate, fit_fallback
from training.fitting import Fitted, OnStep, fit
from training.publishing import publish_model
from training.settings import ModelSettings, Recipe

BUNDLED_DATA = Path(__file__).resolve().parent.parent / "data" / "ml-latest-small"


@dataclass(frozen=True)
class Trained:
    """A model that now lies in the store, and what it was fitted on."""

    artefact: Artefact
    fitted: Fitted
    dataset: Dataset


def make_dataset(table: RatingsTable, kind: SplitKind, split_seed: int, recipe: Recipe) -> Dataset:
    """The table, split and indexed as the recipe asks.

    Raises:
        SplitError: The data does not allow this split.
    """
    return prepare(table, split_ratings(table, kind, split_seed, recipe.validation_fraction))


def train(
    settings: ModelSettings,
    recipe: Recipe,
    dataset: Dataset,
    store: Path,
    titles: dict[str, Movie],
    on_step: OnStep | None = None,
) -> Trained:
    """Fit, judge once on the test rows, and publish.

    Raises:
        SettingsError: The settings are not legal for this dataset.
        ArtefactError: The store cannot be written; it is as before.
    """
    fitted = fit(settings, recipe, dataset, on_step)
    fallback = fit_fallback(dataset)
    accuracy = evaluate(fitted.predict, fallback, dataset)
    artefact = publish_model(store, fitted, dataset, fallback, accuracy, titles)
    return Trained(artefact, fitted, dataset)


def titles_to_carry(table: RatingsTable, shareable: bool) -> dict[str, Movie]:
    """Titles for the artefact.

    Args:
        table: The data set that the model learns from.
        shareable: Whether the store is to be passed on. Then a data set that forbids redistribution
            lends no titles; the bundled one knows many movies by the same MovieLens id.
    """
    if not shareable or table.redistributable:
        return table.titles
    return load_ratings(BUNDLED_DATA).titles
