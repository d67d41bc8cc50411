"""The figures of the documents are those of the manifests, the commands and the committed tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from benchmarks.model_bytes import information, order_of, sizes_of
from tests.conftest import REPOSITORY
from training.artefact import Artefact, Manifest, open_artefact
from training.artefact.engine import count_twins, read_tables
from training.artefact.manifest import MANIFEST_FILE, read_manifest
from training.search.frontier.references import LIBRARIES

STORE: Final = REPOSITORY / "models_store"
README: Final = REPOSITORY / "README.md"
MODELS: Final = REPOSITORY / "docs" / "models.md"
DISTILLATION: Final = REPOSITORY / "docs" / "distillation.md"
GRID: Final = REPOSITORY / "docs" / "frontier" / "ml-1m.md"
NAMES: Final = ("tiny", "compact", "accurate", "memory_efficient", "baseline")
DISTILLED: Final = NAMES[:3]
TRAINED_BY_GRADIENTS: Final = ("width", "rounding", "hashing", "mixed")


def table_rows(page: Path, heading: str = "") -> list[list[str]]:
    """Return the cells of all rows of the tables below a heading, up to the next heading."""
    text = page.read_text("utf-8").partition(heading)[2] if heading else page.read_text("utf-8")
    if heading:
        text = text.partition("\n#")[0]
    lines = [line.removeprefix("|").removesuffix("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip(" `★") for cell in line.split("|")] for line in lines]


def row_of(name: str, page: Path, heading: str = "") -> list[str]:
    """Return the cells after the name in the first row that starts with it."""
    found = next(row for row in table_rows(page, heading) if row[0].split(" (")[0].strip("`") == name)
    return found[1:]


@pytest.fixture(scope="module", params=NAMES)
def artefact(request: pytest.FixtureRequest) -> Artefact:
    return open_artefact(STORE / str(request.param))


def test_sizes_and_errors_of_the_shipped_models(artefact: Artefact) -> None:
    manifest = artefact.manifest
    figures = [
        f"{manifest.parameters.total:,}",
        f"{manifest.weights_bytes:,}",
        f"{manifest.accuracy.mse:.4f}",
    ]
    assert row_of(manifest.name, MODELS, "## The shipped models")[:3] == figures
    in_readme = row_of(manifest.name, README, "## The models")
    assert in_readme == [manifest.description, *figures, f"{manifest.accuracy.mae:.4f}"]


def test_ratios_count_weights_ids_and_file(artefact: Artefact) -> None:
    own, baseline = sizes_of(artefact), sizes_of(open_artefact(STORE / "baseline"))
    row = row_of(artefact.manifest.name, MODELS, "## Bytes of weights, ids and files")
    assert row[:3] == [f"{own[what]:,}" for what in own]
    assert row[3:] == [f"{baseline[what] / own[what]:.1f}" for what in own]


def test_ratios_of_the_readme() -> None:
    own, baseline = (sizes_of(open_artefact(STORE / name)) for name in ("tiny", "baseline"))
    weights, with_ids, file = (f"{baseline[what] / own[what]:.0f}" for what in own)
    text = " ".join(README.read_text("utf-8").split())
    assert (
        f"weights are {weights} times smaller, weights and ids together {with_ids} times, and the model "
        f"file {file} times" in text
    )


def test_information_in_the_order_of_the_ids() -> None:
    # 3 ids in blocks of 1 and 2: 3 ways.
    assert 2 ** information([1, 2]) == pytest.approx(3)
    assert information([7]) == 0
    text = " ".join(MODELS.read_text("utf-8").split())
    tiny, baseline = (order_of(open_artefact(STORE / name)) for name in ("tiny", "baseline"))
    least, layout = tiny["blocks, at least"], tiny["weights, bitmaps and blocks"]
    assert f"{least:,} bytes of information for `tiny`" in text
    assert f"`tiny` has at least {24_926 + least:,} bytes that depend on the ratings" in text
    ratio = baseline["weights, bitmaps and blocks"] / layout
    assert f"would have {layout:,} bytes with ids, and be {ratio:.0f} times smaller" in text


def test_counts_of_twins(artefact: Artefact) -> None:
    tables = read_tables(artefact.archive)
    sides = count_twins(tables, artefact.users.warm, artefact.movies.warm)
    expected = [
        f"{figure:,}"
        for side in (sides.users, sides.movies)
        for figure in (side.distinct, side.sharing, side.largest)
    ]
    heading = "## Users and movies that a model cannot tell apart"
    assert row_of(artefact.manifest.name, MODELS, heading) == expected


def test_new_ratings_tell_twins_apart() -> None:
    """Users 1 and 213 of `tiny`, as named in docs/models.md."""
    assert "In `tiny`, users 1 and 213 agree on all movies" in " ".join(MODELS.read_text("utf-8").split())
    with TestClient(create_app(Settings(store=STORE))) as client:
        movies = [
            movie["movie_id"] for movie in client.get("/movies", params={"limit": 5000}).json()["items"]
        ]
        ratings = [_predict(client, user, movies) for user in ("user_1", "user_213")]
        assert ratings[0] == ratings[1]
        # The same movie, rated differently by each.
        learned = [
            client.post(
                "/predict/new-user",
                json={
                    "model": "tiny",
                    "user_id": user,
                    "ratings": [{"movie_id": "movie_1193", "rating": rating}],
                    "movie_ids": movies[:100],
                },
            ).json()["predictions"]
            for user, rating in (("user_1", 5), ("user_213", 2))
        ]
        assert learned[0] != learned[1]


def _predict(client: TestClient, user: str, movies: list[str]) -> list[float]:
    pairs = {"user_ids": [user] * len(movies), "movie_ids": movies}
    body = {"model": "tiny", "on_unknown": "fallback", **pairs}
    ratings: list[float] = client.post("/predict/batch", json=body).json()["ratings"]
    return ratings


@pytest.mark.parametrize("name", DISTILLED)
def test_weights_of_the_blends(name: str) -> None:
    blend = _manifest(name).training.recipe["blend"]
    members = ("ordinal", "gaussian", "auto_encoder")
    found = dict(zip(blend["members"], blend["weights"], strict=True))
    row = row_of(name, DISTILLATION, "### Weights of the blends")
    assert [float(cell or 0) for cell in row] == [found.get(member, 0) for member in members]


def test_distilled_models_have_lower_errors_than_tables_fitted_by_gradients() -> None:
    """As claimed from 24.95 KB on."""
    rows = [row for row in table_rows(GRID) if row[0] in (*TRAINED_BY_GRADIENTS, "distilled")]
    least = min(float(row[5]) for row in rows if row[0] != "distilled")
    assert f"at best {least}" in MODELS.read_text("utf-8")
    students = [row for row in rows if row[0] == "distilled" and float(row[1].split()[0]) >= 24.95]
    assert len(students) == 6
    assert max(float(row[5]) for row in students) < least


def test_libraries_in_the_table_of_the_grid() -> None:
    found = {row[1]: row for row in table_rows(GRID) if row[0] == "reference"}
    for label, parameters, mse in LIBRARIES:
        assert found[label][2:6] == [f"{parameters:,}", f"{8 * parameters:,}", "", f"{mse}"]


def _manifest(name: str) -> Manifest:
    return read_manifest(STORE / name / MANIFEST_FILE)
