"""The ranking `likely`: distilled from EASE, stored in a few bits, and served."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from typer.testing import CliRunner

from app.main import create_app
from app.settings import Settings
from tests.artefact_edits import rewrite_manifest, state_digest
from tests.builders import QUICK, TINY_BASELINE, tiny_dataset, tiny_file
from training.artefact import (
    Artefact,
    ArtefactDamaged,
    ArtefactMissing,
    RankingTable,
    is_unchanged,
    open_artefact,
)
from training.artefact.writer import publish
from training.cli.app import app
from training.errors import SettingsError
from training.publish.options import DataOptions, PublishOptions
from training.publish.workflow import add_ranking, fit_on
from training.ranking.distillation import RankingSettings, distil_ranking, settings_within
from training.ranking.evaluation import evaluate_ranking, ranking_task
from training.ranking.references import Ease, by_popularity
from training.ranking.stored import by_likely, by_rating

SETTINGS = RankingSettings(rank=6, user_bits=4, movie_bits=4)


@pytest.fixture(scope="module")
def ranking() -> RankingTable:
    return distil_ranking(tiny_dataset(), SETTINGS, 4.0)


@pytest.fixture(scope="module")
def unranked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of ratings and a store with a model of it, which has no ranking."""
    folder = tmp_path_factory.mktemp("unranked")
    data = DataOptions(path=tiny_file(folder))
    fit_on(data.dataset(data.load(), 0.0), [TINY_BASELINE], QUICK, PublishOptions(folder / "store"))
    return folder


