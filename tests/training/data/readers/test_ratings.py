from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.data.helpers import BUNDLED, rated, shared, write
from training.data.readers.ratings import ColumnNames, load_ratings
from training.data.table import Movie
from training.errors import DataError


@pytest.mark.long
def test_ml_1m_is_read_fast() -> None:
    folder = shared("ml-1m")
    load_ratings(BUNDLED)  # imports are not what is measured
    began = time.perf_counter()
    load_ratings(folder)
    assert time.perf_counter() - began < 2


def test_ml_1m_is_read_whole() -> None:
    table = load_ratings(shared("ml-1m"))
    assert (table.name, table.layout, table.redistributable) == ("ml-1m", "ml-1m", False)
    assert (table.rows, len(table.users), len(table.movies)) == (1_000_209, 6_040, 3_706)
    for row, expected in ((0, ("user_1", "movie_1193", 5.0)), (-1, ("user_6040", "movie_1097", 4.0))):
        user, movie = table.users[table.user_index[row]], table.movies[table.movie_index[row]]
        assert (user, movie, table.ratings[row]) == expected
    assert table.timestamps is None  # this copy's times are all 0
    assert table.titles["movie_260"].title == "Star Wars: Episode IV - A New Hope (1977)"
    assert table.titles["movie_73"] == Movie("Misérables, Les (1995)", ("Drama", "Musical"))
    assert (table.users.prefix, table.movies.prefix) == ("user_", "movie_")
    assert (table.users[0], table.users[6039], table.movies[3705]) == ("user_1", "user_6040", "movie_3952")


def test_ml_100k_is_read_whole() -> None:
    table = load_ratings(shared("ml-100k"))
    assert (table.name, table.layout, table.redistributable) == ("ml-100k", "ml-100k", False)
    assert (table.rows, len(table.users), len(table.movies)) == (100_000, 943, 1_682)
    assert rated(table)[0] == ("user_196", "movie_242", 3.0)
    assert table.timestamps is not None
    assert table.timestamps[0] == 881250949
    assert table.titles["movie_1"] == Movie("Toy Story (1995)", ("Animation", "Children's", "Comedy"))
    assert table.titles["movie_267"] == Movie("unknown", ("unknown",))


def test_the_bundled_set_is_read_whole() -> None:
    table = load_ratings(BUNDLED)
    assert (table.name, table.layout, table.redistributable) == ("ml-latest-small", "ml-csv", True)
    assert (table.rows, len(table.users), len(table.movies)) == (100_836, 610, 9_724)
    assert "may be passed on" in table.licence
    assert table.titles["movie_73"] == Movie("Misérables, Les (1995)", ("Drama", "War"))
    assert set(np.unique(table.ratings)) == {0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5}
    assert table.sha256 == hashlib.sha256((BUNDLED / "ratings.csv").read_bytes()).hexdigest()
    # The header is line 1 and nobody's rating.
    assert rated(table)[0] == ("user_1", "movie_1", 4.0)


def test_a_copy_under_another_name_is_not_taken_as_redistributable(tmp_path: Path) -> None:
    shutil.copytree(BUNDLED, tmp_path / "mine")
    table = load_ratings(tmp_path / "mine")
    assert (table.name, table.redistributable) == ("mine", False)


@pytest.mark.parametrize(
    ("name", "content", "layout"),
    [
        ("ratings.dat", "1::10::4::978300760\n2::10::3::978300761\n", "ml-1m"),
        ("ratings.dat", "1::10::4::978300760\r\n2::10::3::978300761\r\n", "ml-1m"),
        ("u.data", "1\t10\t4\t978300760\n2\t10\t3\t978300761", "ml-100k"),
        ("ratings.csv", "userId,movieId,rating,timestamp\n1,10,4.0,978300760\n2,10,3,978300761\n", "ml-csv"),
        (
            "ratings.csv",
            "\ufeffuserId,movieId,rating,timestamp\r\n1,10,4,978300760\r\n2,10,3,978300761",
            "ml-csv",
        ),
        ("ratings.dat", "\ufeff1::10::4::978300760\n2::10::3::978300761\n", "ml-1m"),
        ("sales.txt", "1::10::4::978300760\n2::10::3::978300761\n", "ml-1m"),
        ("sales.txt", "1\t10\t4\t978300760\n2\t10\t3\t978300761\n", "ml-100k"),
        ("sales.csv", "customer,item,stars,time\n1,10,4,978300760\n2,10,3,978300761\n", "csv"),
        ("sales.csv", "stars;time;note;User ID;MOVIE_ID\n4;978300760;;1;10\n3;978300761;x;2;10\n", "csv"),
        ("sales.tsv", "user\tfilm\tscore\ttimestamp\n1\t10\t4\t978300760\n2\t10\t3\t978300761\n", "csv"),
        (
            "sales.csv",
            '"user","movie","rating","timestamp"\n"1","10","4","978300760"\n"2",10,3,978300761\n',
            "csv",
        ),
        (
            "sales.csv",
            "user,movie,rating,timestamp\nuser_1,movie_10,4,978300760\nuser_2,movie_10,3,978300761\n",
            "csv",
        ),
    ],
)
def test_each_layout_gives_the_same_ratings(tmp_path: Path, name: str, content: str, layout: str) -> None:
    table = load_ratings(write(tmp_path, name, content))
    assert table.layout == layout
    assert rated(table) == [("user_1", "movie_10", 4.0), ("user_2", "movie_10", 3.0)]
    assert table.timestamps is not None
    assert table.timestamps.tolist() == [978300760, 978300761]
    columns = (table.user_index, table.movie_index, table.ratings, table.timestamps)
    assert [column.dtype.name for column in columns] == ["int32", "int32", "float32", "int64"]


