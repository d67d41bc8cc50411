"""Write docs/tutorial.ipynb from docs/tutorial.md: `python -m tools.notebook`.

The Python blocks of the page become the cells of code, and what is between them cells of text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import nbformat
from nbformat import v4

from tools.documents import python_fences

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
PAGE: Final = DOCS / "tutorial.md"
NOTEBOOK: Final = DOCS / "tutorial.ipynb"


def fresh_notebook(page: Path = PAGE) -> Any:
    """Return the notebook of a page, without outputs."""
    lines = page.read_text("utf-8").splitlines()
    cells, end = [], 0
    for fence in python_fences(page):
        cells.append(v4.new_markdown_cell("\n".join(lines[end : fence.start]).strip()))
        cells.append(v4.new_code_cell(fence.code.rstrip("\n")))
        end = fence.end
    cells.append(v4.new_markdown_cell("\n".join(lines[end:]).strip()))
    cells = [cell for cell in cells if cell.source]
    for place, cell in enumerate(cells):
        cell.id = f"cell-{place}"  # random by default
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def as_text(notebook: Any) -> str:
    """Return the content of a notebook's file."""
    text: str = nbformat.writes(notebook)
    return f"{text}\n"


if __name__ == "__main__":
    NOTEBOOK.write_text(as_text(fresh_notebook()), "utf-8")
