"""How a run reports its progress: methods to override, as with a Keras callback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from training.data.split import Split
from training.data.table import RatingsTable
from training.search.budget.budget import Budget
from training.search.budget.recipe import Trial

if TYPE_CHECKING:
    # These import Keras.
    from training.models.trained import TrainedModel
    from training.search.budget.proposals import Refusal
    from training.search.frontier.table import Row


class Progress:
    """What a run calls as it proceeds; each method does nothing here."""

    def busy(self, what: str) -> AbstractContextManager[None]:  # noqa: ARG002 - for those that override it
        """A context that is open while something takes an unknown time."""
        return nullcontext()

    def on_table(self, table: RatingsTable) -> None:
        """The ratings were read."""

    def on_split(self, split: Split) -> None:
        """The ratings were split."""

    def on_step(self, task: str, done: int, total: int, losses: Mapping[str, float] | None = None) -> None:
        """A task has done so many steps; `total` is 0 while their number is not known."""

    def on_trained(self, trained: TrainedModel) -> None:
        """A model was trained; it is not published yet."""

    def on_proposals(self, budget: Budget, validation_rows: int, refusals: Sequence[Refusal]) -> None:
        """It was found what fits the budget, and which techniques cannot be so small."""

    def on_trial(self, trial: Trial) -> None:
        """A model that fits the budget was tried on validation rows."""

    def on_validation(self, mse: Mapping[str, float], rows: int) -> None:
        """Teachers, and perhaps students, were measured on so many validation rows."""

    def on_point(self, done: int, total: int, seed: int, row: Row | None, remark: str) -> None:
        """So many models of the frontier are finished; the last has this row, or None if it is impossible."""


SILENT: Final = Progress()
