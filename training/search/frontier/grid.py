"""The grid of models for the frontier: each group answers one question.

| group | question | held constant |
| --- | --- | --- |
| `width` | how much does a dimension reduce the error? | everything except the width; biases, full tables |
| `hashing` | is quotient-remainder better than the hashing trick (Shi et al.)? | parameters; no biases |
| `mixed` | are mixed widths better than uniform ones, and how mixed (Ginart et al.)? | parameters; biases |
| `variational` | how much better are variational updates than gradients? | the form; biases, full tables |
| `rounding` | how much error do fewer bits add? | width and fit; biases |
| `distilled` | how much does a byte reduce the error, with a teacher? | the teacher |
| `distilled_count` | how much does a parameter reduce the error, with a teacher? | the teacher |

No group was chosen on test rows. This module does not train anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Dataset
from training.distillation.base.settings import (
    BayesianFactorsSettings,
    StudentSettings,
    TeacherSettings,
    VariationalSettings,
)
from training.factors.settings import VariationalRecipe
from training.families import HashingTrick, MixedDimension, QuotientRemainder
from training.families.family import Family
from training.families.power_rule import block_parameters, default_num_buckets, power_rule_dims
from training.families.quotient_remainder import Operation
from training.fit.recipes import BIASED, BIASED_MIXED
from training.search.candidates import MOST_FACTORS, Candidate, candidate_model, student_within
from training.settings import Recipe

# Without biases, the penalty that suits full tables would keep products of two tables at zero.
_WITHOUT_BIASES = BIASED.model_copy(update={"name": "without_biases", "embedding_l2": 0.01, "epochs": 8})
_HASHING_DIM = 32
_MIXED_BLOCKS = 8


@dataclass(frozen=True)
class Point:
    """One model of the grid.

    Attributes:
        group: The question that it belongs to.
        setting: The number that its group varies.
        candidate: The model to train, with a label that is unique in its group.
    """

    group: str
    setting: str
    candidate: Candidate


@dataclass(frozen=True)
class Extent:
    """The values of each setting in the grid."""

    widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    variational_ranks: tuple[int, ...] = (8, 16, 24, 32)
    ids_a_bucket: tuple[int, ...] = (50, 16, 4)
    operations: tuple[Operation, ...] = ("multiply", "add", "concatenate")
    uniform_widths: tuple[int, ...] = (4, 8, 16)
    temperatures: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.6)
    bits: tuple[int, ...] = (8, 6, 4, 3, 2)
    kilobytes: tuple[float, ...] = (8, 12, 16, 24.95, 38, 64, 128, 256, 471.872)
    parameters_an_id: tuple[int, ...] = (4, 8, 12, 20)


FULL = Extent()
QUICK = Extent(
    widths=(2,),
    variational_ranks=(2,),
    ids_a_bucket=(4,),
    operations=("multiply",),
    uniform_widths=(2,),
    temperatures=(0.4,),
    bits=(4,),
    kilobytes=(2,),
    parameters_an_id=(3,),
)
QUICK_TEACHER = TeacherSettings(ordinal=BayesianFactorsSettings(rank=4, sweeps=12, burn_in=4, kernel_rank=16))


def grid(dataset: Dataset, extent: Extent, seed: int, epochs: int | None = None) -> list[Point]:
    """Return all points; points that share a fit are consecutive.

    Args:
        dataset: The data that the models are sized for.
        extent: The values of each setting.
        seed: Seed of every recipe.
        epochs: Maximum number of epochs, instead of the recipes' own.
    """
    changes = {"seed": seed, **({"epochs": epochs} if epochs else {})}
    biased, mixed, plain = (one.model_copy(update=changes) for one in (BIASED, BIASED_MIXED, _WITHOUT_BIASES))
    return [
        *_widths(dataset, extent, biased),
        *_variational(extent, seed, biased.validation_fraction, epochs),
        *_hashing(dataset, extent, plain),
        *_mixed(dataset, extent, biased, mixed),
        *_distilled(dataset, extent),
    ]


def _point(group: str, setting: float, label: str, **what: Any) -> Point:
    return Point(group, f"{setting:g}", Candidate(label=label, **what))


def _widths(dataset: Dataset, extent: Extent, recipe: Recipe) -> Iterator[Point]:
    ids = len(dataset.users) + len(dataset.movies)
    for dim in extent.widths:
        model = candidate_model(dim, name=f"width-{dim}")
        yield _point("width", dim, f"{dim} wide", model=model, recipe=recipe)
        if dim != (8 if 8 in extent.widths else extent.widths[-1]):
            continue
        for bits in extent.bits:
            # `bits` is the average per value; the packer allocates them where they reduce the error most.
            student = StudentSettings(rank=dim, max_bytes=ids * (dim + 1) * bits // 8 + 1_000)
            label = f"{dim} wide, {bits} bits"
            yield _point("rounding", bits, label, model=model, recipe=recipe, student=student)


def _variational(
    extent: Extent, seed: int, validation_fraction: float, rounds: int | None
) -> Iterator[Point]:
    for rank in extent.variational_ranks:
        factors = VariationalSettings(rank=rank, **({"rounds": rounds} if rounds else {}))
        recipe = VariationalRecipe(seed=seed, validation_fraction=validation_fraction, factors=factors)
        model = candidate_model(rank, name=f"variational-{rank}")
        yield _point("variational", rank, f"variational, {rank} wide", model=model, recipe=recipe)


def _hashing(dataset: Dataset, extent: Extent, recipe: Recipe) -> Iterator[Point]:
    rows = {"users": len(dataset.users), "movies": len(dataset.movies)}
    for ids_a_row in extent.ids_a_bucket:
        buckets = {side: max(count // ids_a_row, default_num_buckets(count)) for side, count in rows.items()}
        name = f"{ids_a_row} ids a row"
        for operation in extent.operations:
            # Both tables have half the width, so the same number of parameters allows twice the dimension.
            dim = _HASHING_DIM * (2 if operation == "concatenate" else 1)
            sides: dict[str, Family] = {
                side: QuotientRemainder(num_buckets=buckets[side], operation=operation) for side in buckets
            }
            model = candidate_model(dim, sides, name=f"qr-{operation}-{ids_a_row}", biases=False)
            label = f"quotient-remainder, {operation}, {name}"
            yield _point("hashing", ids_a_row, label, model=model, recipe=recipe)
        # As many rows as both quotient-remainder tables have together.
        sides = {
            side: HashingTrick(num_buckets=buckets[side] - (-count // buckets[side]))
            for side, count in rows.items()
        }
        model = candidate_model(_HASHING_DIM, sides, name=f"hash-{ids_a_row}", biases=False)
        yield _point("hashing", ids_a_row, f"hashing trick, {name}", model=model, recipe=recipe)


def _mixed(dataset: Dataset, extent: Extent, uniform_recipe: Recipe, recipe: Recipe) -> Iterator[Point]:
    for uniform in extent.uniform_widths:
        budget = uniform * (len(dataset.users) + len(dataset.movies))
        # The same model as in the group `width`, so that it is trained only once.
        model = candidate_model(uniform, name=f"width-{uniform}")
        label = f"as {uniform} wide, temperature"
        yield _point("mixed", 0, f"{label} 0", model=model, recipe=uniform_recipe)
        for temperature in extent.temperatures:
            base, sides = mixed_within(dataset, temperature, budget)
            name = f"mixed-{uniform}-{temperature}".replace(".", "_")
            model = candidate_model(base, sides, name=name)
            yield _point("mixed", temperature, f"{label} {temperature:g}", model=model, recipe=recipe)


def _distilled(dataset: Dataset, extent: Extent) -> Iterator[Point]:
    ids = len(dataset.users) + len(dataset.movies)
    # Beyond this size, more bytes do not make a larger student.
    enough = next((size for size in extent.kilobytes if size * 1_000 >= ids * (MOST_FACTORS + 1)), math.inf)
    for kilobytes in extent.kilobytes:
        if kilobytes > enough:
            break
        student = student_within(ids, max_bytes=round(kilobytes * 1_000))
        yield _point("distilled", kilobytes, f"{kilobytes:g} KB", student=student)
    for count in extent.parameters_an_id:
        student = student_within(ids, max_parameters=count * ids)
        yield _point("distilled_count", count, f"{count} an id", student=student)


def mixed_within(dataset: Dataset, temperature: float, budget: int) -> tuple[int, dict[str, Family]]:
    """Return the widest mixed-dimension sides within a parameter budget, not counting biases.

    Args:
        dataset: The data whose popularities are used.
        temperature: Temperature of the power rule.
        budget: Maximum parameters of the tables and projections of both sides.

    Returns:
        The base dimension and both sides. Blocks have equal shares of the ratings, as in the paper.
    """
    popularities = {"users": dataset.user_popularity, "movies": dataset.movie_popularity}
    sizes = {side: equal_shares(counts, _MIXED_BLOCKS) for side, counts in popularities.items()}
    best: tuple[int, dict[str, Family]] = (1, {})
    for base in range(1, 513):
        dims = {side: power_rule_dims(popularities[side], sizes[side], base, temperature) for side in sizes}
        if sum(block_parameters(sizes[side], dims[side], base) for side in sizes) > budget and base > 1:
            break
        best = base, {side: MixedDimension(block_sizes=sizes[side], block_dims=dims[side]) for side in sizes}
    return best


def equal_shares(popularity: NDArray[np.int64], blocks: int) -> tuple[int, ...]:
    """Return sizes of consecutive blocks with about equal shares of the ratings, each at least one id.

    Args:
        popularity: `(n,)` number of ratings of each id, non-increasing.
        blocks: Maximum number of blocks; there are fewer if there are fewer ids.
    """
    shares = np.cumsum(popularity)
    ends = np.searchsorted(shares, shares[-1] * np.arange(1, blocks) / blocks) + 1
    ends = np.unique(np.append(ends[ends < popularity.size], popularity.size))
    return tuple(np.diff(ends, prepend=0).tolist())
