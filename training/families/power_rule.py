"""The power rule for block widths, and the default division of ids into blocks.

The power rule of Ginart et al. 2019 (arXiv:1909.11810, algorithm 1): d = lambda * p ** alpha, with lambda
chosen such that the most popular block gets the base dimension. Here p is the *mean* popularity of a block
(its ids are treated as equally popular), alpha is `temperature`, and d-bar is `base_dim`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.errors import SettingsError

# The published blocks of the rated movies of MovieLens 1M.
_PUBLISHED_BLOCKS: Final = (400, 1_300, 2_006)
_IDS_PER_BUCKET: Final = 50


def default_num_buckets(count: int) -> int:
    """Return a number of buckets that is valid for any number of quotient rows.

    It is a fiftieth of the ids, as published, but at least their square root: two tables of fewer
    `num_buckets` rows could not give every id its own pair of rows.
    """
    return max(count // _IDS_PER_BUCKET, math.isqrt(count - 1) + 1)


def default_block_sizes(count: int) -> tuple[int, ...]:
    """Scale the published blocks (400 / 1,300 / 2,006 of 3,706 ids) to `count` ids.

    Returns:
        Three sizes, each at least 1, that add up to `count`; for one or two ids, a block for each.
    """
    if count < len(_PUBLISHED_BLOCKS):
        return (1,) * count
    total = sum(_PUBLISHED_BLOCKS)
    first, second = (max(1, (2 * count * block + total) // (2 * total)) for block in _PUBLISHED_BLOCKS[:2])
    return first, second, count - first - second


def default_block_dims(num_blocks: int, base_dim: int) -> tuple[int, ...]:
    """Return widths that halve from block to block, as published, but are at least 1."""
    return tuple(max(1, base_dim >> place) for place in range(num_blocks))


def check_block_sizes(block_sizes: Sequence[int], count: int) -> None:
    """Check that the block sizes add up to the number of ids.

    Raises:
        SettingsError: If they do not.
    """
    if sum(block_sizes) != count:
        raise SettingsError(
            f"block_sizes add up to {sum(block_sizes)}, but there are {count} ids; they must be equal"
        )


def power_rule_dims(
    popularity: NDArray[Any], block_sizes: Sequence[int], base_dim: int, temperature: float
) -> tuple[int, ...]:
    """Return block widths in proportion to popularity ** temperature.

    Args:
        popularity: `(n,)` number of training ratings of each id, in index order, hence non-increasing.
        block_sizes: Ids in each block; their sum is n.
        base_dim: Width of the most popular block.
        temperature: alpha, 0 (all blocks equally wide) to 1 (widths in proportion to popularity).

    Returns:
        One width per block, non-increasing: rounded to the nearest integer, halves up, at least 1. A
        block without ratings has width 1 at any temperature above 0.

    Raises:
        SettingsError: If the arguments are inconsistent.
    """
    if not 0 <= temperature <= 1:
        raise SettingsError(f"temperature is {temperature}; it must be between 0 and 1")
    return _dims(_popularity_shares(popularity, block_sizes), base_dim, temperature)


def block_parameters(
    block_sizes: Sequence[int],
    block_dims: Sequence[int],
    output_dim: int,
    extra_row: bool = False,
    projection_bias: bool = False,
) -> int:
    """Return the number of parameters of an `MDEmbedding` with these arguments."""
    total = 0
    for size, dim in zip(block_sizes, block_dims, strict=True):
        total += (size + extra_row) * dim
        if dim < output_dim:
            total += (dim + projection_bias) * output_dim
    return total


def solve_budget(
    popularity: NDArray[Any],
    block_sizes: Sequence[int],
    base_dim: int,
    parameter_budget: int,
    extra_row: bool = False,
    projection_bias: bool = False,
) -> tuple[int, ...]:
    """Return the widest blocks within a budget, over all temperatures from 0 to 1.

    The arguments are those of `power_rule_dims` and the settings of `training.families.MixedDimension`.

    Returns:
        One width per block, for the lowest temperature that fits. (Widths never grow as the temperature
        rises. The number of parameters may, because a block just below the base dimension starts to need
        a projection, so every temperature at which a width changes is tried.)

    Raises:
        SettingsError: If no temperature fits; the message states the smallest legal budget.
    """
    share = _popularity_shares(popularity, block_sizes)
    smallest = None
    for temperature in _distinct_temperatures(share, base_dim):
        dims = _dims(share, base_dim, temperature)
        parameters = block_parameters(block_sizes, dims, base_dim, extra_row, projection_bias)
        if parameters <= parameter_budget:
            return dims
        smallest = parameters if smallest is None else min(smallest, parameters)
    raise SettingsError(
        f"parameter_budget is {parameter_budget}; the smallest legal parameter_budget is {smallest}"
    )


def _popularity_shares(popularity: NDArray[Any], sizes: Sequence[int]) -> NDArray[np.float64]:
    """Return the `(blocks,)` mean popularity of each block, divided by that of the most popular one."""
    counts = np.asarray(popularity, dtype=np.float64)
    check_block_sizes(sizes, counts.size)
    if not bool(np.all(np.isfinite(counts))) or float(counts.min()) < 0:
        raise SettingsError("popularity must be counts, none below 0")
    if bool(np.any(np.diff(counts) > 0)):
        raise SettingsError("popularity must be in index order, the most popular id first")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    means = np.add.reduceat(counts, starts) / np.array(sizes)
    if means[0] == 0:  # no ratings at all: the blocks do not differ
        return np.ones(len(sizes))
    # The means of a non-increasing sequence are non-increasing except for rounding.
    shares: NDArray[np.float64] = np.minimum.accumulate(means / means[0])
    return shares


def _dims(share: NDArray[np.float64], base_dim: int, temperature: float) -> tuple[int, ...]:
    widths = np.floor(base_dim * share**temperature + 0.5)
    return tuple(max(1, int(width)) for width in widths)


def _distinct_temperatures(share: NDArray[np.float64], base_dim: int) -> list[float]:
    """Return ascending temperatures from 0 to 1, at least one between any two changes of a width."""
    logs = np.log(share[(share > 0) & (share < 1)])
    # base_dim * share ** alpha crosses width + 1/2 at alpha = log((width + 1/2) / base_dim) / log(share).
    crossings = np.log((np.arange(1, base_dim) + 0.5) / base_dim)[:, None] / logs[None, :]
    changes = np.unique(crossings[(crossings > 0) & (crossings < 1)])
    edges = np.concatenate([[0.0], changes, [1.0]])
    between = (edges[:-1] + edges[1:]) / 2
    return [0.0, *between.tolist(), 1.0]
