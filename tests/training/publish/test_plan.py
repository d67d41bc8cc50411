"""The time left of a run, from the tasks that are done."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.distillation.base.settings import StudentSettings
from training.distillation.named import ACCURATE, COMPACT
from training.factors.settings import VB
from training.models.named import BASELINE
from training.publish.options import DistillationOptions
from training.publish.plan import VALIDATION, TimeLeft, in_words, plan, plan_best, plan_search
from training.search.candidates import Candidate, candidate_model


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_plan_has_the_tasks_in_order() -> None:
    full = plan([BASELINE, COMPACT], DistillationOptions(Path("work")), 1_000_000)
    assert list(full) == [
        *(
            "validation: ordinal",
            "validation: gaussian",
            "ordinal",
            "gaussian",
            "blend",
            "compact",
            "baseline",
        )
    ]
    assert sum(full.values()) == pytest.approx(1)
    quick = plan([COMPACT, ACCURATE], DistillationOptions(Path("work"), quick=True), 1_000_000)
    assert list(quick) == ["ordinal", "gaussian", "blend", "compact", "accurate"]
    assert list(plan([BASELINE], DistillationOptions(Path("work")), 1_000_000)) == ["baseline"]


def test_plan_of_many_ratings_has_no_sampler() -> None:
    options = DistillationOptions(Path("work"))
    assert list(plan([COMPACT, VB], options, 5_000_001)) == ["variational", "compact", "vb"]
    assert "ordinal" in plan([COMPACT], options, 5_000_000)


def test_plan_of_a_search_ends_with_the_training_of_the_best() -> None:
    distilled = Candidate(student=StudentSettings(rank=2))
    rounded = Candidate(model=candidate_model(2, name="dot_product"), student=StudentSettings(rank=2))
    fitted = Candidate(model=candidate_model(2, name="full_tables"))
    tried = ["ordinal", "blend", "student", "dot_product (fitted)", "dot_product (packed)"]
    tried.append("full_tables (fitted)")
    search = plan_search([distilled, rounded, fitted])
    assert list(search) == [*(f"{VALIDATION}{task}" for task in tried), "ordinal", "blend", "student"]
    assert sum(search.values()) == pytest.approx(1)
    assert search[f"{VALIDATION}ordinal"] == search["ordinal"]
    assert plan_best(fitted) == {"full_tables (fitted)": 1}


def test_time_left_is_in_proportion_to_the_time_of_what_is_done() -> None:
    clock = Clock()
    left = TimeLeft({"a": 0.5, "b": 0.25, "c": 0.25}, clock)
    assert left.seconds() is None
    clock.now = 10.0
    left.on_step("a", 1, 2)
    assert left.seconds() == pytest.approx(30)
    clock.now = 20.0
    left.on_step("a", 2, 2)
    assert left.seconds() == pytest.approx(20)
    left.on_step("student of another task", 1, 1)
    clock.now = 30.0
    left.on_step("b", 0, 4)
    left.on_step("b", 4, 4)
    left.on_step("c", 0, 0)
    assert left.seconds() == pytest.approx(10)
    left.on_step("c", 1, 1)
    assert left.seconds() == 0


def test_tasks_of_an_earlier_run_and_skipped_tasks_are_not_counted() -> None:
    clock = Clock()
    left = TimeLeft({"a": 0.4, "skipped": 0.2, "b": 0.2, "c": 0.2}, clock)
    left.on_step("a", 1, 1)
    assert left.seconds() is None
    left.on_step("b", 0, 2)
    clock.now = 7.0
    left.on_step("b", 2, 2)
    assert left.seconds() == pytest.approx(7)


def test_a_task_that_stops_early_counts_as_done() -> None:
    clock = Clock()
    left = TimeLeft({"a": 0.5, "b": 0.5}, clock)
    left.on_step("a", 1, 9)
    clock.now = 5.0
    left.on_step("b", 0, 9)
    assert left.seconds() == pytest.approx(5)


@pytest.mark.parametrize(("seconds", "words"), [(1, "about 5 s"), (41, "about 40 s"), (170, "about 3 min")])
def test_durations_are_rounded(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_a_task_that_is_done_again_takes_as_long_as_before() -> None:
    clock = Clock()
    left = TimeLeft({"validation: a (fitted)": 1.0, "validation: b (fitted)": 1.0, "a (fitted)": 1.0}, clock)
    for task, seconds in (("validation: a (fitted)", 8.0), ("validation: b (fitted)", 2.0)):
        left.on_step(task, 0, 10)
        clock.now += seconds
        left.on_step(task, 1, 1)
    assert left.seconds() == pytest.approx(8)
    left.replace({"b (fitted)": 1.0})
    assert left.seconds() == pytest.approx(2)


def test_a_fit_is_expected_to_stop_where_the_one_before_did() -> None:
    clock = Clock()
    left = TimeLeft({"a (fitted)": 1.0, "b (fitted)": 1.0}, clock)
    left.on_step("a (fitted)", 1, 100)
    clock.now = 6.0
    left.on_step("a (fitted)", 20, 100)
    assert left.seconds() == pytest.approx(6 + 12)  # half of the 40 steps that are usual
    left.on_step("a (fitted)", 1, 1)
    left.on_step("b (fitted)", 10, 100)
    assert left.seconds() == pytest.approx(2)  # a stopped after 20, so b is half done
