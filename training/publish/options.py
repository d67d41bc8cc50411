"""Options that all runs share: which ratings they read, and what they publish."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.data.dataset import Dataset, make_dataset
from training.data.readers.columns import ColumnNames
from training.data.split import SplitKind
from training.data.table import RatingsTable

BUNDLED_DATA: Final = Path(__file__).resolve().parents[2] / "data" / "ml-latest-small"


@dataclass(frozen=True)
class DataOptions:
    """Which ratings, and which of them are for the test.

    Attributes:
        path: A ratings file, or the folder that it lies in.
        columns: Its columns, where it does not use the usual names.
        split: How test rows are chosen.
        split_seed: Of the random split.
    """

    path: Path = BUNDLED_DATA
    columns: ColumnNames | None = None
    split: SplitKind = "random"
    split_seed: int = 0

    def dataset(self, table: RatingsTable, validation_fraction: float) -> Dataset:
        """The table, split and indexed.

        Raises:
            SplitError: The data does not allow this split.
        """
        return make_dataset(table, self.split, self.split_seed, validation_fraction)


@dataclass(frozen=True)
class PublishOptions:
    """Where artefacts go, and what travels with them.

    Attributes:
        store: The models store.
        shareable: Whether the store is to be passed on: no ratings, and titles only where the licence of the
            data allows it.
        ratings: Whether the ratings of the data set travel with each artefact, unless it is shareable.
    """

    store: Path
    shareable: bool = False
    ratings: bool = True

    @property
    def carries_ratings(self) -> bool:
        """Whether the ratings travel with each artefact."""
        return self.ratings and not self.shareable
