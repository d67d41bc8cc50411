from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import tiny_dataset
from training.distillation.base.observed import Observed
from training.distillation.base.settings import StudentSettings
from training.distillation.base.tiles import make_tiles
from training.distillation.student.factors import Factors, in_principal_axes, start_from_logits
from training.distillation.student.least_squares import Target, float_step, normal_equations, objective
from training.distillation.student.packing import popularity_blocks
from training.distillation.student.propensity import pair_weights
from training.distillation.student.student import Student, fit_student
from training.distillation.teacher.teacher import TeacherPredictions
from training.errors import SettingsError

OBSERVED = Observed.of(tiny_dataset())
USERS, MOVIES = OBSERVED.users, OBSERVED.movies
TILES = make_tiles(OBSERVED, 7, seed=0)
[ALL] = make_tiles(OBSERVED, USERS, seed=0)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> TeacherPredictions:
    """Predicts 5 * sigmoid of logits of rank 2."""
    random = np.random.default_rng(5)
    logits = random.standard_normal((USERS, 2)) @ random.standard_normal((2, MOVIES)) * 0.5 + 0.7
    path: Path = tmp_path_factory.mktemp("teacher") / "predictions"
    path.write_bytes((5 / (1 + np.exp(-logits))).astype(np.float16).tobytes())
    return TeacherPredictions(path)


@pytest.fixture(scope="module")
def target(teacher: TeacherPredictions) -> Target:
    return Target(teacher, pair_weights(OBSERVED, settings(), seed=0), TILES)


def settings(**changes: Any) -> StudentSettings:
    return StudentSettings(**{"rank": 3, "blocks": 2, "propensity_rank": 3, "packed_rounds": 3, **changes})


def fitted(teacher: TeacherPredictions, **changes: Any) -> Student:
    return fit_student(OBSERVED, teacher, settings(**changes), TILES, seed=0)


def test_pair_weights_are_positive_and_larger_for_rated_pairs(target: Target) -> None:
    weights = np.concatenate([target.weights.tile(tile) for tile in TILES])
    assert weights.shape == (USERS, MOVIES)
    assert weights.min() > 0
    rated = np.zeros((USERS, MOVIES), dtype=bool)
    rated[OBSERVED.user_index, OBSERVED.movie_index] = True
    assert weights[rated].mean() > 1.2 * weights[~rated].mean()


def test_gradient_matches_finite_differences_of_the_objective(target: Target) -> None:
    random = np.random.default_rng(1)
    factors = Factors(
        random.standard_normal((USERS, 3)).astype(np.float32),
        random.standard_normal((MOVIES, 3)).astype(np.float32),
        0.2,
    )
    total = float(target.weights.tile(ALL).sum())
    for side in ("users", "movies"):
        equations = normal_equations(factors, target, side)
        for column in (0, 2):
            values = factors.side(side).copy()
            values[4, column] += 0.01
            up = objective(factors.with_side(side, values), target)
            values[4, column] -= 0.02
            down = objective(factors.with_side(side, values), target)
            # The objective is a mean of squares; the equations omit the factor 2.
            slope = (up - down) / 0.02 * total / 2
            assert equations.gradient[4, column] == pytest.approx(slope, rel=0.02, abs=0.02)


def test_least_squares_recovers_a_low_rank_teacher(teacher: TeacherPredictions, target: Target) -> None:
    factors = start_from_logits(teacher, OBSERVED, TILES, rank=2, seed=0)
    first = objective(factors, target)
    for _ in range(4):
        for side in ("movies", "users"):
            factors = float_step(factors, target, side, 1e-4)
    assert objective(factors, target) < min(first, 1e-3)


