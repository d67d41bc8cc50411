"""Options shared by all runs: the ratings to read, how to distil, and what to publish."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from training.artefact.manifest import DEFAULT_ITEM_NAME, ITEM_NAME
from training.data.dataset import Dataset, make_dataset
from training.data.duplicates import Repeats
from training.data.files.columns import ColumnNames
from training.data.files.remote import Place
from training.data.readers.ratings import load_ratings
from training.data.readers.scale import DEFAULT_SCALE, NotRated
from training.data.split import SplitKind
from training.data.table import RatingsTable
from training.distillation.base.settings import Blend, DistilledModel, TeacherSettings
from training.distillation.named import LARGE_BLEND, MOST_SAMPLED_RATINGS, QUICK_BLEND, QUICK_TEACHER
from training.errors import DataError, SettingsError

BUNDLED_DATA: Final = Path(__file__).resolve().parents[2] / "data" / "ml-latest-small"


@dataclass(frozen=True)
class DataOptions:
    """The ratings to read and how to split them.

    Attributes:
        path: A ratings file, or its folder; or an address in object storage.
        columns: Names of its columns, if they are not the common ones.
        split: How test rows are chosen.
        split_seed: Seed of the random split.
        scale: Lowest and highest rating.
        scale_is_fixed: Whether the scale is that of a stored model.
        not_rated: Ratings that mean "not rated", as for `load_ratings`.
        repeats: Which rating counts where a user rates a movie more than once.
        keep_null_ids: Whether `NULL`, `nan` and similar words are accepted as ids.
        items: A file of titles and categories.
        item_name: What the page calls an item, in the singular.

    Raises:
        SettingsError: If the item's name has other characters than letters, blanks and hyphens.
    """

    path: Place = BUNDLED_DATA
    columns: ColumnNames | None = None
    split: SplitKind = "random"
    split_seed: int = 0
    scale: tuple[float, float] = DEFAULT_SCALE
    scale_is_fixed: bool = False
    not_rated: NotRated | None = None
    repeats: Repeats = "error"
    keep_null_ids: bool = False
    items: Place | None = None
    item_name: str = DEFAULT_ITEM_NAME

    def __post_init__(self) -> None:
        """Check the item's name."""
        if not re.match(ITEM_NAME, self.item_name):
            raise SettingsError(
                f"--item-name takes a noun of 2 to 40 letters, such as book, got {self.item_name!r}"
            )

    def load(self) -> RatingsTable:
        """The ratings.

        Raises:
            DataError: They cannot be read.
        """
        if self.path == BUNDLED_DATA and not BUNDLED_DATA.exists():
            # As in an installed package.
            raise DataError(
                BUNDLED_DATA,
                "no ratings are installed with the package; give your own by --data, or fetch some by "
                "`download ml-latest-small`",
            )
        table = load_ratings(
            self.path,
            columns=self.columns,
            scale=self.scale,
            scale_is_fixed=self.scale_is_fixed,
            not_rated=self.not_rated,
            repeats=self.repeats,
            keep_null_ids=self.keep_null_ids,
            items=self.items,
        )
        return replace(table, item_name=self.item_name)

    def dataset(self, table: RatingsTable, validation_fraction: float) -> Dataset:
        """Split and index the table.

        Raises:
            SplitError: If the data does not allow this split.
        """
        return make_dataset(table, self.split, self.split_seed, validation_fraction)


@dataclass(frozen=True)
class DistillationOptions:
    """How models are distilled.

    Attributes:
        work: Folder of finished steps, from which an interrupted run resumes.
        seed: Seed of every random draw.
        tile_users: Number of users whose predictions for all movies are in memory at a time.
        validation_fraction: Part of the training rows on which the weights of the teacher's members are
            found.
        quick: Whether the teacher is smaller and fitted once, with equal weights, which need not be found.
    """

    work: Path
    seed: int = 0
    tile_users: int = 256
    validation_fraction: float = 0.1
    quick: bool = False

    @property
    def teacher(self) -> TeacherSettings:
        """Settings of the teacher's members."""
        return QUICK_TEACHER if self.quick else TeacherSettings()

    def blend(self, model: DistilledModel, ratings: int) -> Blend:
        """Return the blend of a model's teacher; its weights are still to be found unless it has some.

        Args:
            model: The model.
            ratings: Number of all ratings; of more than `MOST_SAMPLED_RATINGS`, the teacher is a variational
                factorisation.
        """
        if ratings > MOST_SAMPLED_RATINGS:
            return LARGE_BLEND
        return QUICK_BLEND if self.quick else model.blend


@dataclass(frozen=True)
class PublishOptions:
    """Where artefacts are written, and what they include.

    Attributes:
        store: The models store.
        shareable: Whether the store may be passed on: it has no ratings, and titles only if the licence of
            the data allows it.
        ratings: Whether each artefact includes the ratings of the data set, unless it is shareable.
        keep_others: Whether models of another data set on the same rating scale stay in the store.
        report: Folder of the report; None for the store itself.
        ranking_bytes: Maximum size of the ranking of each artefact; None for no ranking.
        new_movies: Whether each model rates movies without training ratings by their features.
    """

    store: Path
    shareable: bool = False
    ratings: bool = True
    keep_others: bool = False
    report: Path | None = None
    ranking_bytes: int | None = None
    new_movies: bool = False

    @property
    def carries_ratings(self) -> bool:
        """Whether each artefact includes the ratings."""
        return self.ratings and not self.shareable
