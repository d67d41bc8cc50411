"""The rule by which a rating is suspected to mean "not rated", from both sides, and the scales that are offered."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.training.data.helpers import write
from training.data.readers.ratings import load_ratings
from training.data.readers.scale import DEFAULT_SCALE, fitting_scale, judge, parse_not_rated, parse_scale
from training.errors import DataError, SettingsError

STARS = {1.0: 100, 2.0: 200, 3.0: 300, 4.0: 300, 5.0: 90}
BOOKS = {float(grade): 90 for grade in range(1, 11)}
JOKES = {tenth / 10: 10 for tenth in range(-100, 101)}


def problem(counts: dict[float, int], scale: tuple[float, float] = DEFAULT_SCALE) -> str:
    return judge(Counter(counts), scale, None).problem or ""


@pytest.mark.parametrize(
    ("counts", "scale", "advice"),
    [
        # Off the scale, and with 1 % of the rows: a marker, and a scale for those to whom it is a rating.
        ({**STARS, 99.0: 10}, DEFAULT_SCALE, "by --not-rated 99, or say --scale 0:100 --not-rated none"),
        ({**STARS, -1.0: 10}, DEFAULT_SCALE, "by --not-rated -1, or say --scale -5:5 --not-rated none"),
        ({**STARS, 98.0: 50, 99.0: 50}, DEFAULT_SCALE, "by --not-rated 98,99, or say --scale 0:100"),
        ({**STARS, -1.0: 50, 99.0: 50}, DEFAULT_SCALE, "by --not-rated -1,99, or say --scale -100:100"),
        ({**JOKES, 99.0: 3000}, DEFAULT_SCALE, "by --scale -10:10 --not-rated 99, or say --scale -100:100"),
        # 0 beside 1 to 10 is next to them, and outside of their scale.
        ({**BOOKS, 0.0: 1500}, DEFAULT_SCALE, "by --scale 1:10 --not-rated 0, or say --scale 0:10"),
        ({**BOOKS, 0.0: 1500}, (1.0, 10.0), "by --not-rated 0, or say --scale 0:10"),
        (
            {**BOOKS, 0.0: 90, 99.0: 90},
            DEFAULT_SCALE,
            "by --scale 1:10 --not-rated 0,99, or say --scale 0:100",
        ),
        # On a scale that was chosen: apart by two steps.
        ({**STARS, 7.0: 10}, (1.0, 7.0), "by --not-rated 7, or say --not-rated none"),
        ({**STARS, 99.0: 10}, (0.0, 100.0), "by --not-rated 99, or say --not-rated none"),
    ],
)
def test_a_suspected_rating_is_refused_with_both_ways_out(
    counts: dict[float, int], scale: tuple[float, float], advice: str
) -> None:
    assert f"leave these rows out {advice}" in problem(counts, scale)
    assert "'not rated'" in problem(counts, scale)


@pytest.mark.parametrize(
    ("counts", "scale"),
    [
        (STARS, DEFAULT_SCALE),
        (STARS, (1.0, 5.0)),
        (BOOKS, (1.0, 10.0)),
        (JOKES, (-10.0, 10.0)),
        # Zeros in use: MovieTweetings.
        ({**BOOKS, 0.0: 1500}, (0.0, 10.0)),
        # Less than two steps apart.
        ({**STARS, 6.0: 10}, (1.0, 7.0)),
        ({1.0: 9, 2.0: 9, 4.0: 9, 7.0: 9}, (1.0, 10.0)),
        ({half / 2: 10 for half in range(1, 11)}, DEFAULT_SCALE),
        # Less than 1 % of the rows.
        ({**STARS, 7.0: 9}, (1.0, 7.0)),
        # A handful of rows shows no step and no frequency.
        ({1.0: 1, 2.0: 1, 5.0: 1}, (1.0, 5.0)),
        ({1.0: 2, 8.0: 2, 9.0: 2, 10.0: 2}, (1.0, 10.0)),
    ],
)
def test_ratings_in_use_are_not_suspected(counts: dict[float, int], scale: tuple[float, float]) -> None:
    verdict = judge(Counter(counts), scale, None)
    assert (verdict.problem, verdict.note) == (None, None)


@pytest.mark.parametrize(("lowest", "step"), [(0.0, 1e-5), (978300760.0, 1.0)], ids=["ratings", "times"])
def test_any_number_of_different_values_is_judged(lowest: float, step: float) -> None:
    counts = Counter({lowest + place * step: 1 for place in range(200_000)})
    assert ("is this the column of ratings?" in problem(counts)) == (lowest > 5)


def test_none_says_that_every_value_is_meant() -> None:
    assert judge(Counter({**STARS, 99.0: 10}), (0.0, 100.0), "none").problem is None
    assert judge(Counter({**STARS, 99.0: 10}), DEFAULT_SCALE, "none").problem is not None


@pytest.mark.parametrize(
    ("counts", "note"),
    [
        (
            {**STARS, 0.0: 400},
            "0 stands in 28.8 % of the rows; where that means 'not rated', say --not-rated 0",
        ),
        ({0.0: 50, 3.0: 50, 4.0: 50, 5.0: 50}, "0 stands in 25.0 % of the rows"),
        ({**STARS, 0.0: 9}, None),
        ({0.0: 50, 0.5: 50, 1.0: 50, 1.5: 50, 2.0: 50}, None),
    ],
)
def test_on_the_default_scale_a_suspicion_is_a_note(counts: dict[float, int], note: str | None) -> None:
    verdict = judge(Counter(counts), DEFAULT_SCALE, None)
    assert verdict.problem is None
    assert (verdict.note is None) if note is None else (note in (verdict.note or ""))


def test_a_slip_is_told_from_a_marker() -> None:
    said = problem({**STARS, 55.0: 9})
    assert "55 stands in 9 of 999 rows, as by a slip" in said
    assert "'not rated'" not in said


@pytest.mark.parametrize(
    ("lowest", "highest", "scale"),
    [
        (0.5, 5, (0, 5)),
        (1, 4, (1, 5)),
        (1, 6, (1, 6)),
        (1, 7, (1, 7)),
        (4, 9, (1, 10)),
        (0.5, 10, (0, 10)),
        (1, 20, (0, 20)),
        (30, 100, (0, 100)),
        (-9.95, 9.8, (-10, 10)),
        (-1, 1, (-1, 1)),
        (-7, -2, (-7, 0)),
        (0, 900_000, (0, 1_000_000)),
    ],
)
def test_the_usual_scale_that_has_all(lowest: float, highest: float, scale: tuple[float, float]) -> None:
    assert fitting_scale([lowest, highest]) == scale


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("99", (99.0,)),
        ("-1, 99.0", (-1.0, 99.0)),
        ("NA,empty", ("NA", "")),
        ("none", "none"),
        ('"none"', ("none",)),
        ('"a,b"', ("a,b",)),
    ],
)
def test_not_rated_is_numbers_and_words(text: str, expected: object) -> None:
    assert parse_not_rated(text) == expected


@pytest.mark.parametrize("text", ["", " ", "1,,2", '"a'])
def test_what_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="--not-rated"):
        parse_not_rated(text)


def test_a_scale_is_two_numbers() -> None:
    assert parse_scale("1:10") == (1, 10)
    assert parse_scale(" -10 : 10.5 ") == (-10, 10.5)
    for text in ("", "5", "1-10", "10:1", "1:1", "1:x", "nan:5", "0:1e999", "1:2:3"):
        with pytest.raises(SettingsError, match="--scale takes"):
            parse_scale(text)


def test_rows_that_are_not_rated_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    content = "user,movie,rating\nc,x,99\nb,x,4\n,,99.0\nb,y,99\na,y,5\nb,x,NA\n"
    table = load_ratings(write(tmp_path, "a.csv", content), not_rated=(99.0, "NA"))
    without = load_ratings(write(tmp_path, "b.csv", "user,movie,rating\nb,x,4\na,y,5\n"))
    assert (list(table.users), list(table.movies)) == (list(without.users), list(without.movies))
    assert table.user_index.tolist() == without.user_index.tolist()
    assert table.ratings.tolist() == [4, 5]
    assert table.notes == ("left out 4 rows whose rating means 'not rated'",)


def test_lines_are_those_of_the_file_whatever_was_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "user,movie,rating\nb,x,99\nb,x,4\nb,y,99\nb,z,9\n")
    with pytest.raises(DataError, match="'9' is off the scale") as caught:
        load_ratings(path, not_rated=(99.0,))
    assert caught.value.line == 5


def test_what_no_row_has_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "user,movie,rating\na,x,4\n")
    assert load_ratings(path, not_rated=(98.0,)).notes == (
        "no row has a rating that was said to mean 'not rated' (98)",
    )
    with pytest.raises(DataError, match="no rating is left"):
        load_ratings(path, not_rated=(4.0,))
