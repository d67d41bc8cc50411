"""The step of a block: against the formulas written out, and laws that hold for any ratings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.artefact.rating_scale import RatingScale
from training.data.dataset import Examples
from training.data.shards.shards import Side
from training.factors.blocks import Block, OtherSide, Solved, Tables, error, first_moments, score, solve

STARS = RatingScale(0.0, 5.0, 0.5)


def a_side(user: NDArray[np.int64], movie: NDArray[np.int64], stars: NDArray[np.float32], ids: int) -> Side:
    order = np.lexsort((movie, user))
    starts = np.searchsorted(user[order], np.arange(ids + 1))
    return Side(starts, movie[order].astype(np.int32), stars[order])


def other_side(users: int, movies: int, rank: int, seed: int) -> OtherSide:
    random = np.random.default_rng(seed)
    means = random.standard_normal((movies, rank + 1)).astype(np.float32)
    return OtherSide(
        own=(0.3 * random.standard_normal((users, rank + 1))).astype(np.float32),
        own_trust=random.uniform(0.5, 2, users).astype(np.float32),
        means=means,
        moments=first_moments(means),
        trust=random.uniform(0.5, 2, movies).astype(np.float32),
        prior_mean=random.standard_normal(rank + 1),
        prior_precision=np.diag(random.uniform(1, 3, rank + 1)),
        centre=0.4,
        scale=STARS,
    )


def whole(side: Side) -> Block:
    return Block(0, side.ids, side)


def test_one_rating_of_a_bias_gives_the_written_out_posterior() -> None:
    """One user, one movie whose factor is 0: only the user's bias learns from the rating.

    At a match of 0 the prediction is 2.5 and the slope 5/4. A rating of 3.5 has the target 1 / 1.25 = 0.8 and
    the weight 1.25^2 = 1.5625. With a prior precision of 1, the bias gets the precision 2.5625 and the mean
    1.5625 * 0.8 / 2.5625 = 0.487805. Its expected squared residual is 1.5625 * ((0.8 - 0.487805)^2 +
    1 / 2.5625) = 0.762046.
    """
    certain = np.zeros((1, 2), np.float32)
    other = OtherSide(
        own=certain,
        own_trust=np.ones(1, np.float32),
        means=certain,
        moments=first_moments(certain),
        trust=np.ones(1, np.float32),
        prior_mean=np.zeros(2),
        prior_precision=np.eye(2),
        centre=0.0,
        scale=STARS,
    )
    side = Side(np.array([0, 1]), np.array([0], np.int32), np.array([3.5], np.float32))
    found = solve(whole(side), other)
    assert found.means[0] == pytest.approx([0, 0.487805], abs=1e-6)
    assert found.residuals[0] == pytest.approx(0.762046, abs=1e-6)
    # E[v v'] of v = (factor, 1, bias): variance 1 and mean 0 of the factor, as in the prior.
    second = 0.487805**2 + 1 / 2.5625
    assert found.moments[0] == pytest.approx([1, 0, 1, 0, 0.487805, second], abs=1e-6)


def test_steps_of_the_scale_count_as_their_ratings() -> None:
    side = Side(np.array([0, 2]), np.array([0, 1], np.int32), np.array([3.5, 1.0], np.float32))
    steps = Side(side.starts, side.others, np.array([7, 2], np.uint8))
    other = other_side(1, 2, 3, seed=1)
    assert np.array_equal(solve(whole(side), other).means, solve(whole(steps), other).means)


def test_a_row_without_ratings_keeps_the_prior() -> None:
    side = Side(np.array([0, 0]), np.empty(0, np.int32), np.empty(0, np.float32))
    other = other_side(1, 2, 2, seed=2)
    found = solve(whole(side), other)
    assert found.means[0] == pytest.approx(other.prior_mean, abs=1e-6)
    assert found.residuals[0] == 0


def test_certain_moments_and_their_posterior_solve_weighted_least_squares() -> None:
    other = other_side(2, 5, 3, seed=3)
    stars = np.array([4, 2, 5, 1, 3], np.float32)
    side = a_side(np.array([0, 0, 0, 1, 1]), np.array([0, 1, 4, 2, 3]), stars, 2)
    found = solve(whole(side), other)
    movies, user = [0, 1, 4], other.own[0].astype(np.float64)
    regressors = np.c_[other.means[movies, :-1], np.ones(3)].astype(np.float64)
    match = regressors @ user + other.means[movies, -1]
    share = 1 / (1 + np.exp(-(match + other.centre)))
    slope = 5 * share * (1 - share)
    target = match + (stars[:3] - 5 * share) / slope - other.means[movies, -1]
    weight = other.trust[movies] * slope**2 * other.own_trust[0]
    precision = other.prior_precision + regressors.T @ (weight[:, None] * regressors)
    towards = other.prior_precision @ other.prior_mean + regressors.T @ (weight * target)
    assert found.means[0] == pytest.approx(np.linalg.solve(precision, towards), abs=1e-5)


@st.composite
def ratings(draw: st.DrawFn) -> tuple[Side, OtherSide]:
    users, movies = draw(st.integers(1, 9)), draw(st.integers(1, 7))
    seed = draw(st.integers(0, 2**16))
    random = np.random.default_rng(seed)
    user, movie = np.nonzero(random.random((users, movies)) < draw(st.sampled_from([0.1, 0.5, 1.0])))
    stars = (random.integers(1, 11, user.size) / 2).astype(np.float32)
    return a_side(user, movie, stars, users), other_side(users, movies, draw(st.integers(1, 4)), seed)


@settings(max_examples=40, deadline=None)
@given(ratings(), st.data())
def test_any_division_into_blocks_gives_the_same_bits(
    drawn: tuple[Side, OtherSide], data: st.DataObject
) -> None:
    side, other = drawn
    cut = data.draw(st.integers(0, side.ids))
    parts = [
        solve(Block(first, last, side.block(first, last)), other)
        for first, last in ((0, cut), (cut, side.ids))
        if first < last
    ]
    alone = solve(whole(side), other)
    for name in vars(alone):
        assert np.array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(alone, name))


@settings(max_examples=40, deadline=None)
@given(ratings(), st.randoms(use_true_random=False))
def test_rows_in_another_order_give_the_same_rows(drawn: tuple[Side, OtherSide], random: object) -> None:
    side, other = drawn
    order = list(range(side.ids))
    random.shuffle(order)  # type: ignore[attr-defined]
    parts = [side.block(row, row + 1) for row in order]
    permuted = Side(
        np.cumsum([0, *(len(part) for part in parts)]),
        np.concatenate([part.others for part in parts]),
        np.concatenate([part.stars for part in parts]),
    )
    moved = OtherSide(**{**vars(other), "own": other.own[order], "own_trust": other.own_trust[order]})
    alone, again = solve(whole(side), other), solve(whole(permuted), moved)
    for name in vars(Solved(**vars(alone))):
        assert np.array_equal(getattr(alone, name)[order], getattr(again, name))


def test_score_and_error_are_in_stars() -> None:
    tables = Tables(np.zeros((1, 3), np.float32), np.array([[1, 1, 0.5]], np.float32), -0.5, STARS)
    pair = Examples(np.zeros(1, np.int32), np.zeros(1, np.int32), np.array([4.0], np.float32))
    assert score(pair, tables).tolist() == [2.5]
    assert error(pair, tables) == 2.25
