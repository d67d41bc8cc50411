"""The example of docs/books.md: from a CSV of book ratings to a service for books with a scale up to 10."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
from markdown_it import MarkdownIt

from tests.app.processes import running
from tests.conftest import REPOSITORY
from tools.books import write_books
from training.data.readers.ratings import load_ratings

PAGE: Final = (REPOSITORY / "docs" / "books.md").read_text("utf-8")


def _commands() -> Iterator[tuple[str, str]]:
    """Yield each command of the page with the output below it."""
    fence = next(token.content for token in MarkdownIt().parse(PAGE) if token.type == "fence")
    for block in re.split(r"^\$ ", fence, flags=re.MULTILINE)[1:]:
        command, _, output = block.partition("\n")
        yield command, output


def test_the_file_is_the_same_each_time_and_is_read_with_the_options_of_the_page(tmp_path: Path) -> None:
    for folder in (tmp_path / "one", tmp_path / "other"):
        write_books(folder)
    assert (tmp_path / "one/ratings.csv").read_bytes() == (tmp_path / "other/ratings.csv").read_bytes()
    table = load_ratings(
        tmp_path / "one/ratings.csv",
        scale=(1, 10),
        not_rated=("", 0.0),
        items=tmp_path / "one/books.csv",
    )
    assert f"{table.rows:,} ratings, {len(table.users):,} users, {len(table.movies):,} rated movies" in PAGE
    assert len(table.titles) == 1_200
    assert table.timestamps is not None


@pytest.mark.long
def test_the_commands_of_the_page_lead_to_a_service_of_books(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STARS_")}
    run = 0
    for command, output in _commands():
        program, *arguments = shlex.split(command)
        if program not in (".venv/bin/python", "head"):
            continue
        done = subprocess.run(
            [sys.executable if program != "head" else program, *arguments],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            check=False,
        )
        if "fit" not in arguments:
            assert (done.stdout + done.stderr).strip() == output.strip()
        run += 1
    assert run == 6
    assert done.returncode == 0
    with running(tmp_path / "shelf") as server:
        models = httpx2.get(f"{server.url}/models").json()
        page = httpx2.get(server.url).text
        recommended = httpx2.get(f"{server.url}{_request()}").json()["items"]
    assert models["rating_scale"] == {"low": 1, "high": 10, "step": 1}
    accuracy = models["models"][0]["accuracy"]
    figures = re.search(r"`tiny` has an MSE of (\S+) and biases alone have (\S+)\. ", PAGE)
    assert figures is not None
    assert accuracy["mse"] == pytest.approx(float(figures[1]), abs=0.03)
    assert accuracy["biases_only_mse"] == pytest.approx(float(figures[2]), abs=0.03)
    assert "book" in page
    assert recommended[0]["title"]
    assert 5 < recommended[0]["rating"] <= 10


def _request() -> str:
    """Return the path and query of the request on the page."""
    found = re.search(r"localhost:8000(/recommend\S+)'", PAGE)
    assert found is not None
    return found[1]
