"""Any ratings file is either read correctly or refused with one line, in bounded time and memory."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.figures import report
from tests.fuzz.mutations import changed_bytes
from tests.hostile.starting import assert_plain, bounded
from training.data.readers.ratings import load_ratings
from training.errors import DataError

ROWS = [(user, movie, (user + movie) % 6, 978300760 + user) for user in range(1, 6) for movie in range(1, 6)]
LINES = [[str(value) for value in row] for row in ROWS]
MOVIES = """movieId,title,genres
1,"Misérables, Les (1995)",Drama|Musical
2,Star Wars: Episode IV - A New Hope (1977),Action
"""


def parquet() -> bytes:
    buffer = io.BytesIO()
    columns = [list(column) for column in zip(*ROWS, strict=True)]
    pq.write_table(pa.table(columns, names=["userId", "movieId", "rating", "timestamp"]), buffer)
    return buffer.getvalue()


def lines(delimiter: str, header: str = "", fields: int = 4) -> bytes:
    return (header + "".join(delimiter.join(line[:fields]) + "\n" for line in LINES)).encode()


SOUND = {
    "ratings.dat": lines("::"),
    "u.data": lines("\t"),
    "ratings.csv": lines(",", "userId,movieId,rating,timestamp\n"),
    "own.csv": lines(";", '"user";"movie";"rating"\n', 3),
    "ratings.parquet": parquet(),
}
# Tokens with a meaning in some layout.
WORDS = [
    "1",
    "2",
    "0.5",
    "5",
    "-1",
    "nan",
    "1e5",
    "user",
    "movie",
    "rating",
    "userId,movieId,rating,timestamp",
]
MARKS = ["::", ":", ",", ";", "\t", "\n", "\r\n", "\r", '"', " ", "\0", "é", "\ufeff", "\u2028"]
TEXT = st.lists(st.sampled_from(WORDS + MARKS) | st.text(max_size=3), max_size=40).map(
    lambda parts: "".join(parts).encode()
)


def content(name: str) -> st.SearchStrategy[bytes]:
    return changed_bytes(SOUND[name]) | TEXT | st.binary(max_size=200)


def read(file: Path) -> str:
    """Load a file, and return the outcome."""
    try:
        table = load_ratings(file)
    except DataError as error:
        assert_plain(str(error))
        return "refused"
    assert table.rows == table.ratings.size == table.user_index.size == table.movie_index.size > 0
    assert np.all((table.ratings >= 0) & (table.ratings <= 5))
    assert table.user_index.min() >= 0 and table.user_index.max() < len(table.users)
    assert table.movie_index.min() >= 0 and table.movie_index.max() < len(table.movies)
    return "read"


def fuzz(folder: Path, cases: int, *, the_same: bool) -> Counter[str]:
    """Read `cases` mutated files, and count the outcomes."""
    ended: Counter[str] = Counter()

    @settings(max_examples=cases, derandomize=the_same, database=None)
    @given(data=st.data())
    def try_one(data: st.DataObject) -> None:
        for left_over in folder.iterdir():
            left_over.unlink()
        name = data.draw(st.sampled_from(list(SOUND)))
        (folder / name).write_bytes(data.draw(content(name)))
        if data.draw(st.booleans()):
            (folder / "movies.csv").write_bytes(data.draw(changed_bytes(MOVIES.encode())))
        with bounded():
            ended[read(folder / name)] += 1

    try_one()
    return ended


@pytest.mark.parametrize("name", SOUND)
def test_unchanged_file_is_valid(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(SOUND[name])
    (tmp_path / "movies.csv").write_text(MOVIES, encoding="utf-8")
    assert load_ratings(tmp_path / name).rows == len(ROWS)


def test_a_strange_file_is_read_or_refused(tmp_path: Path) -> None:
    assert {"read", "refused"} == fuzz(tmp_path, 100, the_same=True).keys()


@pytest.mark.nightly
@pytest.mark.long
def test_a_strange_file_is_read_or_refused_for_long(tmp_path: Path) -> None:
    ended = fuzz(tmp_path, 50_000, the_same=False)
    report("ratings file fuzz", cases="50,000", ended=dict(sorted(ended.items())), other_errors=0)
