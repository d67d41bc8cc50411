"""Finds the Python code of the documents, which tests run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it import MarkdownIt


class Fence(NamedTuple):
    """A fenced block of Python code in a page.

    Attributes:
        start: Line of the opening fence, from 0.
        end: Line after the closing fence.
        code: What is between the fences.
    """

    start: int
    end: int
    code: str


def python_fences(page: Path) -> Iterator[Fence]:
    """Yield the Python blocks of a page, in order."""
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        if token.type == "fence" and token.info == "python":
            assert token.map is not None
            start, end = token.map
            yield Fence(start, end, token.content)


def run_python(page: Path) -> dict[str, Any]:
    """Run the Python blocks of a page one after the other, and return their variables."""
    names: dict[str, Any] = {"__name__": page.stem}
    for fence in python_fences(page):
        # Empty lines before it, so that a traceback names the line of the page.
        exec(compile("\n" * (fence.start + 1) + fence.code, page, "exec"), names)
    return names