def test_student_recovers_a_low_rank_teacher_from_a_sample_of_the_pairs() -> None:
    random = np.random.default_rng(4)
    sides = (np.concatenate([random.standard_normal((size, 2)) * 0.5, np.zeros((size, 1))], axis=1)
             for size in (USERS, MOVIES))  # fmt: skip
    users, movies = (side.astype(np.float32) for side in sides)
    teacher = Factors(users, movies, 0.7)
    sample = make_tiles(OBSERVED, 3, seed=0, most_pairs=USERS * MOVIES // 2, least_movies=1)
    assert sum(tile.shape[1] for tile in sample) < 0.6 * len(sample) * MOVIES
    student = fit_student(OBSERVED, teacher, settings(rank=2, propensity_rank=2), sample, seed=0)
    predicted = Factors(student.users.values(), student.movies.values(), float(student.global_bias)).tile(ALL)
    assert np.mean((predicted - teacher.tile(ALL)) ** 2) < 0.01 * teacher.tile(ALL).var()


def test_principal_axes_keep_the_predictions_and_diagonalise_the_moments() -> None:
    random = np.random.default_rng(2)
    factors = Factors(
        random.standard_normal((USERS, 4)).astype(np.float32),
        random.standard_normal((MOVIES, 4)).astype(np.float32),
        -0.3,
    )
    transformed = in_principal_axes(factors, OBSERVED)
    np.testing.assert_allclose(transformed.logits(ALL), factors.logits(ALL), atol=1e-4)
    share = OBSERVED.user_counts / OBSERVED.user_counts.sum()
    moments = (transformed.users[:, :-1] * share[:, None]).T @ transformed.users[:, :-1]
    np.testing.assert_allclose(moments, np.diag(np.diag(moments)), atol=1e-5)
    assert (np.diff(np.diag(moments)) < 0).all()
    np.testing.assert_allclose(share @ transformed.users, 0, atol=1e-5)


def test_popularity_blocks_match_hand_computed_sizes() -> None:
    # 6,040 * (j / 5) ** 1.7, to the nearest 8.
    assert popularity_blocks(6_040, 5, 1.7) == (392, 880, 1_264, 1_600, 1_904)
    assert popularity_blocks(5, 4, 1.7) == (5,)
    assert popularity_blocks(20, 2, 1.0) == (8, 12)


@given(st.integers(1, 5_000), st.integers(1, 12), st.floats(1, 4))
def test_popularity_blocks_cover_all_ids(count: int, blocks: int, power: float) -> None:
    sizes = popularity_blocks(count, blocks, power)
    assert sum(sizes) == count
    assert len(sizes) <= blocks
    assert all(size > 0 and size % 8 == 0 for size in sizes[:-1])


def test_objective_grows_as_the_byte_limit_shrinks(teacher: TeacherPredictions) -> None:
    students = [fitted(teacher, max_bytes=limit) for limit in (100, 150, 300)]
    assert [student.nbytes <= limit for student, limit in zip(students, (100, 150, 300), strict=True)]
    reached = [student.objective[-1] for student in students]
    assert reached[0] > reached[1] > reached[2]


def test_student_keeps_its_parameter_limit(teacher: TeacherPredictions) -> None:
    assert fitted(teacher, max_parameters=200).parameter_count <= 200


def test_packed_rounds_improve_the_objective(teacher: TeacherPredictions) -> None:
    student = fitted(teacher, max_bytes=120, packed_rounds=5)
    assert student.objective[-1] < student.objective[-5]


def test_student_is_reproducible_and_round_trips_through_arrays(teacher: TeacherPredictions) -> None:
    student = fitted(teacher, max_bytes=150)
    for other in (fitted(teacher, max_bytes=150), Student.from_arrays(student.to_arrays())):
        assert np.array_equal(student.users.codes, other.users.codes)
        assert np.array_equal(student.movies.values(), other.movies.values())
        assert (student.global_bias, student.objective) == (other.global_bias, other.objective)


@pytest.mark.parametrize(("name", "least"), [("max_bytes", 46), ("max_parameters", 149)])
def test_limits_below_the_smallest_student_are_rejected(
    teacher: TeacherPredictions, name: str, least: int
) -> None:

    # 30 users in blocks of 8 and 22, 40 movies in blocks of 16 and 24: one bit per value, steps, widths and
    # the global bias.
    with pytest.raises(SettingsError, match=rf"the smallest legal {name} for 30 users .* is (\d+)") as error:
        fitted(teacher, **{name: 1})
    smallest = int(str(error.value).rsplit(" ", 1)[1])
    assert smallest == least
    student = fitted(teacher, **{name: smallest})
    assert (student.nbytes if name == "max_bytes" else student.parameter_count) <= smallest
    with pytest.raises(SettingsError):
        fitted(teacher, **{name: smallest - 1})
