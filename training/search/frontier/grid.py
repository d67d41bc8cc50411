"""Which models the frontier is drawn through: each group answers one question.

| group | question | what is equal |
| --- | --- | --- |
| `width` | what does a dimension buy? | everything but the width; biases, full tables |
| `hashing` | is quotient-remainder better than the hashing trick (Shi et al.)? | parameters; no biases |
| `mixed` | are mixed widths better than uniform ones, and how mixed (Ginart et al.)? | parameters; biases |
| `rounding` | what does a bit cost? | width and fit; biases |
| `distilled` | what does a byte buy, with a teacher? | the teacher |
| `distilled_count` | what does a parameter buy, with a teacher? | the teacher |

No group is chosen on test rows. Nothing here is trained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Dataset
from training.distillation.base.settings import BayesianFactorsSettings, StudentSettings, TeacherSettings
from training.families import HashingTrick, MixedDimension, QuotientRemainder
from training.families.family import Family
from training.families.power_rule import block_parameters, default_num_buckets, power_rule_dims
from training.families.quotient_remainder import Operation
from training.fit.recipes import BIASED, BIASED_MIXED
from training.search.candidates import Candidate
from training.search.student_limits import MOST_FACTORS, student_within
from training.settings import ModelSettings, Recipe

# Without biases the penalty that helps full tables keeps products of two tables at zero.
_WITHOUT_BIASES = BIASED.model_copy(update={"name": "without_biases", "embedding_l2": 0.01, "epochs": 8})
_HASHING_DIM = 32
_MIXED_BLOCKS = 8


@dataclass(frozen=True)
class Point:
    """One model of the grid.

    Attributes:
        group: Which question it belongs to.
        label: In a few words, unique in its group.
        setting: The number that its group varies.
        candidate: What to make.
    """

    group: str
    label: str
    setting: str
    candidate: Candidate


@dataclass(frozen=True)
class Extent:
    """How many values of each setting the grid takes."""

    widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
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
    """All points, those that share a fit next to each other.

    Args:
        dataset: Whose users and movies the sizes are for.
        extent: How many values of each setting.
        seed: Of every recipe.
        epochs: Passes at most, in place of the recipes' own.
    """
    changes = {"seed": seed, **({"epochs": epochs} if epochs else {})}
    biased, mixed, plain = (one.model_copy(update=changes) for one in (BIASED, BIASED_MIXED, _WITHOUT_BIASES))
    return [
        *_widths(dataset, extent, biased),
        *_hashing(dataset, extent, plain),
        *_mixed(dataset, extent, biased, mixed),
        *_distilled(dataset, extent),
    ]


def _widths(dataset: Dataset, extent: Extent, recipe: Recipe) -> list[Point]:
    points = []
    ids = len(dataset.users) + len(dataset.movies)
    for dim in extent.widths:
        model = _model(f"width-{dim}", dim, biases=True)
        points.append(Point("width", f"{dim} wide", str(dim), Candidate(model=model, recipe=recipe)))
        if dim != (8 if 8 in extent.widths else extent.widths[-1]):
            continue
        for bits in extent.bits:
            # So many bits a value, were they spread evenly; the packer spreads them where they count.
            student = StudentSettings(rank=dim, max_bytes=ids * (dim + 1) * bits // 8 + 1_000)
            candidate = Candidate(model=model, recipe=recipe, student=student)
            points.append(Point("rounding", f"{dim} wide, {bits} bits", str(bits), candidate))
    return points


def _hashing(dataset: Dataset, extent: Extent, recipe: Recipe) -> list[Point]:
    points = []
    for crowd in extent.ids_a_bucket:
        buckets = {
            side: max(count // crowd, default_num_buckets(count))
            for side, count in (("users", len(dataset.users)), ("movies", len(dataset.movies)))
        }
        rows = {"users": len(dataset.users), "movies": len(dataset.movies)}
        quotients = {side: -(-count // buckets[side]) for side, count in rows.items()}
        name = f"{crowd} ids a row"
        for operation in extent.operations:
            # Two tables of half the width: as many parameters take an embedding twice as wide.
            dim = _HASHING_DIM * (2 if operation == "concatenate" else 1)
            sides: dict[str, Family] = {
                side: QuotientRemainder(num_buckets=buckets[side], operation=operation) for side in buckets
            }
            model = _model(f"qr-{operation}-{crowd}", dim, biases=False, **sides)
            label = f"quotient-remainder, {operation}, {name}"
            points.append(Point("hashing", label, str(crowd), Candidate(model=model, recipe=recipe)))
        sides = {side: HashingTrick(num_buckets=buckets[side] + quotients[side]) for side in buckets}
        model = _model(f"hash-{crowd}", _HASHING_DIM, biases=False, **sides)
        points.append(
            Point("hashing", f"hashing trick, {name}", str(crowd), Candidate(model=model, recipe=recipe))
        )
    return points


def _mixed(dataset: Dataset, extent: Extent, uniform_recipe: Recipe, recipe: Recipe) -> list[Point]:
    points = []
    for uniform in extent.uniform_widths:
        budget = uniform * (len(dataset.users) + len(dataset.movies))
        # The same as in the group `width`, so that it is made once.
        model = _model(f"width-{uniform}", uniform, biases=True)
        label = f"as {uniform} wide, temperature"
        points.append(Point("mixed", f"{label} 0", "0", Candidate(model=model, recipe=uniform_recipe)))
        for temperature in extent.temperatures:
            base, sides = mixed_within(dataset, temperature, budget)
            model = _model(f"mixed-{uniform}-{temperature}", base, biases=True, **sides)
            points.append(
                Point(
                    "mixed",
                    f"{label} {temperature:g}",
                    f"{temperature:g}",
                    Candidate(model=model, recipe=recipe),
                )
            )
    return points


def _distilled(dataset: Dataset, extent: Extent) -> list[Point]:
    ids = len(dataset.users) + len(dataset.movies)
    points = []
    # From here on more bytes make no larger student.
    enough = next((size for size in extent.kilobytes if size * 1_000 >= ids * (MOST_FACTORS + 1)), math.inf)
    for kilobytes in extent.kilobytes:
        if kilobytes > enough:
            break
        student = student_within(ids, max_bytes=round(kilobytes * 1_000))
        points.append(Point("distilled", f"{kilobytes:g} KB", f"{kilobytes:g}", Candidate(student=student)))
    for count in extent.parameters_an_id:
        student = student_within(ids, max_parameters=count * ids)
        points.append(Point("distilled_count", f"{count} an id", str(count), Candidate(student=student)))
    return points


def mixed_within(dataset: Dataset, temperature: float, budget: int) -> tuple[int, dict[str, Family]]:
    """The widest mixed-dimension sides that a budget of parameters holds, biases apart.

    Args:
        dataset: Whose popularities count.
        temperature: Of the power rule.
        budget: For tables and projections of both sides.

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
    """Sizes of consecutive blocks of ids that have about equal shares of the ratings, each at least one id.

    Args:
        popularity: `(n,)` ratings of each id, falling.
        blocks: How many at most; fewer where there are fewer ids.
    """
    shares = np.cumsum(popularity)
    ends = np.searchsorted(shares, shares[-1] * np.arange(1, blocks) / blocks) + 1
    ends = np.unique(np.append(ends[ends < popularity.size], popularity.size))
    return tuple(np.diff(ends, prepend=0).tolist())


def _model(name: str, dim: int, *, biases: bool, **sides: Family) -> ModelSettings:
    return ModelSettings.model_validate(
        {"name": name.replace(".", "_"), "description": "", "embedding_dim": dim, "biases": biases, **sides}
    )
