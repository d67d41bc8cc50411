"""Finds the code blocks of the documents, which tests run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt


def code_blocks(page: Path, language: str = "python") -> Iterator[str]:
    """Yield the fenced code blocks of a language, in order.

    Each is preceded by as many empty lines as the page has before it, so that a traceback names the line of
    the page.
    """
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        if token.type == "fence" and token.info == language:
            assert token.map is not None
            yield "\n" * (token.map[0] + 1) + token.content


def run_code_blocks(page: Path) -> dict[str, Any]:
    """Run the Python blocks of a page one after the other, and return their variables."""
    names: dict[str, Any] = {"__name__": page.stem}
    for block in code_blocks(page):
        exec(compile(block, page, "exec"), names)
    return names
