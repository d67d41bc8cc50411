"""The tests that docs/reliability.md names exist, and are marked as stated there."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

from tests.conftest import REPOSITORY

TESTS = REPOSITORY / "tests"
PAGE = (REPOSITORY / "docs" / "reliability.md").read_text("utf-8")
# The second of three cells: names of files and tests.
CELLS = re.findall(r"^\| [^|]+\. \| ((?:\*long:\* )?`[^|]+) \|[^|]*\|$", PAGE, re.MULTILINE)
# Files with long tests in these folders need a row.
PROMISED = ("fuzz", "hostile", "reliability")


@functools.cache
def functions_in(file: Path) -> dict[str, bool]:
    """Return the names of the tests in a file, and whether each is long."""
    tree = ast.parse(file.read_text("utf-8"))
    all_long = any(
        isinstance(node, ast.Assign) and re.match(r"pytestmark = \[?pytest\.mark\.long\b", ast.unparse(node))
        for node in tree.body
    )
    return {
        node.name: all_long or "pytest.mark.long" in map(ast.unparse, node.decorator_list)
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def named(cell: str) -> dict[tuple[str, str], bool]:
    """Return the tests that a cell names, by file and name; all tests of a file named without tests."""
    found: dict[tuple[str, str], bool] = {}
    for file, names in re.findall(r"`([\w/]+\.py)`((?: `test_\w+`)*)", cell):
        tests = functions_in(TESTS / file)
        for name in re.findall(r"\w+", names) or tests:
            found[file, name] = tests[name]
    return found


def test_the_page_has_a_row_for_each_promise() -> None:
    assert len(CELLS) > 30


def test_tests_of_each_row_exist_and_are_marked_correctly() -> None:
    for cell in CELLS:
        if tests := named(cell):
            assert cell.startswith("*long:*") == all(tests.values()), cell
        else:
            assert cell in ("`docker/smoke.sh`", "`docker/pod.sh`", "*long:* `python -m benchmarks.soak`")


def test_every_file_of_long_tests_has_a_row() -> None:
    rows = {file for cell in CELLS for file, _ in named(cell)}
    for folder in PROMISED:
        for file in (TESTS / folder).glob("test_*.py"):
            assert f"{folder}/{file.name}" in rows or not any(functions_in(file).values())
