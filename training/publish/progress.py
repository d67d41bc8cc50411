"""Report the progress of a run through methods to override, as those of a Keras callback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from training.data.dataset import Dataset
from training.data.split import Split
from training.data.table import RatingsTable
from training.search.budget.budget import Budget, Trial

if TYPE_CHECKING:
    # These import Keras.
    from training.models.trained import TrainedModel
    from training.search.budget.proposals import Refusal
    from training.search.frontier.table import Row


class Progress:
    """Receive the progress of a run; every method does nothing until it is overridden."""

    def busy(self, what: str) -> AbstractContextManager[None]:  # noqa: ARG002 - for those that override it
        """Return a context that is open while something takes an unknown time."""
        return nullcontext()

    def on_table(self, table: RatingsTable) -> None:
        """The ratings were read."""

    def on_split(self, split: Split) -> None:
        """The ratings were split."""

    def on_plan(self, shares: Mapping[str, float]) -> None:
        """The tasks of the run are known: their names in order, each with its share of the time.

        A second call replaces the tasks that are left.
        """

    def on_step(self, task: str, done: int, total: int, losses: Mapping[str, float] | None = None) -> None:
        """A task has done some of its steps; `total` is 0 while their number is unknown."""

    def on_trained(self, trained: TrainedModel) -> None:
        """A model was trained; it is not published yet."""

    def on_moved(self, folders: Sequence[str]) -> None:
        """Models of another data set or rating scale were moved to these folders in the store."""

    def on_proposals(self, budget: Budget, dataset: Dataset, refusals: Sequence[Refusal]) -> None:
        """The candidates that fit the budget were chosen; `refusals` are the techniques that cannot fit.

        The best one will be chosen on the validation rows of the dataset.
        """

    def on_trial(self, trial: Trial) -> None:
        """A model that fits the budget was tried on validation rows."""

    def on_validation(self, mse: Mapping[str, float], dataset: Dataset) -> None:
        """Teachers, and perhaps students, were measured on the validation rows, beside trivial models."""

    def on_point(self, done: int, total: int, seed: int, row: Row | None, remark: str) -> None:
        """A model of the frontier is finished; `row` is None if the data does not allow it."""


SILENT: Final = Progress()
