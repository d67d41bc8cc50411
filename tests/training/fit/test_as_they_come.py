"""Users learn from their test rows exactly as the service fits them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app.main import create_app
from app.settings import Settings
from tests.builders import (
    COLD_MOVIE,
    COLD_USER,
    TINY_BIASED,
    build_store,
    tiny_dataset,
    tiny_file,
    tiny_table,
)
from training.artefact import open_artefact
from training.cli.app import app
from training.errors import SettingsError
from training.fit.as_they_come import KNOWN, evaluate_as_they_come


def test_predictions_are_those_of_the_service(tmp_path: Path) -> None:
    store = build_store(tmp_path / "store", TINY_BIASED, with_ratings=True)
    table, split = tiny_table(), tiny_dataset().split
    arrivals = evaluate_as_they_come(open_artefact(store / "biased"), table, split)
    users, movies = list(table.users), list(table.movies)
    squares = []
    with TestClient(create_app(Settings(store=store))) as client:
        for row in split.test[table.user_index[split.test] == users.index(COLD_USER)]:
            movie, stars = movies[table.movie_index[row]], float(table.ratings[row])
            given = [
                {"movie_id": movies[table.movie_index[one]], "rating": float(table.ratings[one])}
                for one in split.test
                if one < row and table.user_index[one] == table.user_index[row]
            ]
            if movie == COLD_MOVIE:
                continue
            if given:
                body = {"ratings": given, "movie_ids": [movie], "n": 0}
                answer = client.post("/predict/new-user", json=body).json()["predictions"][0]
            else:
                query = {"user_id": COLD_USER, "movie_id": movie, "on_unknown": "fallback"}
                answer = client.get("/predict", params=query).json()
            squares.append((answer["rating"] - stars) ** 2)
    by_known = {one.known: one for one in arrivals}
    # Only the cold user has fewer than five known ratings.
    for known, places in {"0": [0], "1": [1], "2": [2], "3-4": [3, 4]}.items():
        assert by_known[known].rows == len(places)
        assert by_known[known].learned == pytest.approx(
            np.mean([squares[place] for place in places]), abs=1e-4
        )
    assert by_known["0"].learned == by_known["0"].never


@pytest.mark.parametrize("name", ["biased", "baseline"])
def test_rows_are_counted_once_by_number_of_known_ratings(
    biased_store: Path, shared_store: Path, name: str
) -> None:
    store = biased_store if name == "biased" else shared_store
    split = tiny_dataset().split
    seen: list[tuple[int, int]] = []
    *parts, every = evaluate_as_they_come(
        open_artefact(store / name), tiny_table(), split, lambda *step: seen.append(step)
    )
    assert every.known == "all" and every.rows == split.test.size == sum(part.rows for part in parts)
    assert len(parts) <= len(KNOWN)
    for column in ("never", "biases", "learned"):
        mean = sum(part.rows * getattr(part, column) for part in parts) / every.rows
        assert getattr(every, column) == pytest.approx(mean)
    assert seen[-1] == (len(seen), len(seen))


def test_command_prints_the_table_and_refuses_all_rows(biased_store: Path, tmp_path: Path) -> None:
    data = tiny_file(tmp_path)
    command = ["evaluate", str(biased_store / "biased"), "--data", str(data), "--as-they-come"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0
    assert "never listens" in done.stdout and "was trained with another split" in done.stdout
    with pytest.raises(SettingsError, match="leave out --all-rows"):
        CliRunner().invoke(app, [*command, "--all-rows"], catch_exceptions=False)
