"""Filling in what settings leave open, so that the record says what was really built."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from training.errors import SettingsError
from training.layers.power_rule import (
    default_block_dims,
    default_block_sizes,
    default_num_buckets,
    power_rule_dims,
    solve_budget,
)
from training.settings import HashingTrick, MixedDimension, ModelSettings, Packed, QuotientRemainder, Side

Popularity = NDArray[Any]


def resolve_settings(
    settings: ModelSettings,
    num_users: int,
    num_movies: int,
    movie_popularity: Popularity | None = None,
    user_popularity: Popularity | None = None,
) -> ModelSettings:
    """The same settings with every default filled in; resolving twice changes nothing.

    A temperature or a budget is replaced by the `block_dims` that it leads to.

    Args:
        settings: What is asked for.
        num_users: Users in the vocabulary.
        num_movies: Movies in the vocabulary.
        movie_popularity: `(num_movies,)` training ratings of each movie, in index order. Only the power
            rule needs it.
        user_popularity: `(num_users,)` the same for users.

    Raises:
        SettingsError: The settings are not legal for this many users and movies.
    """
    dim = settings.embedding_dim
    return settings.model_copy(
        update={
            "users": _resolve_side("users", settings.users, num_users, dim, user_popularity),
            "movies": _resolve_side("movies", settings.movies, num_movies, dim, movie_popularity),
            "global_bias": settings.global_bias or settings.biases,
        }
    )


def _resolve_side(name: str, side: Side, count: int, dim: int, popularity: Popularity | None) -> Side:
    if count < 1:
        raise SettingsError(f"there are no {name}; the smallest legal number of {name} is 1")
    try:
        if isinstance(side, QuotientRemainder):
            return _resolve_quotient_remainder(side, count)
        if isinstance(side, MixedDimension):
            return _resolve_mixed_dimension(side, count, dim, popularity)
        if isinstance(side, HashingTrick):
            return side.model_copy(update={"num_buckets": side.num_buckets or default_num_buckets(count)})
        if isinstance(side, Packed):
            return _resolve_packed(side, count, dim)
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from None
    return side


def _resolve_quotient_remainder(side: QuotientRemainder, count: int) -> QuotientRemainder:
    buckets = default_num_buckets(count) if side.num_buckets is None else side.num_buckets
    rows = side.quotient_rows
    if rows is None:
        rows = -(-count // buckets)
    elif rows == "num_buckets":
        rows = buckets
        if buckets * buckets < count:
            # A square: the smallest legal value differs from the one that the layer would name.
            raise SettingsError(
                f"two tables of {buckets} rows do not tell {count} ids apart; with as many quotient rows as "
                f"buckets, the smallest legal num_buckets is {math.isqrt(count - 1) + 1}"
            )
    return side.model_copy(update={"num_buckets": buckets, "quotient_rows": rows})


def _resolve_mixed_dimension(
    side: MixedDimension, count: int, dim: int, popularity: Popularity | None
) -> MixedDimension:
    sources = ("block_dims", "temperature", "parameter_budget")
    given = [source for source in sources if getattr(side, source) is not None]
    if len(given) > 1:
        raise SettingsError(f"{' and '.join(given)} each decide how wide the blocks are; give one of them")
    sizes = default_block_sizes(count) if side.block_sizes is None else side.block_sizes
    if sum(sizes) != count:
        raise SettingsError(
            f"block_sizes add up to {sum(sizes)}, but there are {count} ids; they must be equal"
        )
    if side.block_dims is not None:
        dims = side.block_dims
    elif not given:
        dims = default_block_dims(len(sizes), dim)
    elif popularity is None:
        raise SettingsError(f"{given[0]} needs the popularity of every id")
    elif side.temperature is not None:
        dims = power_rule_dims(popularity, sizes, dim, side.temperature)
    else:
        budget = side.parameter_budget or 0
        dims = solve_budget(popularity, sizes, dim, budget, side.extra_row, side.projection_bias)
    return side.model_copy(
        update={"block_sizes": sizes, "block_dims": dims, "temperature": None, "parameter_budget": None}
    )


def _resolve_packed(side: Packed, count: int, dim: int) -> Packed:
    sizes = side.block_sizes or (count,)
    if sum(sizes) != count:
        raise SettingsError(
            f"block_sizes add up to {sum(sizes)}, but there are {count} ids; they must be equal"
        )
    columns = dim - (side.ones_at is not None)
    code_bytes = count * columns if side.code_bytes is None else side.code_bytes
    return side.model_copy(update={"block_sizes": sizes, "code_bytes": code_bytes})
