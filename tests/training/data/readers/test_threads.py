"""However many threads read a file, the table and the digests of its splits are the same."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from tests.training.data.helpers import BUNDLED, write
from training.data.readers.ratings import load_ratings
from training.data.split import SplitKind, split_ratings
from training.data.table import RatingsTable

# Enough for several row groups of a table. The notes make the files so long that each thread reads several pieces
# of them: the engine divides CSV after 8 MB, and lines of JSON after 32 MB.
ROWS = 150_000
NOTES = {"csv": "." * 120, "json": "." * 250}


def digest(table: RatingsTable) -> str:
    """A digest of everything that a table says about its ratings."""
    whole = hashlib.sha256()
    for column in (table.user_index, table.movie_index, table.ratings, table.timestamps):
        assert column is not None
        whole.update(column.tobytes())
    for ids in (table.users, table.movies):
        whole.update("\n".join(ids).encode())
    for kind in get_args(SplitKind):
        whole.update(split_ratings(table, kind, validation_fraction=0.1).test_sha256.encode())
    return whole.hexdigest()


def rows(*, text: bool) -> list[tuple[str, str, float, int]]:
    random = np.random.default_rng(5)
    pairs = random.permutation(1_000 * 1_000)[:ROWS]
    front = ("u", "m") if text else ("", "")
    return [
        (
            f"{front[0]}{pair // 1_000}",
            f"{front[1]}{pair % 1_000}",
            (pair % 10 + 1) / 2,
            978300760 + place // 7,
        )
        for place, pair in enumerate(pairs.tolist())
    ]


@pytest.mark.parametrize(("layout", "text"), [("csv", False), ("csv", True), ("json", True)])
def test_threads_change_nothing(tmp_path: Path, layout: str, text: bool) -> None:
    note = NOTES[layout]
    if layout == "csv":
        lines = [
            "user,movie,rating,time,note",
            *(f"{u},{m},{r},{t},{note}" for u, m, r, t in rows(text=text)),
        ]
    else:
        names = ("user", "movie", "rating", "time", "note")
        lines = [json.dumps(dict(zip(names, (*row, note), strict=True))) for row in rows(text=text)]
    path = write(tmp_path, f"r.{layout}", "\n".join(lines) + "\n")
    one, two = (load_ratings(path, threads=threads) for threads in (1, 2))
    assert digest(one) == digest(two)
    first = rows(text=text)[0]
    assert one.users[int(one.user_index[0])].endswith(first[0])
    assert (float(one.ratings[0]), one.rows) == (first[2], ROWS)


@pytest.mark.parametrize("threads", [1, 2])
def test_splits_of_the_bundled_set_have_their_digests_for_any_number_of_threads(threads: int) -> None:
    table = load_ratings(BUNDLED, threads=threads)
    digests = {kind: split_ratings(table, kind).test_sha256[:16] for kind in get_args(SplitKind)}
    assert digests == {
        "random": "d6024857077f88f8",
        "time": "8f7a63be060cf822",
        "leave-last": "915edb77217eaa33",
        "new-movies": "89106272141f6420",
    }
