"""The tasks of a run in advance, and the time that is left, estimated from those that are done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from training.distillation.base.settings import DistilledModel
from training.publish.options import DistillationOptions
from training.settings import ModelSettings

if TYPE_CHECKING:
    # It imports Keras.
    from training.search.candidates import Candidate

VALIDATION: Final = "validation: "
"""Start of the name of each task that is done without the validation rows."""

# Seconds of each task on the bundled data set, of which only the proportions matter.
_MEMBERS: Final = {"ordinal": 12.0, "gaussian": 6.0, "auto_encoder": 12.0}
_BLEND: Final = 1.0
_STUDENT: Final = 5.0
_FITTED: Final = 5.0
# Shares below this say nothing yet about the speed of the machine.
_LEAST_KNOWN: Final = 0.03


def plan(models: Sequence[ModelSettings | DistilledModel], options: DistillationOptions) -> dict[str, float]:
    """Return the names of the tasks of a run in order, each with its share of the time."""
    distilled = [model for model in models if isinstance(model, DistilledModel)]
    blends = [options.blend(model) for model in distilled]
    members = dict.fromkeys(member for blend in blends for member in blend.members)
    cost = {}
    if any(blend.weights is None for blend in blends):
        cost = {f"{VALIDATION}{member}": _MEMBERS[member] for member in members}
    cost |= {member: _MEMBERS[member] for member in members}
    if distilled:
        cost["blend"] = _BLEND
    cost |= {
        model.name: _STUDENT if isinstance(model, DistilledModel) else _FITTED
        for model in sorted(models, key=lambda model: isinstance(model, ModelSettings))
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
        cost |= dict.fromkeys(candidate.tasks, _FITTED)
        if candidate.student is not None:
            cost[candidate.student_task] = _STUDENT
    return cost


def _shares(cost: Mapping[str, float]) -> dict[str, float]:
    whole = sum(cost.values())
    return {name: seconds / whole for name, seconds in cost.items()}


class TimeLeft:
    """Estimates the time left of a run: the rest takes as long, for its share, as what was done.

    A task that an earlier run finished, or that turns out not to be needed, counts neither as done nor as
    left.
    """

    def __init__(self, shares: Mapping[str, float], clock: Callable[[], float] = time.monotonic) -> None:
        self._left, self._clock = dict(shares), clock
        self._done = 0.0
        self._task, self._part, self._started = "", 0.0, clock()

    def on_step(self, task: str, done: int, total: int) -> None:
        """Note that a task of the plan has done some of its steps; `total` is 0 while that is unknown."""
        if task not in self._left:
            return
        if task != self._task:
            if done == total > 0:  # an earlier run has done it
                del self._left[task]
                return
            # A fit may stop early, before its last step.
            self._done += self._left.pop(self._task, 0.0)
            # Tasks run in the order of the plan, so other ones before this one are not needed.
            for name in list(self._left):
                if name == task:
                    break
                del self._left[name]
            self._task = task
        self._part = self._left[task] * (done / total if total else 0.0)
        if done == total > 0:
            self._done += self._left.pop(task)
            self._part, self._task = 0.0, ""

    def seconds(self) -> float | None:
        """Return the seconds left, or None while too little is done to know."""
        done = self._done + self._part
        if done < _LEAST_KNOWN:
            return None
        left = sum(self._left.values()) - self._part
        return (self._clock() - self._started) * left / done


def in_words(seconds: float) -> str:
    """Return a duration as a person would say it, such as `about 40 s` or `about 3 min`."""
    if seconds < 90:
        return f"about {max(round(seconds / 5) * 5, 5)} s"
    return f"about {round(seconds / 60)} min"
