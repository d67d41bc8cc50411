from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.artefact.ids.vocabulary import Vocabulary
from training.errors import SettingsError
from training.families import MixedDimension, QuotientRemainder
from training.families.family import Family
from training.models.named import MEMORY_EFFICIENT
from training.models.rating_model import build_rating_model
from training.settings import ModelSettings

FALLING = np.arange(3_706)[::-1]


def _resolve(
    users: Family | None = None, movies: Family | None = None, popularity: Any = FALLING
) -> ModelSettings:
    model = ModelSettings(
        name="any", description="", users=users or QuotientRemainder(), movies=movies or MixedDimension()
    )
    return model.resolve(6_040, 3_706, popularity)


def test_published_sizes_are_recorded() -> None:
    resolved = MEMORY_EFFICIENT.resolve(6_040, 3_706)
    assert resolved.users == QuotientRemainder(num_buckets=120, quotient_rows=120)
    assert resolved.movies == MixedDimension(
        block_sizes=(400, 1_300, 2_006), block_dims=(64, 32, 16), extra_row=True, projection_bias=True
    )


def test_lean_rows_are_recorded() -> None:
    assert _resolve().users == QuotientRemainder(num_buckets=120, quotient_rows=51)


def test_width_rules_are_replaced_by_the_resulting_widths() -> None:
    by_temperature = _resolve(movies=MixedDimension(temperature=1, block_sizes=(1, 3_705))).movies
    # Most popular 3,705; the others' mean is 1,852, a hair below half.
    assert by_temperature == MixedDimension(block_sizes=(1, 3_705), block_dims=(64, 32))
    by_budget = _resolve(movies=MixedDimension(parameter_budget=200_000, block_sizes=(1, 3_705))).movies
    # 64 + 3,705 d + 64 d: 53 x 3,769 + 64 = 199,821.
    assert by_budget == MixedDimension(block_sizes=(1, 3_705), block_dims=(64, 53))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 3_000), st.integers(1, 3_000))
def test_published_model_is_legal_for_any_number_of_ids(users: int, movies: int) -> None:
    resolved = MEMORY_EFFICIENT.resolve(users, movies)
    assert isinstance(resolved.users, QuotientRemainder)
    assert resolved.users.num_buckets is not None
    assert isinstance(resolved.users.quotient_rows, int)
    assert resolved.users.num_buckets * resolved.users.quotient_rows >= users


@pytest.mark.parametrize(("users", "movies"), [(1, 1), (2, 2), (3, 3), (49, 4)])
def test_published_model_is_built_for_tiny_sets(users: int, movies: int) -> None:
    model = build_rating_model(MEMORY_EFFICIENT, users, movies).indexed
    pair = [np.array([users - 1], dtype=np.int32), np.array([movies - 1], dtype=np.int32)]
    assert 0 < float(model(pair)[0]) < 5


@pytest.mark.parametrize(
    ("users", "movies", "popularity", "message"),
    [
        (
            QuotientRemainder(num_buckets=60, quotient_rows="num_buckets"),
            None,
            None,
            "^users: .*num_buckets is 78$",
        ),
        (
            None,
            MixedDimension(block_sizes=(400, 1_300)),
            None,
            "^movies: block_sizes add up to 1700, but there are 3706",
        ),
        (
            None,
            MixedDimension(block_dims=(64,), temperature=0.5),
            FALLING,
            "block_dims and temperature each decide",
        ),
        (
            None,
            MixedDimension(temperature=0.5, parameter_budget=9),
            FALLING,
            "temperature and parameter_budget each",
        ),
        (None, MixedDimension(temperature=0.5), None, "temperature needs the popularity"),
        (None, MixedDimension(parameter_budget=9), FALLING, "smallest legal parameter_budget is"),
    ],
)
def test_error_about_illegal_settings_states_the_side(
    users: Any, movies: Any, popularity: Any, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        _resolve(users, movies, popularity)


@pytest.mark.parametrize(
    ("users", "movies", "message"),
    [
        (QuotientRemainder(num_buckets=60, quotient_rows=60), None, "smallest legal num_buckets is 101"),
        (None, MixedDimension(block_dims=(64, 32)), "3 block_sizes but 2 block_dims"),
        (None, MixedDimension(block_dims=(65, 32, 16)), "smallest legal embedding_dim for it is 65"),
    ],
)
def test_illegal_settings_are_not_built(users: Any, movies: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build_rating_model(_resolve(users, movies), 6_040, 3_706)


@pytest.mark.parametrize(("users", "movies", "side"), [(0, 3, "users"), (3, 0, "movies")])
def test_empty_side_is_rejected(users: int, movies: int, side: str) -> None:
    with pytest.raises(SettingsError, match=f"smallest legal number of {side} is 1"):
        MEMORY_EFFICIENT.resolve(users, movies)


@pytest.mark.parametrize(("users", "movies"), [(3, 4), (4, 3)])
def test_wrong_number_of_ids_is_rejected(users: int, movies: int) -> None:
    model = build_rating_model(MEMORY_EFFICIENT, 4, 4)
    user_ids, movie_ids = (Vocabulary.from_numbers(np.arange(count), "id_") for count in (users, movies))
    with pytest.raises(SettingsError, match=r"built for 4 .*s, but there are 3"):
        model.with_ids(user_ids, movie_ids)
