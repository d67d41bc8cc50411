"""Draw which folder imports which into docs/architecture.md: `python -m tools.architecture`.

The imports are read from the source and not executed. `tests/test_architecture.py` judges them, and fails
when the page is not fresh.
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
"""From each module or folder to those that it imports."""


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(fresh(PAGE.read_text("utf-8")), encoding="utf-8")


def fresh(page: str) -> str:
    """The page with the pictures and tables as the source has them now."""
    for package in PACKAGES:
        begin, end = f"<!-- {package}: begin -->\n", f"<!-- {package}: end -->\n"
        before, rest = page.split(begin)
        page = f"{before}{begin}{_picture(package)}\n{_table(package)}{end}{rest.split(end)[1]}"
    return page


def modules(package: str) -> dict[str, Path]:
    """Dotted name to file, of every module below a package."""
    found = {}
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, top_level_only: bool = False) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Module and imported names of each import statement."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or "", tuple(alias.name for alias in node.names)


@cache
def module_graph(package: str) -> Mapping[str, set[str]]:
    """Which module of the package imports which other, of this package or of another one of ours."""
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
    """Which folder imports which; a module of a package's root stands for itself."""
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
    """A Mermaid diagram; an import that follows from others is left out."""
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
    """What a folder imports, directly or through others."""
    found: set[str] = set()
    open_ = list(graph.get(folder, ()))
    while open_:
        one = open_.pop()
        if one not in found:
            found.add(one)
            open_ += graph.get(one, ())
    return found


def _table(package: str) -> str:
    """What each folder and root module is for, by the first line of its docstring."""
    known = modules(package)
    lines = ["| where | what |", "| --- | --- |"]
    for folder in sorted(folder_graph(package)):
        doc = ast.get_docstring(ast.parse(known[folder].read_text("utf-8"))) or ""
        lines.append(f"| `{_shown(folder)}` | {doc.splitlines()[0] if doc else ''} |")
    return "\n".join([*lines, ""])


def _node(folder: str) -> str:
    # `end` is a word of Mermaid's.
    return folder.replace(".", "_").replace("__main__", "main_module")


def _shown(folder: str) -> str:
    path = modules(folder.split(".")[0])[folder]
    place = path.parent if path.name == "__init__.py" else path
    return place.relative_to(REPOSITORY).as_posix()


if __name__ == "__main__":
    main()
