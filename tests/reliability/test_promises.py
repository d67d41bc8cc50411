"""docs/reliability.md names tests that are there, and says which of them are long."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPOSITORY

TESTS = REPOSITORY / "tests"
PAGE = (REPOSITORY / "docs" / "reliability.md").read_text("utf-8")
# The second of three cells.
CELLS = re.findall(r"^\| [^|]+\. \| ([^|]+) \|[^|]*\|$", PAGE, re.MULTILINE)
LONG_CELLS = [cell for cell in CELLS if cell.startswith("*long:*")]
# Other decorators, of several lines perhaps, may stand between.
LONG = re.compile(r"^@pytest\.mark\.long\n(?:[@ )].*\n)*def (\w+)\(", re.MULTILINE)


def test_the_page_has_a_row_for_each_promise() -> None:
    assert len(CELLS) > 30


@pytest.mark.parametrize("cell", CELLS)
def test_what_a_row_names_is_there_and_as_long_as_it_says(cell: str) -> None:
    files = re.findall(r"`([\w/]+\.(?:py|sh))`", cell)
    assert files or "`python -m benchmarks.soak`" in cell
    source = "".join((TESTS / file).read_text("utf-8") for file in files)
    for name in re.findall(r"`(test_\w+)`", cell):
        assert f"\ndef {name}(" in source
        assert (name in re.findall(LONG, source)) == cell.startswith("*long:*")


def test_every_long_test_has_a_row() -> None:
    sources = [path.read_text("utf-8") for path in TESTS.rglob("test_*.py")]
    names = {name for source in sources for name in re.findall(LONG, source)}
    # It tries the soak, which is what has a row.
    assert names - {"test_what_grows_is_told"} == set(re.findall(r"`(test_\w+)`", " ".join(LONG_CELLS)))
