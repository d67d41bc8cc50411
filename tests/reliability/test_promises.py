"""docs/reliability.md names tests that are there, and says which of them are long."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPOSITORY

TESTS = REPOSITORY / "tests"
PAGE = (REPOSITORY / "docs" / "reliability.md").read_text("utf-8")
# The second of three cells.
CELLS = re.findall(r"^\| [^|]+\. \| ([^|]+) \|[^|]*\|$", PAGE, re.MULTILINE)


def test_the_page_has_a_row_for_each_promise() -> None:
    assert len(CELLS) > 30


@pytest.mark.parametrize("cell", CELLS)
def test_what_a_row_names_is_there_and_as_long_as_it_says(cell: str) -> None:
    files = re.findall(r"`([\w/]+\.(?:py|sh))`", cell)
    assert files or "`python -m benchmarks.soak`" in cell
    source = "".join((TESTS / file).read_text("utf-8") for file in files)
    for name in re.findall(r"`(test_\w+)`", cell):
        assert f"\ndef {name}(" in source
        assert (f"@pytest.mark.long\ndef {name}(" in source) == cell.startswith("*long:*")
