"""The protocol of rankings: which users count, what is left out, and the measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

from app.scoring.loading import load_registry
from app.settings import Settings
from tests.builders import COLD_MOVIE, COLD_USER, tiny_dataset, tiny_file
from tests.conftest import REPOSITORY
from training.artefact import open_artefact
from training.cli.app import app
from training.data.dataset import Dataset
from training.errors import SettingsError
from training.publish.options import DataOptions
from training.publish.workflow import rank_stored
from training.ranking.evaluation import RankingTask, Scores, evaluate_ranking, ranking_task
from training.ranking.references import by_ease, by_popularity

# User 4 likes the movies 1 and 2 and has rated movie 0; user 7 likes movie 3. Movie 4 is the least popular.
TASK = RankingTask(
    users=np.array([4, 7]),
    relevant=np.array([[4, 1], [4, 2], [7, 3]]),
    rated=np.array([[4, 0]]),
    popularity=np.array([50, 40, 30, 20, 10]),
    top=2,
    threshold=4.0,
)


def keys(*rows: list[float]) -> Scores:
    """Return scores that are the same rows for any users, in the order of `TASK`."""
    table = np.array(rows, np.float32)
    return lambda users: table[np.searchsorted(TASK.users, users)]


def test_measures_are_those_worked_out_by_hand() -> None:
    # User 4 is shown 4 and 1: a hit in the second place, of two possible ones. User 7 is shown 3 and 0.
    found = evaluate_ranking(keys([9, 2, 1, 0, 3], [2, 1, 0, 3, 0]), TASK)
    second, best = 1 / np.log2(3), 1 + 1 / np.log2(3)
    assert found.ndcg == pytest.approx((second / best + 1) / 2, abs=1e-6)
    assert found.recall == pytest.approx((1 / 2 + 1) / 2)
    assert found.shown == 4
    assert found.popularity == pytest.approx((10 + 40 + 20 + 50) / 4)
    spread = abs(1 - second / best) / 2
    assert found.ndcg_margin == pytest.approx(1.96 * spread / np.sqrt(2), abs=1e-6)


def test_rated_movies_are_never_shown_and_equal_keys_are_ordered_by_popularity() -> None:
    # User 4 is shown 1 and 2, and user 7 the movies 0 and 1, which are no hits.
    found = evaluate_ranking(keys([1, 0, 0, 0, 0], [0, 0, 0, 0, 0]), TASK)
    assert found.ndcg == pytest.approx(0.5) and found.recall == pytest.approx(0.5)
    assert found.shown == 3


@given(st.permutations(range(5)), st.integers(-3, 3))
def test_only_the_order_of_the_keys_matters(order: list[int], shift: int) -> None:
    once = evaluate_ranking(keys([float(key) for key in order], [float(key) for key in order]), TASK)
    other = [float(np.exp(key) + shift) for key in order]
    assert evaluate_ranking(keys(other, other), TASK) == once
    assert 0 <= once.ndcg <= 1 and 0 <= once.recall <= 1


def test_task_counts_users_with_a_relevant_test_row() -> None:
    dataset = tiny_dataset()
    task = ranking_task(dataset, top=3)
    kept = (dataset.test.ratings >= 4) & (dataset.test.movie_index < dataset.movies.warm)
    assert set(task.users) == set(dataset.test.user_index[kept])
    assert len(task.relevant) == int(kept.sum())
    rated = np.isin(dataset.train.user_index, task.users)
    pairs = np.column_stack([dataset.train.user_index, dataset.train.movie_index])[rated]
    assert {tuple(pair) for pair in task.rated.tolist()} == {tuple(pair) for pair in pairs.tolist()}
    assert task.threshold == 4.0
    with pytest.raises(SettingsError, match=r"no test row has a rating of at least 5\.5"):
        ranking_task(dataset, threshold=5.5)


def liked(dataset: Dataset, threshold: float) -> NDArray[np.float64]:
    """Return the users x movies matrix of the training ratings of at least `threshold`."""
    train, matrix = dataset.train, np.zeros((len(dataset.users), dataset.movies.warm))
    kept = train.ratings >= threshold
    matrix[train.user_index[kept], train.movie_index[kept]] = 1
    return matrix


def test_ease_is_the_ridge_regression_of_each_movie_on_the_others() -> None:
    dataset = tiny_dataset()
    matrix, penalty = liked(dataset, 4.0), 3.0
    scores = by_ease(dataset, 4.0, penalty)(np.arange(len(dataset.users)))
    for movie in (0, 5, dataset.movies.warm - 1):
        others = np.delete(matrix, movie, axis=1)
        system = others.T @ others + penalty * np.eye(others.shape[1])
        expected = others @ np.linalg.solve(system, others.T @ matrix[:, movie])
        np.testing.assert_allclose(scores[:, movie], expected, atol=1e-5)


def test_ranking_by_popularity_is_the_order_of_the_indices() -> None:
    dataset = tiny_dataset()
    assert np.all(np.diff(by_popularity(dataset)(np.array([3]))[0]) <= 0)


def test_stored_model_is_ranked_by_the_ratings_that_the_service_predicts(
    shared_store: Path, tmp_path: Path
) -> None:
    data = DataOptions(tiny_file(tmp_path))
    task, found = rank_stored(open_artefact(shared_store / "baseline"), data, top=5, threshold=1.0)
    assert list(found) == ["rating (baseline)", "popularity", "EASE", "random"]
    scorer = load_registry(Settings(store=shared_store)).get("baseline").scorer
    dataset = data.dataset(data.load(), 0.0)
    users, movies = list(dataset.users), list(dataset.movies)[: dataset.movies.warm]

    def ratings(wanted: NDArray[np.int64]) -> NDArray[np.float32]:
        rows = [scorer.score([users[user]] * len(movies), movies).ratings for user in wanted]
        keys = np.array(rows, np.float32)
        keys[:, movies.index(COLD_MOVIE)] = -1
        return keys

    assert COLD_USER in {users[user] for user in task.users}
    assert evaluate_ranking(ratings, task) == found["rating (baseline)"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ranking", "--all-rows"], "--all-rows does not apply to --ranking"),
        (["--top", "5"], "apply to --ranking only"),
        (["--relevant", "3"], "apply to --ranking only"),
        (["--ranking", "--relevant", "5.5"], "no test row has a rating of at least 5.5"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: list[str], message: str, tmp_path: Path) -> None:
    model = str(REPOSITORY / "models_store" / "tiny")
    refused = CliRunner().invoke(app, ["evaluate", model, "--data", str(tiny_file(tmp_path)), *options])
    with pytest.raises(SettingsError, match=message):
        raise refused.exception or AssertionError(refused.output)


def test_command_prints_every_ranking(shared_store: Path, tmp_path: Path) -> None:
    model = str(shared_store / "memory_efficient")
    command = ["evaluate", model, "--data", str(tiny_file(tmp_path)), "--ranking", "--top", "3"]
    printed = CliRunner().invoke(app, command, catch_exceptions=False).stdout
    for expected in ("nDCG@3", "rating (memory_efficient)", "popularity", "EASE", "random", "at least 4;"):
        assert expected in printed
