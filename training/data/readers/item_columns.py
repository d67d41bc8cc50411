"""Other columns of an items file as features of its items.

| column | features of an item |
| --- | --- |
| years (a name with `year`, numbers from 1000 to 2999), or dates; the first such column | the decade |
| numbers with more than 10 different ones | the fifth of the items in which the number is |
| flags (only 0 and 1, or false and true) | 1 or true |
| text, other numbers, ids | each value; of a list (`|`, `,`, `;`, JSON), each entry |

A missing value is no feature, and neither is a column in which nearly every value is different, free text, or
a column with one value in all rows. Columns that have a number or date in at least 99 % of the rows with a
value count as such; other values are missing there.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np

from training.artefact.new_movies import FLAGS, Feature, decade_of, range_of, value_text
from training.data.files.columns import ID_WORDS, bare_name, folded
from training.data.files.sources import COLUMNS, Source
from training.data.files.values import NOTHING, parse_number

# As long as an API request may write it.
MAX_LENGTH: Final = 200
_BLOCK: Final = 10_000
_SEPARATOR: Final = re.compile(r"\s*[|,;]\s*")
_NONE: Final = frozenset({"", "(no genres listed)", "[]"})
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DATE: Final = re.compile(
    r"([12]\d{3})[-/.]\d{1,2}(?:[-/.]\d{1,2}.*)?|\d{1,2}[-/. ]\w{1,9}[-/., ]+([12]\d{3})"
)
# `author_id`, `authorId`, but not `paid`.
_ID: Final = re.compile(r"(?:^|[ _.-])(?i:ids?)$|[a-z]I[dD]s?$")
# Shares of the items with a value.
_MOSTLY: Final = 0.99
_SHARED: Final = 0.1
# A value is shared if this number of items have it.
_MIN_ITEMS: Final = 5
_MAX_VALUES: Final = 10
# Mean lengths of the values, and of the cells, of what is not free text.
_MAX_MEAN_LENGTH: Final = 40
_MAX_CELL: Final = 1000
_NOT_SET: Final = frozenset({"0", "false"})
_QUANTILES: Final = (0.2, 0.4, 0.6, 0.8)

_Parsed = TypeVar("_Parsed")

EMPTY: Final = "no value"
CONSTANT: Final = "the same value in all rows"
DISTINCT: Final = "nearly every value is different"
FREE_TEXT: Final = "free text"


@dataclass
class ItemFeatures:
    """Features from the other columns of an items file.

    Attributes:
        by_row: Features of each row.
        edges: What separates the ranges of each column of numbers.
        left_out: Names of the columns that are no features, by reason.
    """

    by_row: list[tuple[Feature, ...]]
    edges: dict[str, tuple[float, ...]] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """Which columns are left out, and why; empty if there are none."""
        return "; ".join(f"{', '.join(names)} ({reason})" for reason, names in self.left_out.items())


def read_item_features(source: Source) -> ItemFeatures:
    """Read the features of the items in the table `entries`."""
    found = ItemFeatures([()] * source.count("SELECT count(*) FROM entries"))
    has_year = False
    for role, place in source.layout.positions.items():
        if role in COLUMNS:
            continue
        name = bare_name(source.layout.names[place])
        column: _Column | str = FREE_TEXT
        if source.count(f"SELECT coalesce(avg(length({role})), 0) FROM entries") <= _MAX_CELL:
            rows = source.database.execute(
                f"SELECT {role}, count(*) FROM entries WHERE {role} IS NOT NULL GROUP BY ALL"
            )
            counts = {text: count for text, count in rows.fetchall() if not _is_missing(text)}
            column = _column(name, counts, len(found.by_row), has_year=has_year)
        if isinstance(column, str):
            found.left_out.setdefault(column, []).append(name)
            continue
        has_year = has_year or column.is_year
        if column.edges:
            found.edges[name] = column.edges
        cells = source.database.execute(f"SELECT rowid, {role} FROM entries WHERE {role} IS NOT NULL")
        while block := cells.fetchmany(_BLOCK):
            for row, text in block:
                found.by_row[row] += column.features.get(text, ())
    return found


def listed(text: str) -> tuple[str, ...]:
    """Return the entries of a list in one field."""
    if text.strip() in _NONE:
        return ()
    if not text.startswith("["):
        return tuple(one for one in _SEPARATOR.split(text.strip()) if one)
    try:
        # Entries may be objects, such as `{"id": 18, "name": "Drama"}`.
        entries = [one.get("name") if isinstance(one, dict) else one for one in json.loads(text)]
    except (ValueError, RecursionError):
        # A list as Python writes it.
        entries = re.findall(r"'([^']*)'", text)
    return tuple(str(one).strip() for one in entries if one is not None and str(one).strip())


@dataclass(frozen=True)
class _Column:
    """The features of each text in a column."""

    features: Mapping[str, tuple[Feature, ...]]
    is_year: bool = False
    edges: tuple[float, ...] = ()


def _column(name: str, counts: Mapping[str, int], rows: int, *, has_year: bool) -> _Column | str:
    """Return the features of a column, or why it has none.

    Args:
        name: Its name.
        counts: Number of rows with each text, without missing ones.
        rows: Number of all rows.
        has_year: Whether another column has the years.
    """
    if not counts:
        return EMPTY
    if not _is_id(name):
        numbers = _parsed(counts, _number)
        if numbers:
            return _of_numbers(name, numbers, counts, rows, has_year=has_year)
        dates = _parsed(counts, _year_of_date)
        if dates and not has_year:
            return _of_years(dates)
    return _of_values(name, {text: _values(text) for text in counts}, counts, rows)


def _of_numbers(
    name: str, numbers: Mapping[str, float], counts: Mapping[str, int], rows: int, *, has_year: bool
) -> _Column | str:
    if "year" in folded(name) and not has_year:
        years = {text: int(number) for text, number in numbers.items() if 1000 <= number < 3000}
        if 2 * _rows(years, counts) >= _rows(numbers, counts):
            return _of_years(years)
    if len(set(numbers.values())) <= _MAX_VALUES:
        return _of_values(name, {text: (value_text(one),) for text, one in numbers.items()}, counts, rows)
    values = np.repeat(list(numbers.values()), [counts[text] for text in numbers])
    found = np.unique(np.quantile(values, _QUANTILES, method="inverted_cdf"))
    # The lowest number is in the lowest range.
    edges = found[found > values.min()]
    if not edges.size:
        edges = values[values > values.min()].min(keepdims=True)
    stated = tuple(edges.tolist())
    return _Column({text: ((name, range_of(one, stated)),) for text, one in numbers.items()}, edges=stated)


def _of_years(years: Mapping[str, int]) -> _Column:
    return _Column({text: (decade_of(year),) for text, year in years.items()}, is_year=True)


def _of_values(
    name: str, values: Mapping[str, tuple[str, ...]], counts: Mapping[str, int], rows: int
) -> _Column | str:
    items: Counter[str] = Counter()
    for text, found in values.items():
        for value in found:
            items[value] += counts[text]
    if not items:
        return EMPTY
    if len(items) == 1 and _rows(values, counts) == rows:
        return CONSTANT
    if sum(len(value) * count for value, count in items.items()) > _MAX_MEAN_LENGTH * items.total():
        return FREE_TEXT
    shared = [text for text, found in values.items() if any(items[one] >= _MIN_ITEMS for one in found)]
    if _rows(shared, counts) < _SHARED * _rows(values, counts):
        return DISTINCT
    # Of a flag, the other value says nothing more.
    left_out = _NOT_SET if items.keys() <= _NOT_SET | FLAGS else frozenset()
    return _Column(
        {text: tuple((name, one) for one in found if one not in left_out) for text, found in values.items()}
    )


def _parsed(counts: Mapping[str, int], parse: Callable[[str], _Parsed | None]) -> dict[str, _Parsed]:
    """Parse the texts of a column; return nothing unless nearly all rows are valid."""
    parsed = {text: value for text in counts if (value := parse(text)) is not None}
    return parsed if _rows(parsed, counts) >= _MOSTLY * sum(counts.values()) else {}


def _rows(texts: Iterable[str], counts: Mapping[str, int]) -> int:
    return sum(counts[text] for text in texts)


def _values(text: str) -> tuple[str, ...]:
    found = (value_text(value) for value in listed(text.strip()))
    return tuple(value for value in dict.fromkeys(found) if len(value) <= MAX_LENGTH)


def _number(text: str) -> float | None:
    text = text.strip()
    number = parse_number(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)
    return number if number is not None and np.isfinite(number) else None


def _year_of_date(text: str) -> int | None:
    date = _DATE.fullmatch(text.strip())
    return int(date[1] or date[2]) if date else None


def _is_missing(text: str) -> bool:
    return text.strip() in _NONE or text.strip() in NOTHING


def _is_id(name: str) -> bool:
    return folded(name) in ID_WORDS or _ID.search(name) is not None
