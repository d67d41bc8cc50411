"""What is wrong with a file, and the line on which the user is told so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.data.helpers import write
from training.data.readers.ratings import ColumnNames, load_ratings
from training.errors import DataError

HEADER = "userId,movieId,rating,timestamp\n"
OWN = "user,movie,rating\n"

BAD = [
    # name of the case, file, content, line, part of the message
    ("nothing", "ratings.dat", "", None, "empty"),
    ("header only", "ratings.csv", HEADER, None, "no rating below the header"),
    ("header without newline", "ratings.csv", HEADER.strip(), None, "no rating below the header"),
    ("blank first line", "ratings.dat", "\n1::1::1::1\n", 1, "blank"),
    ("blank line inside", "ratings.dat", "1::1::1::1\n\n2::1::1::1\n", 2, "blank"),
    ("blank line at the end", "ratings.csv", HEADER + "1,1,1,1\n\n", 3, "blank"),
    ("line of spaces", "u.data", "1\t1\t1\t1\n   \n", 2, "blank"),
    (
        "too few fields",
        "ratings.dat",
        "1::1::1::1\n2::1::1\n",
        2,
        "expected 4 fields separated by '::', found 3",
    ),
    ("too many fields", "ratings.dat", "1::1::1::1\n2::1::1::1::1\n", 2, "found 5"),
    ("single colon", "ratings.dat", "1::1::1::1\n2::1:1::1\n", 2, "found 3"),
    ("text between colons", "ratings.dat", "1::1::1::1\n2:x:1::1::1\n", 2, "found 3"),
    ("extra colon", "ratings.dat", "1::1::1::1\n2:::1::1::1\n", 2, "':' stands beside"),
    ("too few fields, csv", "ratings.csv", HEADER + "1,1,1,1\n2,1,1\n", 3, "expected 4 fields"),
    ("too many fields, csv", "ratings.csv", HEADER + "1,1,1,1,\n", 2, "found 5"),
    ("too many fields, tabs", "u.data", "1\t1\t1\t1\n1\t2\t1\t1\t9\n", 2, "found 5"),
    ("tabs where colons belong", "ratings.dat", "1\t1\t1\t1\n", 1, "found 1"),
    ("commas where tabs belong", "u.data", "1,1,1,1\n", 1, r"separated by '\t', found 1"),
    ("pipes", "x.csv", "user|movie|rating\n1|1|1\n", 1, "user|movie|rating"),
    ("unknown words", "x.csv", "who,what,much\n1,1,1\n", 1, "who,what,much"),
    ("csv without header", "ratings.csv", "1,1,4.0,964982703\n1,3,4.0,964981247\n", 1, "no header"),
    (
        "header in a ml-1m file",
        "ratings.dat",
        "userId::movieId::rating::timestamp\n1::1::1::1\n",
        1,
        "'rating'",
    ),
    ("header in a ml-100k file", "u.data", "who\twhat\tmuch\twhen\n1\t1\t1\t1\n", 1, "'much'"),
    ("two user columns", "x.csv", "user,customer,movie,rating\n1,1,1,1\n", 1, "'user' and 'customer'"),
    ("column twice", "x.csv", "user,movie,rating,rating\n1,1,1,1\n", 1, "both be the rating"),
    ("missing rating", "x.csv", OWN + "1,1,\n", 2, "rating is missing"),
    ("blank rating", "x.csv", OWN + "1,1, \n", 2, "rating is missing"),
    ("NaN", "x.csv", OWN + "1,1,4\n1,2,NaN\n", 3, "'NaN' is not a number"),
    ("infinity", "x.csv", OWN + "1,1,inf\n", 2, "not a number"),
    ("text", "ratings.dat", "1::1::good::1\n", 1, "'good' is not a number"),
    ("underscore", "x.csv", OWN + "1,1,1_0\n", 2, "not a number"),
    ("arabic digit", "x.csv", OWN + "1,1,٤\n", 2, "not a number"),
    ("blank before the number", "x.csv", OWN + "1,1, 4\n", 2, "not a number"),
    ("decimal comma", "x.csv", "user;movie;rating\n1;1;4\n2;1;3,5\n", 3, "decimal comma; write '3.5'"),
    ("decimal comma, quoted", "x.csv", OWN + '1,1,"3,5"\n', 2, "decimal comma"),
    ("below the scale", "ratings.dat", "1::1::1::1\n1::2::-0.5::1\n", 2, "off the scale, which is 0 to 5"),
    ("above the scale", "u.data", "1\t1\t5.01\t1\n", 1, "off the scale"),
    ("scale of ten", "x.csv", OWN + "1,1,4\n1,2,7\n1,3,10\n", 3, "looks like 0 to 10: divide it by 2"),
    ("scale of hundred", "x.csv", OWN + "1,1,80\n1,2,100\n", 2, "looks like 0 to 100: divide it by 20"),
    ("huge", "x.csv", OWN + "1,1,1e999\n", 2, "off the scale"),
    ("empty user", "x.csv", OWN + ",1,1\n", 2, "user id is empty"),
    ("empty movie", "ratings.dat", "1::::1::1\n", 1, "movie id is empty"),
    ("overlong id", "x.csv", OWN + "1,1,1\n" + "a" * 257 + ",1,1\n", 3, "257 characters"),
    ("blank around an id", "x.csv", OWN + "1, 2,1\n", 2, "movie id ' 2' has blanks around it"),
    ("no-break space around an id", "x.csv", OWN + "1\u00a0,2,1\n", 2, "blanks around it"),
    ("control character in an id", "x.csv", OWN + "a\x07b,2,1\n", 2, "control character"),
    ("NUL in an id", "ratings.dat", "1::1::1::1\n1\x00::2::1::1\n", 2, "control character"),
    ("line separator in an id", "x.csv", OWN + "a\u2028b,2,1\n", 2, "control character"),
    ("carriage return alone", "x.csv", OWN + "1,1,1\r2,1,1\n", 2, "carriage return"),
    (
        "carriage return made up for by a quoted newline",
        "x.csv",
        'user,movie,rating,note\n1,1,1,\r2,1,1,"a\nb"\n',
        2,
        "carriage return",
    ),
    ("two carriage returns", "x.csv", OWN + "1,1,1\r\r\n", 2, "carriage return"),
    ("latin-1 in a ratings file", "x.csv", (OWN + "1,1,1\nJosé,1,1\n").encode("latin-1"), 3, "not UTF-8"),
    ("latin-1 in another column", "x.csv", b"user,movie,rating,note\n1,1,1,caf\xe9\n", 2, "not UTF-8"),
    ("cut in the middle of a letter", "x.csv", OWN.encode() + b"1,1,1\nJos\xc3", 3, "not UTF-8"),
    ("latin-1 header", "x.csv", b"us\xe9r,movie,rating\n1,1,1\n", 1, "not UTF-8"),
    ("utf-16", "x.csv", (OWN + "1,1,1\n").encode("utf-16"), None, "UTF-16"),
    ("zip", "ratings.csv", b"PK\x03\x04....", None, "zip"),
    ("gzip", "ratings.csv", b"\x1f\x8b\x08....", None, "gzip"),
    ("quote left open", "x.csv", OWN + '1,"1,1\n2,1,1\n', 2, "not closed on its own line"),
    (
        "quoted newline",
        "x.csv",
        'user,movie,rating,note\n1,1,1,\n2,1,1,"a\nb"\n',
        3,
        "not closed on its own line",
    ),
    ("text after a quote", "x.csv", OWN + '1,1,1\n"2"3,1,1\n', 3, "not closed"),
    (
        "time as text",
        "ratings.dat",
        "1::1::1::1\n1::2::1::noon\n",
        2,
        "'noon' is not a whole number of seconds",
    ),
    ("time as a date", "x.csv", "user,movie,rating,timestamp\n1,1,1,2020-01-01\n", 2, "seconds since 1970"),
    ("time missing", "ratings.csv", HEADER + "1,1,1,\n", 2, "whole number"),
    ("time negative", "ratings.csv", HEADER + "1,1,1,-5\n", 2, "whole number"),
    ("time with a blank", "ratings.csv", HEADER + "1,1,1, 5\n", 2, "whole number"),
    ("time in milliseconds", "ratings.csv", HEADER + "1,1,1,964982703000000\n", 2, "milliseconds"),
    ("time beyond 64 bits", "ratings.csv", HEADER + "1,1,1,99999999999999999999\n", 2, "whole number"),
    ("pair twice", "ratings.dat", "1::1::1::1\n2::1::1::1\n1::1::4::9\n", 3, "first on line 1"),
    (
        "pair twice, csv",
        "x.csv",
        OWN + "2,3,1\n1,3,1\n2,3,1\n",
        4,
        "user_2 rates movie_3 a second time, first on line 2",
    ),
    ("pair three times", "x.csv", OWN + "9,9,1\n1,1,1\n1,1,1\n9,9,1\n9,9,2\n", 4, "first on line 3"),
    ("two pairs twice", "x.csv", OWN + "9,9,1\n1,1,1\n9,9,1\n1,1,1\n", 4, "user_9 rates movie_9"),
    ("the first of two errors", "x.csv", OWN + "1,1,4\n1,2,x\n,3,1\n", 3, "'x'"),
    ("not text at all", "x.csv", bytes(range(1, 256)) * 10, None, None),
    ("one endless line", "ratings.dat", "1::1::1::1\n" + "9" * 2**21, 2, "longer than"),
]


@pytest.mark.parametrize(
    ("name", "content", "line", "message"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_bad_file_is_refused_with_its_line(
    tmp_path: Path, name: str, content: str | bytes, line: int | None, message: str | None
) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(DataError) as caught:
        load_ratings(path)
    text = str(caught.value)
    if message is not None:
        assert message in text
        assert caught.value.line == line
    assert text.startswith(f"{path}:")
    assert len(text.splitlines()) == 1
    assert len(text) < len(str(path)) + 350
    assert text.isprintable()


@pytest.mark.parametrize(
    "content",
    [
        OWN + "1,1,5\n1,2,0\n1,3,0.0\n1,4,.5\n1,5,5.\n1,6,+2\n1,7,1e0\n",
        OWN + 'a b,"x,y",1\n"say ""hi""",z,1\n',
        OWN + "a" * 256 + ",1,1\n",
        OWN + "\u200dزن\u200cها,京,1\n",
    ],
)
def test_odd_but_legal_files_are_read(tmp_path: Path, content: str) -> None:
    assert load_ratings(write(tmp_path, "x.csv", content)).rows == content.count("\n") - 1


def test_ids_in_quotes_lose_the_quotes_only(tmp_path: Path) -> None:
    table = load_ratings(write(tmp_path, "x.csv", OWN + 'a b,"x,y",1\n"say ""hi""",z,1\n'))
    assert list(table.users) == ["a b", 'say "hi"']
    assert list(table.movies) == ["x,y", "z"]


def test_columns_that_are_not_there_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "user,movie,rating\n1,1,1\n")
    with pytest.raises(DataError, match="'who', 'movie', 'rating'") as caught:
        load_ratings(path, columns=ColumnNames("who", "movie", "rating"))
    assert caught.value.line == 1


def test_named_columns_are_matched_by_case(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "User,movie,rating\n1,1,1\n")
    with pytest.raises(DataError):
        load_ratings(path, columns=ColumnNames("user", "movie", "rating"))


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    # A regular file whose first byte is an error, to whoever reads it, root too.
    (tmp_path / "x.csv").symlink_to("/proc/self/mem")
    with pytest.raises(DataError, match=r"x\.csv: cannot be read: Input/output error"):
        load_ratings(tmp_path / "x.csv")
