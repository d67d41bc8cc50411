"""Proposes candidates that fit a budget, for a given number of users and movies."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from training.data.dataset import Dataset
from training.distillation.base.settings import StudentSettings
from training.distillation.student.packing import student_blocks
from training.errors import SettingsError
from training.families import MixedDimension, QuotientRemainder
from training.families.family import Family
from training.families.power_rule import default_num_buckets
from training.fit.recipes import BIASED, BIASED_MIXED, BIASED_QUOTIENT
from training.search.budget.budget import FULL, Budget, Effort
from training.search.candidates import Candidate, candidate_model, student_within
from training.settings import ModelSettings, Recipe

_WIDEST: Final = 64
# The most popular block may be this many times wider than tables of uniform width could be.
_MIXED_STRETCH: Final = 3
_ROUNDED_FACTORS: Final = 16


@dataclass(frozen=True)
class Refusal:
    """A technique that does not fit, and the smallest budget that it needs."""

    label: str
    smallest: Budget


def propose(
    dataset: Dataset, budget: Budget, seed: int, effort: Effort = FULL
) -> tuple[list[Candidate], list[Refusal]]:
    """Propose candidates within a budget.

    Every proposal has biases, so cold ids need no stored means, and the budget counts every byte.

    Args:
        dataset: The data, whose users, movies and popularities determine what fits.
        budget: Maximum size of the weights.
        seed: Seed of training.
        effort: Limits of computation for each candidate.

    Returns:
        Candidates, and the techniques that cannot be made small enough.

    Raises:
        SettingsError: If nothing fits; the message states the smallest legal budget.
    """
    biased, mixed, quotient = (
        effort.limit_recipe(recipe.model_copy(update={"seed": seed}))
        for recipe in (BIASED, BIASED_MIXED, BIASED_QUOTIENT)
    )
    ids = len(dataset.users) + len(dataset.movies)
    student = effort.limit_student(student_within(ids, **budget.student_limit))
    label = f"distilled, packed, up to {student.rank} factors"
    tried = [
        _packed(Candidate(label=label, student=student), dataset, budget),
        _rounded(dataset, budget, student, biased),
        _as_wide_as_fits(
            "dot product{} and biases, full tables", "full_tables", ids, dataset, budget, biased
        ),
        _mixed(dataset, budget, mixed),
        _quotient_remainder(dataset, budget, quotient),
    ]
    proposals = [one for one in tried if isinstance(one, Candidate)]
    refusals = [one for one in tried if isinstance(one, Refusal)]
    if len(dataset.train) < effort.least_ratings_to_teach:
        proposals = [one for one in proposals if one.model is not None]
    if not proposals:
        smallest = min(refusal.smallest.amount for refusal in refusals)
        raise SettingsError(
            f"--budget: nothing fits {budget}; the smallest legal budget for {len(dataset.users)} users and "
            f"{len(dataset.movies)} movies is {smallest} {budget.unit}"
        )
    return proposals, refusals


def _rounded(
    dataset: Dataset, budget: Budget, student: StudentSettings, recipe: Recipe
) -> Candidate | Refusal:
    rank = min(student.rank, _ROUNDED_FACTORS)
    candidate = Candidate(
        label=f"dot product of {rank} and biases, packed",
        model=candidate_model(rank, name="dot_product"),
        recipe=recipe,
        student=student.model_copy(update={"rank": rank}),
    )
    return _packed(candidate, dataset, budget)


def _packed(candidate: Candidate, dataset: Dataset, budget: Budget) -> Candidate | Refusal:
    assert candidate.student is not None
    student = candidate.student

    def is_legal(amount: int) -> bool:
        try:
            limited = student.model_copy(update=Budget(amount, budget.unit).student_limit)
            student_blocks(limited, len(dataset.users), len(dataset.movies))
        except SettingsError:
            return False
        return True

    if is_legal(budget.amount):
        return candidate
    # Larger amounts stay legal, so bisect; `most` allows whole bytes for every value and step.
    most = 100 + 100 * (len(dataset.users) + len(dataset.movies))
    return Refusal(candidate.label, Budget(bisect_left(range(most), True, key=is_legal), budget.unit))


def _quotient_remainder(dataset: Dataset, budget: Budget, recipe: Recipe) -> Candidate | Refusal:
    rows = 0
    for count in (len(dataset.users), len(dataset.movies)):
        buckets = default_num_buckets(count)
        rows += buckets + -(-count // buckets)
    sides = {"users": QuotientRemainder(), "movies": QuotientRemainder()}
    return _as_wide_as_fits(
        "quotient-remainder{} and biases", "quotient_remainder", rows, dataset, budget, recipe, sides
    )


def _as_wide_as_fits(
    label: str,
    name: str,
    rows: int,
    dataset: Dataset,
    budget: Budget,
    recipe: Recipe,
    sides: Mapping[str, Family] | None = None,
) -> Candidate | Refusal:
    """Propose tables with `rows` rows in all, of one width, plus a bias per id and a global bias."""
    biases = len(dataset.users) + len(dataset.movies) + 1
    dim = min((budget.floats - biases) // rows, _WIDEST)
    if dim < 1:
        return Refusal(label.format(""), _floats(rows + biases, budget))
    model = candidate_model(dim, sides, name=name)
    return Candidate(label=label.format(f" of {dim}"), model=model, recipe=recipe)


def _mixed(dataset: Dataset, budget: Budget, recipe: Recipe) -> Candidate | Refusal:
    ids = len(dataset.users) + len(dataset.movies)
    label, fixed = "mixed dimension and biases", ids + 1
    model = _mixed_within(dataset, budget.floats - fixed)
    if model is None:
        least = bisect_left(range(100 * ids), True, key=lambda left: _mixed_within(dataset, left) is not None)
        return Refusal(label, _floats(fixed + least, budget))
    return Candidate(label=f"{label}, up to {model.embedding_dim} wide", model=model, recipe=recipe)


def _mixed_within(dataset: Dataset, parameters: int) -> ModelSettings | None:
    """Return mixed dimensions for both sides, with parameters divided in proportion to their ids."""
    users, movies = len(dataset.users), len(dataset.movies)
    share = parameters * users // (users + movies)
    widest = min(max(_MIXED_STRETCH * parameters // (users + movies), 2), _WIDEST)
    for dim in range(widest, 1, -1) if share > 0 else ():
        sides = {
            "users": MixedDimension(parameter_budget=share),
            "movies": MixedDimension(parameter_budget=parameters - share),
        }
        model = candidate_model(dim, sides, name="mixed_dimension")
        try:
            return model.resolve(users, movies, dataset.movie_popularity, dataset.user_popularity)
        except SettingsError:
            continue  # too wide: the projections alone exceed the budget
    return None


def _floats(count: int, budget: Budget) -> Budget:
    return Budget(count if budget.unit == "parameters" else 4 * count, budget.unit)