def test_named_columns_are_taken_exactly(tmp_path: Path) -> None:
    path = write(tmp_path, "shop.csv", "rating,who,what,quality\n99,a,x,4\n98,b,x,2.5\n")
    table = load_ratings(path, columns=ColumnNames(user="who", movie="what", rating="quality"))
    assert rated(table) == [("a", "x", 4.0), ("b", "x", 2.5)]
    assert (table.name, table.layout, table.timestamps) == ("shop", "csv", None)
    assert table.licence == "unknown: the user's own file"


def test_ids_with_leading_zeros_stay_what_they_are(tmp_path: Path) -> None:
    table = load_ratings(write(tmp_path, "r.csv", "user,movie,rating\n007,5,4\n7,5,3\n12,6,1\n"))
    assert list(table.users) == ["007", "7", "12"]  # text, in order of first appearance
    assert table.users.prefix is None
    assert list(table.movies) == ["movie_5", "movie_6"]


def test_leading_zeros_stay_in_a_movielens_layout_too(tmp_path: Path) -> None:
    table = load_ratings(write(tmp_path, "ratings.dat", "007::5::4::1\n7::5::3::2\n"))
    assert list(table.users) == ["007", "7"]


def test_numbers_ascend_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    table = load_ratings(write(tmp_path, "r.csv", "user,movie,rating\n10,3,5\n9,20,4\n100,3,1\n"))
    assert list(table.users) == ["user_9", "user_10", "user_100"]
    assert table.user_index.tolist() == [1, 0, 2]


@pytest.mark.parametrize("where", ["", "ml-10M100K"])
def test_a_folder_means_the_ratings_in_it_or_one_below(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "set" / where
    folder.mkdir(parents=True)
    write(folder, "ratings.dat", "1::10::4.5::978300760\n")
    write(folder, "movies.dat", "10::GoldenEye (1995)::Action\n")
    table = load_ratings(tmp_path / "set")
    assert table.path == folder / "ratings.dat"
    assert table.titles == {"movie_10": Movie("GoldenEye (1995)", ("Action",))}
    assert table.name == (where or "set")


def test_a_folder_with_two_ratings_files_is_refused_naming_both(tmp_path: Path) -> None:
    write(tmp_path, "ratings.dat", "1::10::4::1\n")
    write(tmp_path, "ratings.csv", "userId,movieId,rating,timestamp\n1,1,1,1\n")
    with pytest.raises(DataError, match=r"ratings\.dat, ratings\.csv"):
        load_ratings(tmp_path)


@pytest.mark.parametrize("name", ["", "nowhere", "empty"])
def test_a_path_without_ratings_says_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"does not exist|holds no ratings file"):
        load_ratings(tmp_path / name)


def test_a_column_of_equal_times_but_zero_is_kept(tmp_path: Path) -> None:
    table = load_ratings(write(tmp_path, "r.csv", "user,movie,rating,timestamp\n1,1,1,0\n2,1,1,5\n"))
    assert table.timestamps is not None
    assert table.timestamps.tolist() == [0, 5]


def test_more_than_one_block_keeps_lines_and_ids(tmp_path: Path) -> None:
    # Several MB, so that the reader's blocks have dictionaries of their own.
    rows = [f"u{row % 5000:05d},m{row // 5000},{row % 6}" for row in range(200_000)]
    path = write(tmp_path, "r.csv", "user,movie,rating\n" + "\n".join(rows) + "\n")
    table = load_ratings(path)
    assert rated(table) == [
        (user, movie, float(rating)) for user, movie, rating in (row.split(",") for row in rows)
    ]
    assert table.users[0] == "u00000"
    rows[199_990] = rows[199_990].rpartition(",")[0] + ",six"
    write(tmp_path, "r.csv", "user,movie,rating\n" + "\n".join(rows) + "\n")
    with pytest.raises(DataError) as caught:
        load_ratings(path)
    assert caught.value.line == 199_992


_ids = st.one_of(
    st.integers(0, 2**63 - 1).map(str), st.text("abcé京 _0-.:;'", min_size=1, max_size=12)
).filter(lambda text: text == text.strip())


@settings(max_examples=max(20, settings().max_examples // 5))  # each opens a database
@given(
    pairs=st.lists(st.tuples(_ids, _ids), min_size=1, max_size=20, unique=True),
    stars=st.lists(st.integers(0, 10).map(lambda half: half / 2), min_size=20, max_size=20),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[tuple[str, str]],
    stars: list[float],
    end: str,
    last: bool,
) -> None:
    lines = [f"{user},{movie},{star}" for (user, movie), star in zip(pairs, stars, strict=False)]
    content = end.join(["user,movie,rating", *lines]) + (end if last else "")
    table = load_ratings(write(tmp_path_factory.mktemp("laws"), "r.csv", content))
    read = [(table.users.canonical(user), table.movies.canonical(movie)) for user, movie in pairs]
    assert rated(table) == [(*pair, star) for pair, star in zip(read, stars, strict=False)]
