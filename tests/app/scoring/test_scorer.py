"""Scorers, engines and the registry on a real, small store."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app.contract.errors import BadSetting, StartError
from app.main import create_app
from app.scoring.keras_engine import BLOCK
from app.scoring.loading import check_store, load_registry
from app.scoring.probe import probe
from app.scoring.registry import Registry
from app.scoring.scorer import RatingScorer
from app.settings import Settings
from tests.app.fakes import FakeEngine, fake_registry, fake_scorer
from tests.builders import COLD_MOVIE, COLD_USER
from training.artefact import ArtefactDamaged, ArtefactMissing, RawId, Vocabulary, open_artefact
from training.artefact.engine import highest
from training.models.loading import load_keras_model

MODELS = ["baseline", "memory_efficient"]


ENGINES: list[Literal["table", "keras"]] = ["table", "keras"]


@pytest.fixture(scope="module", params=ENGINES)
def settings(request: pytest.FixtureRequest, shared_store: Path) -> Settings:
    return Settings(store=shared_store, engine=request.param)


@pytest.fixture(scope="module")
def registry(settings: Settings) -> Registry:
    return load_registry(settings)


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    # Without a registry, the application loads one in its lifespan.
    with TestClient(create_app(settings)) as client:
        yield client


def _all_pairs(scorer: RatingScorer) -> tuple[list[RawId], list[RawId]]:
    warm_users: list[RawId] = [scorer.users[index] for index in range(scorer.users.warm)]
    warm_movies: list[RawId] = [scorer.movies[index] for index in range(scorer.movies.warm)]
    return [user for user in warm_users for _ in warm_movies], warm_movies * len(warm_users)


@pytest.mark.parametrize("name", MODELS)
def test_ratings_over_http_are_those_of_the_saved_file(
    client: TestClient, registry: Registry, shared_store: Path, name: str
) -> None:
    import tensorflow as tf

    users, movies = _all_pairs(registry.get(name).scorer)
    saved = load_keras_model(open_artefact(shared_store / name))
    expected = np.asarray(saved({"user_id": tf.constant(users), "movie_id": tf.constant(movies)}))
    answer = client.post(
        "/predict/batch", json={"user_ids": users, "movie_ids": movies, "model": name}
    ).json()
    assert answer["cold"] == []
    assert len(users) > 1000
    np.testing.assert_allclose(answer["ratings"], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_batch_equals_singles(registry: Registry, name: str) -> None:
    scorer = registry.get(name).scorer
    users, movies = _all_pairs(scorer)
    users, movies = [*users[:300], COLD_USER, "nobody"], [*movies[:300], "movie_1", COLD_MOVIE]
    singles = [scorer.score([user], [movie]).rounded()[0] for user, movie in zip(users, movies, strict=True)]
    assert scorer.score(users, movies).rounded() == singles


@pytest.mark.parametrize("name", MODELS)
def test_cold_ids_of_a_real_store_are_flagged(client: TestClient, name: str) -> None:
    for user, movie, known in [(COLD_USER, "movie_1", (False, True)), ("user_1", COLD_MOVIE, (True, False))]:
        pair = {"user_id": user, "movie_id": movie, "model": name}
        assert client.post("/predict", json=pair).status_code == 404
        answer = client.post("/predict", json={**pair, "on_unknown": "fallback"}).json()
        assert (answer["known_user"], answer["known_movie"]) == known
        assert 0 <= answer["rating"] <= 5


def test_block_size_does_not_change_ratings(registry: Registry) -> None:
    scorer = registry.get("memory_efficient").scorer
    users, movies = _all_pairs(scorer)
    once, times = scorer.score(users, movies).rounded(), 20
    assert len(users) * times > BLOCK
    assert scorer.score(users * times, movies * times).rounded() == once * times


def test_registry_holds_the_store(registry: Registry) -> None:
    assert list(registry.models) == MODELS
    assert registry.default == "baseline"
    registry.check_ready()
    for model in registry.models.values():
        assert 0 < model.time.per_pair < model.time.single
        assert model.scorer.resident_bytes >= model.scorer.manifest.weights_bytes


@pytest.mark.parametrize(
    ("changes", "default"),
    [
        ({"default_model": "memory_efficient"}, "memory_efficient"),
        ({"models": ("memory_efficient",)}, "memory_efficient"),
        ({"models": ("memory_efficient", "baseline")}, "baseline"),
    ],
)
def test_default_model_follows_the_settings(
    settings: Settings, changes: dict[str, object], default: str
) -> None:
    assert load_registry(settings.model_copy(update=changes)).default == default


@pytest.mark.parametrize(
    "changes",
    [{"models": ("nope",)}, {"default_model": "nope"}, {"models": ("baseline",), "default_model": MODELS[1]}],
)
def test_setting_that_names_no_model_is_refused(settings: Settings, changes: dict[str, object]) -> None:
    with pytest.raises(BadSetting):
        check_store(settings.model_copy(update=changes))


def test_damaged_model_is_refused_even_if_another_is_valid(store: Path) -> None:
    path = store / "memory_efficient" / "model.keras"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtefactDamaged):
        load_registry(Settings(store=store))
    path.unlink()
    with pytest.raises(ArtefactMissing):
        check_store(Settings(store=store))


def test_engine_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, shared_store: Path) -> None:
    # As if Keras is not installed.
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(StartError, match=r"baseline.*'keras'.*ModuleNotFoundError"):
        load_registry(Settings(store=shared_store, engine="keras"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.01, 5.01])
def test_probe_refuses_invalid_ratings(value: float) -> None:
    class Ill(FakeEngine):
        def rate(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
            rated = super().rate(user_index, movie_index)
            # Only one row in the middle of the table is invalid.
            return np.where(movie_index == 2, np.float32(value), rated)

    sound, _ = fake_scorer()
    probe(sound)
    with pytest.raises(StartError, match="baseline"):
        probe(RatingScorer(sound.manifest, sound.users, sound.movies, sound.fallback, Ill(1.0)))


def test_probe_refuses_a_model_that_raises_or_has_no_warm_ids() -> None:
    class Failing(FakeEngine):
        def rate(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
            raise IndexError("out of range")

    sound, engine = fake_scorer()
    with pytest.raises(StartError, match="IndexError"):
        probe(RatingScorer(sound.manifest, sound.users, sound.movies, sound.fallback, Failing(1.0)))
    nobody = Vocabulary.from_numbers(np.arange(1, 5), "user_", warm=0)
    with pytest.raises(StartError, match="training rating"):
        probe(RatingScorer(sound.manifest, nobody, sound.movies, sound.fallback, engine))


def test_text_ids_are_not_normalised() -> None:
    sound, engine = fake_scorer()
    users = Vocabulary.from_texts(["Ørsted", "007", "日本"], warm=3)
    scorer = RatingScorer(sound.manifest, users, sound.movies, sound.fallback, engine)
    scored = scorer.score(["日本", "007", 7, "7", "Orsted"], [1, 1, 1, 1, 1])
    assert scored.known_user.tolist() == [True, True, False, False, False]
    assert scored.rounded() == [2.0, 1.0, 2.0, 2.0, 2.0]


def test_cold_ids_never_reach_the_engine() -> None:
    scorer, engine = fake_scorer()
    scored = scorer.score([1, 4, "x", 2**63 - 1, -1], [1, 1, 5, "y", 1])
    assert engine.rated == 1
    assert scored.cold.tolist() == [False, True, True, True, True]


def test_only_model_is_the_default() -> None:
    assert fake_registry("half").get().name == "half"


@pytest.mark.parametrize("name", MODELS)
def test_one_pair_is_rated_as_in_a_batch_to_the_last_bit(registry: Registry, name: str) -> None:
    engine = registry.get(name).scorer.engine
    pairs = np.indices((29, 39), dtype=np.int32).reshape(2, -1)
    singles = [engine.rate_one(user, movie) for user, movie in pairs.T.tolist()]
    assert engine.rate(*pairs).tolist() == singles


@pytest.mark.parametrize("name", MODELS)
def test_top_is_the_best_of_all_ratings(registry: Registry, name: str) -> None:
    scorer = registry.get(name).scorer
    movies = [scorer.movies[index] for index in range(scorer.movies.warm)]
    for user in ("user_1", "user_29"):
        stars = scorer.score([user] * len(movies), movies).ratings
        ids, best = scorer.top(user, 5)
        assert (
            best.tolist() == [stars[movies.index(movie)] for movie in ids] == sorted(stars, reverse=True)[:5]
        )
        assert scorer.top(user, len(movies) + 10)[0] == scorer.top(user, len(movies))[0]
        assert scorer.top(user, 3, exclude=[ids[0], ids[1], "nothing"])[0] == ids[2:5]
        assert len(scorer.top(user, 1000, exclude=[ids[0]] * 2)[0]) == len(movies) - 1
        assert scorer.top(user, 0)[0] == scorer.top(user, 1, exclude=movies)[0] == []


def test_top_for_a_cold_user_is_sorted_by_movie_means() -> None:
    def top(user: str, n: int, exclude: Sequence[str] = ()) -> list[tuple[str, float]]:
        ids, stars = scorer.top(user, n, exclude)
        return list(zip(ids, stars.tolist(), strict=True))

    scorer, engine = fake_scorer()
    assert top("nobody", 2) == [("movie_4", 4.5), ("movie_3", 4.0)]
    assert top("user_4", 2, exclude=["movie_4"]) == [("movie_3", 4.0), ("movie_2", 2.25)]
    assert engine.rated == 0
    assert top("user_4", 9)[-1] == ("movie_1", 2.0)


def test_highest_returns_equal_keys_in_order() -> None:
    keys = np.array([1, 3, 2, 3, 3, 0], np.float32)
    assert highest(keys, 2, np.array([1, 1], np.int32)).tolist() == [3, 4]
    assert highest(keys, 9, np.array([], np.int32)).tolist() == [3, 4, 2, 0, 5, 1]
