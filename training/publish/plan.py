"""The tasks of a run in advance, and the time that is left, estimated from those that are done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from training.distillation.base.settings import DistilledModel
from training.factors.settings import VariationalModel
from training.publish.options import DistillationOptions
from training.settings import ModelSettings

if TYPE_CHECKING:
    # It imports Keras.
    from training.search.candidates import Candidate

VALIDATION: Final = "validation: "
"""Start of the name of each task that is done without the validation rows."""
FITTED: Final = " (fitted)"
"""End of the name of each task of a budget search that may stop before its last step."""

# Seconds of each task on the bundled data set, of which only the proportions matter.
_MEMBERS: Final = {"ordinal": 12.0, "gaussian": 6.0, "auto_encoder": 12.0, "variational": 2.0}
_BLEND: Final = 1.0
_STUDENT: Final = 5.0
_FITTED: Final = 5.0
# In a budget search, students have more rounds, and models are fitted by another recipe.
_PACKED: Final = 16.0
_TRIED: Final = 8.0
# A fit of a budget search usually stops after this part of its steps.
_USUAL_STOP: Final = 0.4
# Shares below this say nothing yet about the speed of the machine.
_LEAST_KNOWN: Final = 0.03


def plan(
    models: Sequence[ModelSettings | DistilledModel | VariationalModel],
    options: DistillationOptions,
    ratings: int,
) -> dict[str, float]:
    """Return the names of the tasks of a run in order, each with its share of the time.

    Args:
        models: The models to train.
        options: How the distilled ones are made.
        ratings: Number of all ratings.
    """
    distilled = [model for model in models if isinstance(model, DistilledModel)]
    blends = [options.blend(model, ratings) for model in distilled]
    members = dict.fromkeys(member for blend in blends for member in blend.members)
    cost = {}
    if any(blend.weights is None for blend in blends):
        cost = {f"{VALIDATION}{member}": _MEMBERS[member] for member in members}
    cost |= {member: _MEMBERS[member] for member in members}
    if any(set(blend.members) != {"variational"} for blend in blends):
        cost["blend"] = _BLEND
    cost |= {
        model.name: _STUDENT if isinstance(model, DistilledModel) else _FITTED
        for kind in (DistilledModel, VariationalModel, ModelSettings)
        for model in models
        if isinstance(model, kind)
    }
    return _shares(cost)


def plan_search(candidates: Sequence[Candidate]) -> dict[str, float]:
    """Return the tasks of a budget search, each with its share of the time.

    The candidates are tried in their order, on a part of the rows, and the best is trained on all of them.
    Until it is known, the first one, which is usually the best, stands for it.
    """
    tried = {f"{VALIDATION}{task}": seconds for task, seconds in _costs(candidates).items()}
    return _shares(tried | _costs(candidates[:1]))


def plan_best(candidate: Candidate) -> dict[str, float]:
    """Return the tasks that train the best candidate on all rows, each with its share of the time."""
    return _shares(_costs([candidate]))


def _costs(candidates: Sequence[Candidate]) -> dict[str, float]:
    cost = {}
    if any(candidate.model is None for candidate in candidates):
        cost = {"ordinal": _MEMBERS["ordinal"], "blend": _BLEND}
    for candidate in candidates:
        cost |= dict.fromkeys(candidate.tasks, _TRIED)
        if candidate.student is not None:
            cost[candidate.student_task] = _PACKED
    return cost


def _shares(cost: Mapping[str, float]) -> dict[str, float]:
    whole = sum(cost.values())
    return {name: seconds / whole for name, seconds in cost.items()}


class TimeLeft:
    """Estimates the time left of a run: the rest takes as long, for its share, as what was done.

    A task that was done before, on other rows, takes as long as it took then. A fit of a budget search stops
    early, after the same part of its steps as the fit before. A task that an earlier run finished, or that
    turns out not to be needed, counts neither as done nor as left.
    """

    def __init__(self, shares: Mapping[str, float], clock: Callable[[], float] = time.monotonic) -> None:
        self._left, self._clock = dict(shares), clock
        self._whole, self._done = sum(shares.values()), 0.0
        self._task, self._part, self._started = "", 0.0, clock()
        self._last_end = self._started
        self._took: dict[str, float] = {}
        self._usual_stop = _USUAL_STOP

    def replace(self, shares: Mapping[str, float]) -> None:
        """Replace the tasks that are left."""
        self._finish()
        self._left = dict(shares)

    def on_step(self, task: str, done: int, total: int) -> None:
        """Note that a task of the plan has done some of its steps; `total` is 0 while that is unknown."""
        if task not in self._left:
            return
        if task != self._task:
            if done == total > 0:  # an earlier run has done it
                del self._left[task]
                return
            self._finish()
            # Tasks run in the order of the plan, so other ones before this one are not needed.
            for name in list(self._left):
                if name == task:
                    break
                del self._left[name]
            self._task = task
        if done == total > 0:
            self._finish()
        else:
            self._part = done / total if total else 0.0

    def seconds(self) -> float | None:
        """Return the seconds left, or None while too little is done to know."""
        part = self._part
        if self._task.endswith(FITTED):
            part = min(part / self._usual_stop, 1.0)
        done = self._done + self._left.get(self._task, 0.0) * part
        if done <= _LEAST_KNOWN * self._whole:
            return None
        pace = (self._clock() - self._started) / done
        left = {task: self._took.get(task, share * pace) for task, share in self._left.items()}
        if self._task:
            left[self._task] *= 1 - part
        return sum(left.values())

    def _finish(self) -> None:
        """Count the current task, if any, as done; a fit usually stops before its last step."""
        if self._task:
            now = self._clock()
            self._done += self._left.pop(self._task)
            # Its first step comes after the preparation, which counts, too.
            self._took[self._task.removeprefix(VALIDATION)] = now - self._last_end
            self._last_end = now
            if self._task.endswith(FITTED) and self._part:
                self._usual_stop = self._part
        self._task, self._part = "", 0.0


def in_words(seconds: float) -> str:
    """Return a duration as a person would say it, such as `about 40 s` or `about 3 min`."""
    if seconds < 90:
        return f"about {max(round(seconds / 5) * 5, 5)} s"
    return f"about {round(seconds / 60)} min"