@pytest.fixture(scope="module")
def ranked(shared_store: Path, ranking: RankingTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with `baseline`, which has a ranking, and `memory_efficient`, which has none."""
    store, folder = tmp_path_factory.mktemp("ranked"), shared_store / "baseline"
    old = open_artefact(folder)

    def save(path: Path) -> None:
        shutil.copy(folder / "model.keras", path)

    publish(store, dict(old.manifest), save, {}, ranking=ranking)
    shutil.copytree(shared_store / "memory_efficient", store / "memory_efficient")
    return store


@pytest.fixture(scope="module")
def artefact(ranked: Path) -> Artefact:
    return open_artefact(ranked / "baseline")


@pytest.fixture(scope="module")
def client(ranked: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(store=str(ranked)))) as client:
        yield client


def names(answer: dict[str, Any]) -> list[str]:
    return [item["movie_id"] for item in answer["items"]]


def test_ranking_follows_its_teacher(ranking: RankingTable) -> None:
    dataset = tiny_dataset()
    ease, movies = Ease(dataset, 4.0), dataset.movies.warm
    liked = ease.liked(np.arange(dataset.users.warm))
    some = np.flatnonzero(liked.any(axis=1))
    teacher, unrated = ease.scores(some), np.ones((some.size, movies), np.bool_)
    for place, user in enumerate(some.tolist()):
        unrated[place, dataset.train.movie_index[dataset.train.user_index == user]] = False

    def likeness(keys: list[NDArray[np.float32]]) -> float:
        rows = zip(teacher, keys, unrated, strict=True)
        return float(np.mean([np.corrcoef(wanted[kept], got[kept])[0, 1] for wanted, got, kept in rows]))

    assert likeness([ranking.keys_of_user(user, movies) for user in some.tolist()]) > 0.8
    assert likeness([ranking.keys(ranking.fold(np.flatnonzero(liked[user])), movies) for user in some]) > 0.4


def test_size_is_that_of_the_settings(ranking: RankingTable, artefact: Artefact) -> None:
    record = artefact.manifest.ranking_file
    assert record is not None and artefact.manifest.format_version == 6
    assert record.bytes == ranking.nbytes == SETTINGS.nbytes(record.users, record.movies)
    for limit in (record.bytes, record.bytes - 1, 300):
        assert settings_within(limit, record.users, record.movies).nbytes(29, 39) <= limit
    with pytest.raises(SettingsError, match="needs at least"):
        settings_within(10, record.users, record.movies)


def test_movies_without_a_vector_come_last() -> None:
    few = distil_ranking(tiny_dataset(), RankingSettings(rank=2, movies=5), 4.0)
    assert few.movie_count == 5
    order = np.argsort(-few.keys_of_user(0, 39), kind="stable")
    assert set(order[:5].tolist()) == set(range(5)) and order[5:].tolist() == list(range(5, 39))
    np.testing.assert_array_equal(few.fold(np.array([7, 38])), few.fold(np.empty(0, np.int64)))


def test_stored_ranking_is_the_fitted_one(ranking: RankingTable, artefact: Artefact) -> None:
    stored = artefact.ranking
    assert stored is not None
    for user in range(artefact.users.warm):
        np.testing.assert_array_equal(stored.keys_of_user(user, 39), ranking.keys_of_user(user, 39))
    np.testing.assert_array_equal(stored.fold(np.array([1, 4])), ranking.fold(np.array([1, 4])))


def test_new_likes_move_a_known_user_towards_them(ranking: RankingTable) -> None:
    liked = np.arange(3)
    before, after, alone = (
        ranking.vector_of_user(0, liked[:0]),
        ranking.vector_of_user(0, liked),
        ranking.fold(liked),
    )
    assert np.linalg.norm(after - alone) < np.linalg.norm(before - alone)
    share = 3 / (3 + ranking.mean_liked)
    np.testing.assert_allclose(after, (1 - share) * before + share * alone, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda record: record.update(users=record["users"] - 1), "one vector for each warm user"),
        (lambda record: record.update(movies=99), "at most one for a warm movie"),
        (lambda record: record["user_bits"].__setitem__(0, 8), "its counts come to"),
        (lambda record: record["movie_bits"].pop(), "one number more"),
        (lambda record: record["user_bits"].__setitem__(0, 9), "less than or equal to 8"),
        (lambda record: record.clear(), "Field required"),
    ],
)
def test_record_that_does_not_fit_is_refused(
    ranked: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    folder = Path(shutil.copytree(ranked / "baseline", tmp_path / "baseline"))
    rewrite_manifest(folder, lambda manifest: change(manifest["ranking_file"]))
    with pytest.raises(ArtefactDamaged, match=reason):
        open_artefact(folder)


def test_changed_or_missing_ranking_is_noticed(ranked: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ranked / "baseline", tmp_path / "baseline"))
    manifest = open_artefact(folder).manifest
    assert is_unchanged(folder, manifest)
    content = bytearray((folder / "ranking.bin").read_bytes())
    content[:2] = b"\0\x7e"  # not a number
    (folder / "ranking.bin").write_bytes(content)
    with pytest.raises(ArtefactDamaged, match="not the file that its manifest states"):
        open_artefact(folder)
    state_digest(folder, "ranking.bin", "ranking_file")
    with pytest.raises(ArtefactDamaged, match="not finite"):
        open_artefact(folder)
    (folder / "ranking.bin").unlink()
    with pytest.raises(ArtefactMissing, match=r"ranking\.bin"):
        open_artefact(folder)


def test_service_ranks_as_evaluation_does(client: TestClient, artefact: Artefact) -> None:
    dataset = tiny_dataset()
    keys = by_likely(artefact, dataset)(np.array([2]))[0]
    wanted = [dataset.movies[int(movie)] for movie in np.argsort(-keys, kind="stable")[:5]]
    request: dict[str, Any] = {"user_id": dataset.users[2], "n": 5, "rank_by": "likely"}
    posted = client.post("/recommend", json=request).json()
    assert names(posted) == wanted == names(client.get("/recommend", params=request).json())
    assert names(posted) != names(client.post("/recommend", json={**request, "rank_by": "rating"}).json())
    pair = {"user_id": request["user_id"], "movie_id": wanted[0]}
    assert posted["items"][0]["rating"] == client.post("/predict", json=pair).json()["rating"]
    left = client.post("/recommend", json={**request, "exclude": wanted[:2]}).json()
    assert names(left)[:3] == wanted[2:]


def test_new_user_is_ranked_by_liked_movies(client: TestClient, ranking: RankingTable) -> None:
    dataset = tiny_dataset()
    request = {
        "ratings": [
            {"movie_id": dataset.movies[0], "rating": 5},
            {"movie_id": dataset.movies[1], "rating": 1},
        ],
        "rank_by": "likely",
        "n": 4,
    }
    keys = ranking.keys(ranking.fold(np.array([0])), dataset.movies.warm)
    keys[:2] = -np.inf
    wanted = [dataset.movies[int(movie)] for movie in np.argsort(-keys, kind="stable")[:4]]
    answer = client.post("/predict/new-user", json=request).json()
    assert names(answer) == wanted
    rated = client.post("/predict/new-user", json={**request, "movie_ids": wanted}).json()["predictions"]
    assert [item["rating"] for item in answer["items"]] == pytest.approx(
        [one["rating"] for one in rated], abs=1e-5
    )
    known = client.post("/predict/new-user", json={**request, "user_id": dataset.users[3]}).json()
    assert len(known["items"]) == 4


def test_user_of_whom_nothing_is_known_gets_the_average_order(
    client: TestClient, ranking: RankingTable
) -> None:
    dataset = tiny_dataset()
    keys = ranking.keys(ranking.fold(np.empty(0, np.int64)), dataset.movies.warm)
    wanted = [dataset.movies[int(movie)] for movie in np.argsort(-keys, kind="stable")[:4]]
    request = {"ratings": [], "rank_by": "likely", "n": 4}
    assert names(client.post("/predict/new-user", json=request).json()) == wanted


def test_model_without_a_ranking_refuses_likely(client: TestClient) -> None:
    for path, body in (
        ("/recommend", {"user_id": 1}),
        ("/predict/new-user", {"ratings": [{"movie_id": 1, "rating": 4}]}),
    ):
        answer = client.post(path, json={**body, "model": "memory_efficient", "rank_by": "likely"})
        assert answer.status_code == 422 and "has no ranking" in answer.json()["detail"]


def test_models_state_the_bytes_of_the_ranking(client: TestClient, ranking: RankingTable) -> None:
    memory = {model["name"]: model["memory"] for model in client.get("/models").json()["models"]}
    assert memory["baseline"]["ranking_bytes"] == ranking.nbytes
    assert memory["memory_efficient"]["ranking_bytes"] == 0


def test_models_state_which_movies_come_first(client: TestClient, artefact: Artefact) -> None:
    stated = client.get("/models/memory_efficient").json()["ranking"]
    assert list(stated["orders"]) == ["rating", "popularity"] and stated["top"] == 10
    assert artefact.manifest.ranking is not None
    assert client.get("/models/baseline").json()["ranking"] == artefact.manifest.ranking.model_dump()


def test_stored_ranking_is_measured(artefact: Artefact) -> None:
    dataset = tiny_dataset()
    task = ranking_task(dataset)
    assert 0 < evaluate_ranking(by_likely(artefact, dataset), task).ndcg <= 1


def test_fit_stores_a_ranking_within_the_given_bytes(tmp_path: Path) -> None:
    options = PublishOptions(tmp_path / "store", ranking_bytes=500)
    (artefact,) = fit_on(tiny_dataset(), [TINY_BASELINE], QUICK, options)
    assert artefact.ranking is not None
    assert 400 < artefact.ranking.nbytes <= 500
    # The manifest has the figures of the stored model, as `evaluate --ranking` measures them.
    dataset, measured = tiny_dataset(), artefact.manifest.ranking
    task = ranking_task(dataset)
    assert measured is not None and measured.users == task.users.size
    assert list(measured.orders) == ["rating", "likely", "popularity"]
    for order, scores in (
        ("rating", by_rating(artefact, dataset)),
        ("likely", by_likely(artefact, dataset)),
        ("popularity", by_popularity(dataset)),
    ):
        found = evaluate_ranking(scores, task)
        assert measured.orders[order].ndcg == pytest.approx(found.ndcg, abs=1e-5)  # type: ignore[index]
        assert measured.orders[order].shown == found.shown  # type: ignore[index]


def test_ranking_is_added_to_stored_models_without_changing_their_ratings(tmp_path: Path) -> None:
    data = DataOptions(path=tiny_file(tmp_path))
    dataset = data.dataset(data.load(), 0.2)
    # Rows that were held out change the popularity, and so the indices of the model.
    store = tmp_path / "store"
    (before,) = fit_on(dataset, [TINY_BASELINE], QUICK, PublishOptions(store, ratings=False))
    assert list(before.users) != list(data.dataset(data.load(), 0.0).users)
    assert before.manifest.ranking is not None and before.ranking is None
    (manifest,) = add_ranking([store / "baseline"], data, 500)
    after = open_artefact(store / "baseline")
    assert after.manifest == manifest and after.ranking is not None and manifest.ranking is not None
    assert (store / "baseline" / "ranking.bin").stat().st_size <= 500
    changed = {name for name, value in dict(manifest).items() if value != dict(before.manifest)[name]}
    assert changed == {"ranking", "ranking_file"}
    whole = data.dataset(data.load(), 0.0)
    found = evaluate_ranking(by_likely(after, whole), ranking_task(whole))
    assert manifest.ranking.orders["likely"].ndcg == pytest.approx(found.ndcg, abs=1e-5)
    # Without a size, the stored ranking is kept and measured again.
    assert add_ranking([store / "baseline"], data) == [manifest]


def test_ranking_of_other_ratings_is_refused(unranked: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text((unranked / "tiny.csv").read_text() + "31,40,1\n")
    with pytest.raises(SettingsError, match="baseline was trained on other ratings"):
        add_ranking([unranked / "store" / "baseline"], DataOptions(path=other), 500)


def test_command_adds_a_ranking(unranked: Path, tmp_path: Path) -> None:
    model = shutil.copytree(unranked / "store" / "baseline", tmp_path / "store" / "baseline")
    arguments = ["rank", str(model), "--data", str(unranked / "tiny.csv")]
    result = CliRunner().invoke(app, [*arguments, "--ranking-bytes", "500"])
    assert result.exit_code == 0, result.output
    for text in ("rating (baseline)", "likely (baseline)", "popularity", "a ranking of 4"):
        assert text in result.output
