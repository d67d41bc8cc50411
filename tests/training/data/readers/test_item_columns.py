"""Other columns of an items file, which become features of its items."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.data.helpers import write
from training.data.readers.ratings import load_ratings
from training.data.table import RatingsTable

ITEMS = 40


def table_of(
    folder: Path, columns: dict[str, list[Any]], name: str = "items.csv", rows: int = ITEMS
) -> RatingsTable:
    """Load ratings with an items file that has these columns, each with a value for each row."""
    ratings = write(folder, "ratings.csv", "user,item,rating\n1,1,5\n2,2,3\n1,3,4\n")
    header = ["id", "name", *columns]
    titles = [f"Thing {row}" for row in range(rows)]
    cells = list(zip(range(1, rows + 1), titles, *columns.values(), strict=True))
    if name.endswith(".csv"):
        lines = ["\t".join(map(str, row)) for row in (header, *cells)]
        path = write(folder, name, "\n".join(lines) + "\n")
    elif name.endswith(".json"):
        path = write(folder, name, json.dumps([dict(zip(header, row, strict=True)) for row in cells]))
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = folder / name
        pq.write_table(pa.table({key: [row[at] for row in cells] for at, key in enumerate(header)}), path)
    return load_ratings(ratings, items=path)


def features(table: RatingsTable, movie: int) -> list[tuple[str, str]]:
    return list(table.titles[f"movie_{movie}"].features)


def column(value: Any, other: Any) -> list[Any]:
    """Return a column in which every second item has each of two values."""
    return [value, other] * (ITEMS // 2)


@pytest.mark.parametrize("name", ["items.csv", "items.json", "items.parquet"])
def test_text_flags_and_few_numbers_are_features_by_value(tmp_path: Path, name: str) -> None:
    columns = {
        "author": column("Jane Austen", "Emily Brontë"),
        "in print": column(True, False),
        "signed": column(0, 1),
        "volume": column(1, 3),
        "seriesId": column(1001, 1002),
    }
    table = table_of(tmp_path, columns, name)
    assert features(table, 1) == [
        ("author", "Jane Austen"), ("in print", "true"), ("volume", "1"), ("seriesId", "1001")
    ]  # fmt: skip
    # A flag that is not set is no feature.
    assert features(table, 2) == [
        ("author", "Emily Brontë"), ("signed", "1"), ("volume", "3"), ("seriesId", "1002")
    ]  # fmt: skip
    assert table.edges == {} and not [note for note in table.notes if "features" in note]


@pytest.mark.parametrize(
    "text", ["calm|short", "calm; short", "calm, short", '["calm", "short"]', "['calm', 'short']"]
)
def test_lists_are_sets_of_values(tmp_path: Path, text: str) -> None:
    table = table_of(tmp_path, {"mood": column(text, "long")})
    assert features(table, 1) == [("mood", "calm"), ("mood", "short")]
    assert features(table, 2) == [("mood", "long")]


def test_objects_in_a_list_count_by_their_name(tmp_path: Path) -> None:
    cast = json.dumps([{"id": 7, "name": "Toshiro Mifune"}, {"id": 8}])
    assert features(table_of(tmp_path, {"cast": column(cast, "[]")}), 1) == [("cast", "Toshiro Mifune")]


def test_numbers_are_features_by_fifth(tmp_path: Path) -> None:
    table = table_of(tmp_path, {"pages": [10 * row for row in range(1, ITEMS + 1)]})
    assert table.edges == {"pages": (80.0, 160.0, 240.0, 320.0)}
    found = [features(table, movie) for movie in (1, 7, 8, 15, 32, 40)]
    assert found == [
        [("pages", one)]
        for one in ("below 80", "below 80", "80 to 160", "80 to 160", "320 or more", "320 or more")
    ]


def test_frequent_lowest_number_is_a_range_of_its_own(tmp_path: Path) -> None:
    table = table_of(tmp_path, {"awards": [0] * 28 + list(range(1, 13))})
    assert features(table, 1) == [("awards", "below 4")] and table.edges == {"awards": (4.0,)}
    mostly = table_of(tmp_path, {"awards": [0] * 100 + list(range(1, 13))}, rows=112)
    assert features(mostly, 1) == [("awards", "below 1")] and mostly.edges == {"awards": (1.0,)}


def test_numbers_may_have_thousands_and_few_other_words(tmp_path: Path) -> None:
    votes = [f"{row},000" for row in range(1, ITEMS + 1)]
    assert table_of(tmp_path, {"votes": votes}).edges["votes"][0] == 8000
    # One of 40 is more than 1 %, so that the column is text.
    assert table_of(tmp_path, {"votes": ["many", *votes[1:]]}).edges == {}


@pytest.mark.parametrize(
    ("name", "value", "decade"),
    [
        ("Year-Of-Publication", "1994", "1990"),
        ("year", "1994.0", "1990"),
        ("released", "2003-11-05", "2000"),
        ("released", "5/23/2003", "2000"),
        ("released", "01-Jan-1995", "1990"),
    ],
)
def test_years_and_dates_are_decades(tmp_path: Path, name: str, value: str, decade: str) -> None:
    table = table_of(tmp_path, {name: column(value, value)})
    assert features(table, 1) == [("decade", decade)]


def test_only_the_first_column_of_years_is_the_decade(tmp_path: Path) -> None:
    born = [1900 + row for row in range(ITEMS)]
    table = table_of(tmp_path, {"year": column(1994, 0), "birth year": born})
    assert features(table, 1) == [("decade", "1990"), ("birth year", "below 1907")]
    assert features(table, 2) == [("birth year", "below 1907")]


def test_missing_values_are_no_features(tmp_path: Path) -> None:
    columns = {"author": column("Jane Austen", "NA"), "mood": column("", "calm"), "price": column("nan", 3)}
    table = table_of(tmp_path, columns)
    assert features(table, 1) == [("author", "Jane Austen")]
    assert features(table, 2) == [("mood", "calm"), ("price", "3")]


def test_columns_that_say_nothing_are_left_out_with_a_note(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "goods_id": [9_780_000_000_000 + row for row in range(ITEMS)],
        "image": [f"https://example.org/{row}.jpg" for row in range(ITEMS)],
        "about": [
            f"A story that goes on for a long while about thing number {row % 5}" for row in range(ITEMS)
        ],
        "language": ["en"] * ITEMS,
        "notes": ["null"] * ITEMS,
        "author": column("Jane Austen", "Emily Brontë"),
    }
    table = table_of(tmp_path, columns)
    assert features(table, 1) == [("author", "Jane Austen")]
    (note,) = [note for note in table.notes if "features" in note]
    assert note == (
        "items.csv: columns that are no features of items: goods_id, image (nearly every value is different); "
        "about (free text); language (the same value in all rows); notes (no value)"
    )


def test_columns_without_a_name_of_their_own_are_ignored(tmp_path: Path) -> None:
    rows = "".join(f"{row},Thing,a,b,c,d\n" for row in range(1, ITEMS + 1))
    items = write(tmp_path, "items.csv", f"id,name,,Shelf,shelf,price\n{rows}")
    ratings = write(tmp_path, "ratings.csv", "user,item,rating\n1,1,5\n")
    table = load_ratings(ratings, items=items)
    assert features(table, 1) == []
    assert [note for note in table.notes if "features" in note] == [
        "items.csv: columns that are no features of items: price (the same value in all rows)"
    ]


@pytest.mark.parametrize(
    "value", ["[" * 2000, '["open', "[null]", '[{"name": null}]', "{}", "1e999", "\t", '"', "||"]
)
def test_odd_values_never_refuse_a_file(tmp_path: Path, value: str) -> None:
    rows = [{"id": row, "name": "Thing", "odd": value} for row in range(1, ITEMS + 1)]
    items = write(tmp_path, "items.json", json.dumps(rows))
    ratings = write(tmp_path, "ratings.csv", "user,item,rating\n1,1,5\n")
    assert len(load_ratings(ratings, items=items).titles) == ITEMS


def test_long_values_are_no_features(tmp_path: Path) -> None:
    long = "x" * 201
    table = table_of(tmp_path, {"mood": column(f"calm|{long}", "|".join(["long"] * 50))})
    assert features(table, 1) == [("mood", "calm")] and features(table, 2) == [("mood", "long")]
