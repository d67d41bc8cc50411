"""Rounds of the solver: stopping, resuming, any runner, and the recovery of known factors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.builders import tiny_dataset
from tests.training.distillation.base.test_threads import on_one_core
from training.artefact.rating_scale import RatingScale
from training.data.dataset import Examples
from training.data.shards.shards import Shards, Side
from training.distillation.base.settings import VariationalSettings
from training.factors.solver import VariationalFactors, fit_variational_factors

SETTINGS = VariationalSettings(rank=3, rounds=5)


def known_factors(seed: int = 0, users: int = 300, movies: int = 120, rank: int = 2) -> tuple[Shards, float]:
    """Return ratings with known factors and noise, and the error that the true means have on validation."""
    random = np.random.default_rng(seed)
    own, other = (random.standard_normal((ids, rank)) for ids in (users, movies))
    match = 0.6 * own @ other.T + 0.4 * random.standard_normal((users, 1)) + 0.5
    mean = 5 / (1 + np.exp(-match))
    stars = (mean + 0.5 * random.standard_normal(mean.shape)).astype(np.float32)
    part = random.random(mean.shape)
    user, movie = np.nonzero(part < 0.35)
    rows = np.nonzero((part >= 0.35) & (part < 0.45))

    def side(index: Any, others: Any, ids: int) -> Side:
        order = np.lexsort((others, index))
        starts = np.searchsorted(index[order], np.arange(ids + 1))
        return Side(starts, others[order].astype(np.int32), stars[user, movie][order])

    validation = Examples(rows[0].astype(np.int32), rows[1].astype(np.int32), stars[rows])
    shards = Shards(
        users=side(user, movie, users),
        movies=side(movie, user, movies),
        validation=validation,
        test=validation,
        scale=RatingScale(0.0, 5.0, None),
        mean=float(stars[user, movie].mean()),
    )
    return shards, float(np.mean((stars[rows] - mean[rows]) ** 2))


class OneByOne:
    """Runs the blocks in this thread, the last one first."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def run(self, function: Callable[[Any, Any], Any], blocks: Sequence[Any], shared: Any) -> Iterator[Any]:
        self.seen.update(map(id, blocks))
        return iter([function(block, shared) for block in reversed(blocks)][::-1])


def same(one: VariationalFactors, other: VariationalFactors) -> bool:
    return all(np.array_equal(value, getattr(other, name)) for name, value in vars(one).items())


def test_known_factors_are_found_to_within_their_noise() -> None:
    shards, least = known_factors()
    found = fit_variational_factors(shards, VariationalSettings(rank=4))
    mean_alone = float(np.var(shards.validation.ratings))
    assert min(found.history) < least + 0.15 * (mean_alone - least)
    assert len(found.history) - found.best_round in (0, 3)


def test_rounds_end_when_the_validation_error_no_longer_falls() -> None:
    shards, _ = known_factors()
    found = fit_variational_factors(shards, VariationalSettings(rank=4, patience=1, least_gain=0.02))
    assert len(found.history) == found.best_round + 1 < 60


def test_without_validation_rows_all_rounds_are_run() -> None:
    shards = Shards.of(tiny_dataset())
    assert not len(shards.validation)
    found = fit_variational_factors(shards, SETTINGS)
    assert (len(found.history), found.best_round) == (5, 5)


@pytest.mark.skipif(not hasattr(__import__("os"), "sched_setaffinity"), reason="needs Linux")
def test_any_number_of_cores_and_any_runner_give_the_same_bits() -> None:
    shards, _ = known_factors()
    found = fit_variational_factors(shards, SETTINGS)
    runner = OneByOne()
    assert same(found, fit_variational_factors(shards, SETTINGS, runner=runner))
    # Two sides and the validation rows: a runner that places its blocks once has few of them to place.
    assert len(runner.seen) <= 2 * 32 + 1
    with on_one_core():
        assert same(found, fit_variational_factors(shards, SETTINGS))


def test_an_interrupted_fit_resumes_after_its_last_round(tmp_path: Path) -> None:
    shards, _ = known_factors()
    whole = fit_variational_factors(shards, SETTINGS)
    rounds: list[int] = []

    def interrupt(done: int, _: int, error: float | None) -> None:
        assert error is not None
        rounds.append(done)
        if done == 2:
            raise KeyboardInterrupt

    file = tmp_path / "round.npz"
    with pytest.raises(KeyboardInterrupt):
        fit_variational_factors(shards, SETTINGS, checkpoint=file, on_round=interrupt)
    resumed = fit_variational_factors(shards, SETTINGS, checkpoint=file, on_round=interrupt)
    assert rounds == [1, 2, 3, 4, 5]
    assert same(whole, resumed)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("other", ["seed", "settings", "ratings", "damaged"])
def test_a_checkpoint_of_something_else_is_not_used(other: str, tmp_path: Path) -> None:
    file = tmp_path / "round.npz"
    shards, _ = known_factors()
    if other == "damaged":
        file.write_bytes(b"PK")
    else:
        fit_variational_factors(
            known_factors(seed=1)[0] if other == "ratings" else shards,
            SETTINGS.model_copy(update={"first_spread": 0.2}) if other == "settings" else SETTINGS,
            seed=1 if other == "seed" else 0,
            checkpoint=file,
        )
    found = fit_variational_factors(shards, SETTINGS, checkpoint=file)
    assert same(found, fit_variational_factors(shards, SETTINGS))


def test_a_bias_is_the_mean_match_of_its_side() -> None:
    shards, _ = known_factors()
    found = fit_variational_factors(shards, SETTINGS)
    for side, table in ((shards.users, found.users), (shards.movies, found.movies)):
        assert side.counts @ table / len(shards) == pytest.approx(np.zeros(4), abs=1e-5)
