"""Bulk scoring gives the answers of the service, for all users and for pairs, in parts that resume."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

from app.main import create_app
from app.settings import Settings
from tests.builders import COLD_MOVIE, COLD_USER, USERS, build_store
from tests.conftest import REPOSITORY
from training.artefact import Artefact, open_artefact
from training.artefact.engine import RatingTables, read_tables
from training.bulk.blocks import Ranker
from training.bulk.scoring import RECORD, UNKNOWN_USERS, score_pairs, score_users
from training.cli.app import app
from training.errors import DataError, ReportError, SettingsError, StoreMissing
from training.families.full import FullSide

SHIPPED = REPOSITORY / "models_store"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_store(tmp_path_factory.mktemp("bulk"), with_ratings=True)


@pytest.fixture(scope="module")
def service(store: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(store=store))) as client:
        yield client


def rows(out: Path, kind: str = "parquet") -> list[dict[str, Any]]:
    """Return the rows of all parts, in order."""
    reader = "read_csv" if kind == "csv" else "read_parquet"
    with duckdb.connect() as database:
        found = database.execute(f"SELECT * FROM {reader}('{out}/part-*.{kind}')")
        columns = [column[0] for column in found.description]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize("exclude_rated", [False, True])
@pytest.mark.parametrize("name", ["baseline", "memory_efficient"])
@pytest.mark.parametrize("top", [1, 7, 40])
def test_best_movies_are_those_of_the_service(
    store: Path, service: TestClient, tmp_path: Path, name: str, exclude_rated: bool, top: int
) -> None:
    scored = score_users(
        open_artefact(store / name), tmp_path, top=top, exclude_rated=exclude_rated, part_users=8
    )
    assert (scored.rows, scored.parts, scored.skipped) == (USERS - 1, 4, 0)
    by_user: dict[str, list[dict[str, Any]]] = {}
    for row in rows(tmp_path):
        by_user.setdefault(row["user_id"], []).append(row)
    assert len(by_user) == USERS - 1
    for user_id, own in by_user.items():
        query: dict[str, str | int] = {
            "user_id": user_id,
            "n": top,
            "model": name,
            "exclude_rated": exclude_rated,
        }
        answer = service.get("/recommend", params=query).json()
        expected = [(item["movie_id"], item["rating"]) for item in answer["items"]]
        assert [(row["movie_id"], row["rating"]) for row in own] == expected
        assert [row["rank"] for row in own] == list(range(1, len(own) + 1))


@pytest.mark.parametrize("name", ["accurate", "baseline", "compact", "memory_efficient", "tiny"])
def test_blocks_of_the_shipped_models_equal_single_users(name: str) -> None:
    artefact = open_artefact(SHIPPED / name)
    ranker = Ranker.of(read_tables(artefact.archive), artefact.movies.warm, None)
    users = np.linspace(0, artefact.users.warm - 1, 300).astype(np.int32)
    found = ranker.best(users, 10)
    alone = [ranker.best_of(user, 10) for user in users.tolist()]
    assert found.counts.tolist() == [10] * users.size
    assert np.array_equal(found.movies, np.concatenate([movies for movies, _ in alone]))
    assert np.array_equal(found.ratings, np.concatenate([stars for _, stars in alone]))


class CountingRanker(Ranker):
    """Counts the users that are ranked alone."""

    alone = 0

    def best_of(self, user: int, n: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        CountingRanker.alone += 1
        return super().best_of(user, n)


def test_few_users_are_ranked_alone() -> None:
    artefact = open_artefact(SHIPPED / "compact")
    ranker = CountingRanker.of(read_tables(artefact.archive), artefact.movies.warm, None)
    CountingRanker.alone = 0
    ranker.best(np.arange(500, dtype=np.int32), 10)
    assert CountingRanker.alone < 100


def test_rounding_decides_no_answer() -> None:
    # The movies are so alike that a product of matrices and one with a vector order them differently.
    random = np.random.default_rng(0)
    users = random.standard_normal((50, 33)).astype(np.float32)
    movies = np.float32(1) + random.uniform(0, 4e-7, (2_000, 33)).astype(np.float32)
    ranker = Ranker.of(RatingTables(FullSide(users), FullSide(movies)), 2_000, None)
    found = ranker.best(np.arange(50, dtype=np.int32), 10)
    alone = [ranker.best_of(user, 10)[0] for user in range(50)]
    assert np.array_equal(found.movies, np.concatenate(alone))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, USERS - 2), min_size=1, max_size=20), st.integers(1, 45))
def test_a_user_gets_the_same_movies_in_every_block(store: Path, users: list[int], top: int) -> None:
    artefact = open_artefact(store / "baseline")
    ranker = Ranker.of(read_tables(artefact.archive), artefact.movies.warm, artefact.given)
    found = ranker.best(np.array(users, np.int32), top)
    ends = np.cumsum(found.counts)
    for user, end, count in zip(users, ends, found.counts, strict=True):
        movies, stars = ranker.best_of(user, top)
        assert np.array_equal(found.movies[end - count : end], movies)
        assert np.array_equal(found.ratings[end - count : end], stars)


def test_pairs_get_the_ratings_of_the_service_and_are_flagged(
    store: Path, service: TestClient, tmp_path: Path
) -> None:
    pairs = [(1, 2), ("user_3", "movie_4"), (COLD_USER, 5), (6, COLD_MOVIE), ("nobody", "nothing"), (1, 2)]
    file = tmp_path / "pairs.csv"
    file.write_text("".join(["isbn,reviewer\n", *(f"{movie},{user}\n" for user, movie in pairs)]))
    scored = score_pairs(open_artefact(store / "baseline"), file, tmp_path / "out", kind="csv")
    assert (scored.rows, scored.parts) == (6, 1)
    body = {
        "user_ids": [user for user, _ in pairs],
        "movie_ids": [movie for _, movie in pairs],
        "model": "baseline",
        "on_unknown": "fallback",
    }
    answer = service.post("/predict/batch", json=body).json()
    found = rows(tmp_path / "out", "csv")
    assert [row["rating"] for row in found] == answer["ratings"]
    known = [row["known_user"] and row["known_movie"] for row in found]
    assert [place for place, warm in enumerate(known) if not warm] == answer["cold"] == [2, 3, 4]
    assert [row["user_id"] for row in found] == [str(user) for user, _ in pairs]


def test_a_second_run_makes_only_the_missing_parts(store: Path, tmp_path: Path) -> None:
    artefact: Artefact = open_artefact(store / "baseline")
    score_users(artefact, tmp_path, top=3, part_users=10)
    whole = rows(tmp_path)
    kept, lost = tmp_path / "part-00000.parquet", tmp_path / "part-00001.parquet"
    kept.write_bytes(b"kept")
    lost.unlink()
    score_users(artefact, tmp_path, top=3, part_users=10)
    assert kept.read_bytes() == b"kept"
    kept.unlink()
    score_users(artefact, tmp_path, top=3, part_users=10)
    assert rows(tmp_path) == whole
    assert not list(tmp_path.glob(".*"))


def test_scores_of_another_run_are_not_mixed(store: Path, tmp_path: Path) -> None:
    artefact = open_artefact(store / "baseline")
    score_users(artefact, tmp_path, top=3)
    with pytest.raises(SettingsError, match=r"another run \(top differ\)"):
        score_users(artefact, tmp_path, top=4)
    with pytest.raises(SettingsError, match=r"another run \(model, sha256 differ\)"):
        score_users(open_artefact(store / "memory_efficient"), tmp_path, top=3)
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(SettingsError, match="is damaged"):
        score_users(artefact, tmp_path, top=3)
    (tmp_path / RECORD).unlink()
    with pytest.raises(SettingsError, match="has parts but no"):
        score_users(artefact, tmp_path, top=3)


@pytest.mark.long
def test_a_cluster_writes_the_same_parts(store: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "score", "--store", store, "--model", "baseline"]
    for name, options in (("plain", []), ("cluster", ["--cluster", "local"])):
        out = ["--exclude-rated", "--out", tmp_path / name, *options]
        whole = list(map(str, [*command, *out]))
        subprocess.run(whole, cwd=REPOSITORY, check=True, capture_output=True, timeout=150)
    assert rows(tmp_path / "cluster") == rows(tmp_path / "plain")


def test_users_of_a_file_are_scored_once_and_unknown_ones_are_listed(store: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text(f"user_id\n5\nuser_2\n5\n{COLD_USER}\nsomebody\n")
    command = ["score", "--store", store, "--model", "baseline", "--users", users, "--top", "2", "--csv"]
    done = CliRunner().invoke(
        app, [*map(str, command), "--out", str(tmp_path / "out")], catch_exceptions=False
    )
    assert "2 users in 1 parts" in done.stdout
    assert "2 users have no training ratings" in done.stdout
    assert [row["user_id"] for row in rows(tmp_path / "out", "csv")] == ["user_5"] * 2 + ["user_2"] * 2
    assert (tmp_path / "out" / UNKNOWN_USERS).read_text().split() == ["user_id", COLD_USER, "somebody"]
    assert json.loads((tmp_path / "out" / RECORD).read_text())["model"] == "baseline"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--model", "nope"], SettingsError, r"no model 'nope'; there are accurate, baseline"),
        (["--store", "{}/absent"], StoreMissing, "absent"),
        (["--exclude-rated"], SettingsError, "has no ratings, so --exclude-rated has nothing to leave out"),
        (["--pairs", "x.csv", "--cluster", "local"], SettingsError, "do not apply to --pairs"),
        (["--pairs", "x.csv", "--top", "3"], SettingsError, "do not apply to --pairs"),
        (["--pairs", "absent.csv"], DataError, r"absent\.csv: there is no such file"),
        (["--pairs", "{}/other.csv"], DataError, "'a, b', none of which is known as the user and the movie"),
        (["--pairs", "{}/empty.csv"], DataError, "row 2 has no user or no movie"),
        (["--pairs", "{}/broken.parquet"], DataError, r"broken\.parquet: cannot be read: "),
        (["--users", "{}/broken.parquet"], DataError, r"broken\.parquet: cannot be read: "),
        (["--out", "{}/other.csv"], ReportError, r"other\.csv cannot be written"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    options: list[str], error: type[Exception], message: str, tmp_path: Path
) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "broken.parquet").write_text("no Parquet")
    (tmp_path / "empty.csv").write_text("user,movie\n1,2\n,3\n")
    command = ["score", "--store", str(SHIPPED), "--out", str(tmp_path / "out")]
    refused = CliRunner().invoke(app, command + [option.format(tmp_path) for option in options])
    with pytest.raises(error, match=message):
        raise refused.exception or AssertionError(refused.output)
