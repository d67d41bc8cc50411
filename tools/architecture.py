"""Draw the imports between folders into docs/architecture.md: `python -m tools.architecture`.

The imports are read from the source without executing it. `tests/test_architecture.py` checks them, and fails
if the page is out of date.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PAGE: Final = REPOSITORY / "docs" / "architecture.md"
PACKAGES: Final = ("app", "training")

Graph = dict[str, set[str]]
"""Maps each module or folder to those that it imports."""


def main() -> None:
    """Update the page."""
    PAGE.write_text(fresh(PAGE.read_text("utf-8")), encoding="utf-8")


def fresh(page: str) -> str:
    """Return the page with diagrams and tables that match the source."""
    for package in PACKAGES:
        begin, end = f"<!-- {package}: begin -->\n", f"<!-- {package}: end -->\n"
        before, rest = page.split(begin)
        page = f"{before}{begin}{_picture(package)}\n{_table(package)}{end}{rest.split(end)[1]}"
    return page


@cache
def modules(package: str) -> Mapping[str, Path]:
    """Map the dotted name of every module of a package to its file."""
    found = {}
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, top_level_only: bool = False) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the module and the imported names of each import statement."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or "", tuple(alias.name for alias in node.names)


@cache
def module_graph(package: str) -> Mapping[str, set[str]]:
    """Return the imports of each module of a package from the packages of this repository."""
    known = {name: path for one in PACKAGES for name, path in modules(one).items()}
    graph: Graph = {}
    for name, path in modules(package).items():
        taken = {
            f"{module}.{one}" if f"{module}.{one}" in known else module
            for module, names in imports(path)
            for one in names or ("",)
        }
        graph[name] = {one for one in taken if one in known and one != name}
    return graph


def folder_graph(package: str) -> Graph:
    """Return the imports between folders; a module in the root of a package counts as a folder."""
    graph: Graph = {}
    for module, taken in module_graph(package).items():
        own = _folder(module)
        graph.setdefault(own, set()).update(map(_folder, taken))
        graph[own].discard(own)
    return graph


def _folder(module: str) -> str:
    path = modules(module.split(".")[0])[module]
    folder = ".".join(path.parent.relative_to(REPOSITORY).parts)
    return module if folder in PACKAGES else folder


def _picture(package: str) -> str:
    """Draw a Mermaid diagram without the imports that follow from others."""
    graph = {folder: taken for folder, taken in folder_graph(package).items() if folder != package}
    reached = {folder: _reached(graph, folder) for folder in {*graph, *chain(*graph.values())}}
    nodes = [f'    {_node(folder)}["{_shown(folder)}"]' for folder in sorted(reached)]
    arrows = [
        f"    {_node(folder)} --> {_node(one)}"
        for folder in sorted(graph)
        for one in sorted(graph[folder])
        if not any(one in reached[other] and folder not in reached[other] for other in graph[folder] - {one})
    ]
    return "\n".join(["```mermaid", "flowchart TD", *nodes, *arrows, "```", ""])


def _reached(graph: Graph, folder: str) -> set[str]:
    """Return the folders that a folder imports, directly or indirectly."""
    found: set[str] = set()
    open_ = list(graph.get(folder, ()))
    while open_:
        one = open_.pop()
        if one not in found:
            found.add(one)
            open_ += graph.get(one, ())
    return found


def _table(package: str) -> str:
    """Make a table with the first docstring line of each folder and root module."""
    known = modules(package)
    lines = ["| where | what |", "| --- | --- |"]
    for folder in sorted(folder_graph(package)):
        doc = ast.get_docstring(ast.parse(known[folder].read_text("utf-8"))) or ""
        lines.append(f"| `{_shown(folder)}` | {doc.splitlines()[0] if doc else ''} |")
    return "\n".join([*lines, ""])


def _node(folder: str) -> str:
    # Mermaid reserves the word `end`.
    return folder.replace(".", "_").replace("__main__", "main_module")


def _shown(folder: str) -> str:
    path = modules(folder.split(".")[0])[folder]
    place = path.parent if path.name == "__init__.py" else path
    return place.relative_to(REPOSITORY).as_posix()


if __name__ == "__main__":
    main()
