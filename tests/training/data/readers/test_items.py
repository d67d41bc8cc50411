"""Titles and categories of items, from the user's own file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.data.helpers import write
from tests.training.data.readers.samples import parquet
from training.data.readers.ratings import load_ratings
from training.data.table import Movie, RatingsTable
from training.errors import DataError

RATINGS = "user,isbn,rating\nann,034545104X,5\nbob,0155061224,3\n"
EXPECTED = {
    "034545104X": Movie("Flesh Tones: A Novel", ("Mystery", "Crime")),
    "0155061224": Movie("Rites of Passage", ()),
}


def read(folder: Path, name: str, content: str | bytes, ratings: str = RATINGS) -> RatingsTable:
    return load_ratings(write(folder, "ratings.csv", ratings), items=write(folder, name, content))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("books.csv", "isbn,title,genres\n034545104X,Flesh Tones: A Novel,Mystery|Crime\n0155061224,Rites of Passage,\n"),
        ("books.csv", "ISBN;Book-Title;Author;tags\n034545104X;Flesh Tones: A Novel;Gruber;Mystery, Crime\n"
                      "0155061224;Rites of Passage;Rogers;\n"),
        ("items.tsv", "year\tname\tid\tcategory\n2003\tFlesh Tones: A Novel\t034545104X\tMystery;Crime\n"
                      "1996\t Rites of Passage \t0155061224\t[]\n"),
        ("books.json", '{"asin": "034545104X", "title": "Flesh Tones: A Novel", "categories": ["Mystery", "Crime"]}\n'
                       '{"asin": "0155061224", "title": "Rites of Passage", "categories": null}\n'),
        ("books.json", json.dumps([{"bookId": "034545104X", "title": "Flesh Tones: A Novel", "genres": "Mystery|Crime"},
                                   {"bookId": "0155061224", "title": "Rites of Passage", "genres": ""}])),
        ("books.csv", "book_id,title,genres\n034545104X,Flesh Tones: A Novel,\"['Mystery', 'Crime']\"\n"
                      "0155061224,Rites of Passage,\n"),
    ],
)  # fmt: skip
def test_titles_come_from_any_layout(tmp_path: Path, name: str, content: str) -> None:
    table = read(tmp_path, name, content)
    found = {item: Movie(one.title, one.genres) for item, one in table.titles.items()}
    assert found == EXPECTED
    assert [note for note in table.notes if "title" in note] == []


def test_parquet_may_hold_lists(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "books.parquet"
    table = pa.table(
        {
            "isbn": ["034545104X", "0155061224"],
            "title": ["Flesh Tones: A Novel", "Rites of Passage"],
            "genres": [["Mystery", "Crime"], None],
        }
    )
    pq.write_table(table, path)
    assert load_ratings(write(tmp_path, "r.csv", RATINGS), items=path).titles == EXPECTED


def test_numbered_ids_are_spelled_as_in_the_ratings(tmp_path: Path) -> None:
    table = read(tmp_path, "games.csv", "id,name\n7,Go\n8,Chess\n", "user,game,rating\n1,7,5\n")
    assert table.titles == {"movie_7": Movie("Go", ()), "movie_8": Movie("Chess", ())}


def test_a_movies_file_of_movielens_is_taken_too(tmp_path: Path) -> None:
    table = read(tmp_path, "movies.dat", "7::Heat (1995)::Action|Crime\n", "user,movie,rating\n1,7,5\n")
    assert table.titles == {"movie_7": Movie("Heat (1995)", ("Action", "Crime"))}


def test_rated_items_without_a_title_are_counted(tmp_path: Path) -> None:
    table = read(tmp_path, "books.csv", "isbn,title\n034545104X,Flesh Tones\n")
    assert "1 of 2 rated items have no title in books.csv" in table.notes


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("isbn,title\n1,One\n2,\n", 3, "movie '2' has no title"),
        ("isbn,title\n1,One\n1,Two\n", 3, "item '1' is repeated, first on line 2"),
        ("isbn,title\n1,One\n,Two\n", 3, "movie id is empty"),
        ("isbn,title\n1,One\nnan,Two\n", 3, "which programs write for a missing value"),
        ('isbn,title\n1,"O\nne"\n', 2, "control character"),
        ("isbn,what\n1,One\n", 1, "known as the title; rename its columns to title"),
        ("isbn,title\n1,One,x\n", 2, "expected 2 fields"),
        ("isbn,title\n", None, "no row below the header"),
        (
            "isbn,title\n5,One\n",
            None,
            "none of its ids, such as '5', is rated; a rated one is '034545104X'",
        ),
        ("", None, "empty"),
    ],
)
def test_a_bad_file_of_items_is_refused_with_its_line(
    tmp_path: Path, content: str, line: int | None, message: str
) -> None:
    with pytest.raises(DataError, match=r"books\.csv") as caught:
        read(tmp_path, "books.csv", content)
    assert message in str(caught.value)
    assert caught.value.line == line


def test_a_folder_or_nothing_is_no_file_of_items(tmp_path: Path) -> None:
    ratings = write(tmp_path, "ratings.csv", RATINGS)
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match="is not a file; give the file of items itself"):
            load_ratings(ratings, items=path)
    with pytest.raises(DataError, match="known as the title"):
        load_ratings(ratings, items=write(tmp_path, "r.parquet", parquet([("a", "b", 1.0, 1)])))
