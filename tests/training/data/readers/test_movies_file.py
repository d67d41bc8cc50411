from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.data.helpers import write
from training.data.readers.ratings import load_ratings
from training.data.table import Movie
from training.errors import DataError

FLAGS = "|".join(["0"] * 18)
RATINGS = {
    "movies.dat": ("ratings.dat", "1::1::3::5\n"),
    "u.item": ("u.data", "1\t1\t3\t5\n"),
    "movies.csv": ("ratings.csv", "userId,movieId,rating,timestamp\n1,1,3,5\n"),
}


def titles(folder: Path, name: str, content: str | bytes) -> dict[str, Movie]:
    write(folder, *RATINGS[name])
    write(folder, name, content)
    return load_ratings(folder).titles


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
def test_old_sets_may_be_latin_1_or_utf_8(tmp_path: Path, encoding: str) -> None:
    text = (
        "1::Misérables, Les (1995)::Drama|Musical\n260::Star Wars: Episode IV - A New Hope (1977)::Sci-Fi\n"
    )
    assert titles(tmp_path, "movies.dat", text.encode(encoding)) == {
        "movie_1": Movie("Misérables, Les (1995)", ("Drama", "Musical")),
        "movie_260": Movie("Star Wars: Episode IV - A New Hope (1977)", ("Sci-Fi",)),
    }


def test_u_item_names_genres_by_its_own_list_or_by_u_genre(tmp_path: Path) -> None:
    line = f"1|Désiré (1937)|01-Jan-1937||http://x|1|{FLAGS}\n7|b||||0|{FLAGS[:-1]}1\n".encode("latin-1")
    assert titles(tmp_path, "u.item", line) == {
        "movie_1": Movie("Désiré (1937)", ("unknown",)),
        "movie_7": Movie("b", ("Western",)),
    }
    write(tmp_path, "u.genre", "one|0\ntwo|1\n\n")
    assert titles(tmp_path, "u.item", "1|a||||0|1\n") == {"movie_1": Movie("a", ("two",))}


def test_movies_csv_keeps_commas_quotes_and_what_has_no_genre(tmp_path: Path) -> None:
    text = (
        "movieId,title,genres\r\n"
        '1,"American President, The (1995)",Comedy|Drama\r\n'
        '2,"""Great Performances"" Cats (1998)",(no genres listed)\r\n'
    )
    assert titles(tmp_path, "movies.csv", text) == {
        "movie_1": Movie("American President, The (1995)", ("Comedy", "Drama")),
        "movie_2": Movie('"Great Performances" Cats (1998)', ()),
    }


def test_a_movie_without_a_title_and_a_set_without_movies_are_fine(tmp_path: Path) -> None:
    assert titles(tmp_path, "movies.csv", "movieId,title,genres\n99,Other,\n") == {
        "movie_99": Movie("Other", ())
    }
    (tmp_path / "movies.csv").unlink()
    assert load_ratings(tmp_path).titles == {}


def test_ids_of_other_text_are_matched_verbatim(tmp_path: Path) -> None:
    write(tmp_path, "mine.csv", "user,movie,rating\nx,007,3\n")
    write(tmp_path, "movies.csv", "movieId,title\n007,Dr. No\n7,Seven\n")
    assert load_ratings(tmp_path / "mine.csv").titles == {"007": Movie("Dr. No", ()), "7": Movie("Seven", ())}


def test_a_foreign_movies_csv_beside_own_ratings_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.csv", "user,movie,rating\nx,y,3\n")
    for content in ("anything;else\n1\n", ""):
        write(tmp_path, "movies.csv", content)
        assert load_ratings(path).titles == {}


@pytest.mark.parametrize(
    ("name", "content", "line", "message"),
    [
        ("movies.dat", "1::a::x\n2::b\n", 2, "expected 3 fields"),
        ("movies.dat", "1::a::x\n2::b::c::d\n", 2, "found 4"),
        ("movies.dat", "1::a::x\n\n2::b::x\n", 2, "blank"),
        ("movies.dat", "1::a::x\n2::b::x\n1::c::x\n", 3, "first on line 1"),
        ("movies.dat", "1::a::x\n2:: ::x\n", 2, "no title"),
        ("movies.dat", "1::a::x\n::b::x\n", 2, "id is empty"),
        ("movies.dat", "1::a\x1b[31m::x\n", 1, "control character"),
        ("u.item", "1|a||||0|1\n", 1, "expected 24 fields"),
        ("u.item", f"1|a||||2|{FLAGS}\n", 1, "neither 0 nor 1"),
        ("movies.csv", "", None, "the file is empty"),
        ("movies.csv", "id;title\n", None, "no row below the header"),
        ("movies.csv", "movieId,what\n1,x\n", 1, "known as the title; rename its columns to title"),
        ("movies.csv", "movieId,title,genres\n1,a,b\n2,Cats, Dogs,x\n", 3, "found 4"),
        ("movies.csv", 'movieId,title,genres\n1,"a\nb",x\n', 2, "control character"),
        ("movies.csv", "movieId\r,title,genres\n1,a,b\n", 1, "carriage return"),
        ("movies.csv", "movieId,title,genres\n1,a,b\n2,c\rd,x\n", 3, "carriage return"),
    ],
)
def test_a_broken_movies_file_is_refused_with_its_line(
    tmp_path: Path, name: str, content: str | bytes, line: int | None, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        titles(tmp_path, name, content)
    assert caught.value.path.name == name
    assert caught.value.line == line
    assert message in str(caught.value)
