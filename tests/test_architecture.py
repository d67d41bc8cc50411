"""Which package may import which, read from the source: data flows one way, without circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

HEAVY = {"keras", "tensorflow", "pandas", "pyarrow", "altair"}
MAX_MODULES = 15
# Modules of a package's root, `__init__` included.
MAX_ROOT_MODULES = {"app": 11, "training": 4}

# What each package may import of its own side: the packages and root modules above it in this list.
LAYERS = {
    "app": (
        "app.contract",
        "app.contract.schemas",
        "app.settings",
        "app.scoring",
        "app.observability.metrics",
        "app.observability",
        "app.services",
        "app.http.arrow",
        "app.http",
        "app.web",
        "app.api",
        "app.api.routes",
        "app.main",
    ),
    "training": (
        "training.errors",
        "training.families",
        "training.artefact.ids",
        "training.artefact.engine",
        "training.artefact",
        "training.settings",
        "training.compress",
        "training.layers",
        "training.models",
        "training.data",
        "training.data.readers",
        "training.data.grouplens",
        "training.fit",
    ),
}


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
    """Which module of the package imports which other."""
    known = modules(package)
    graph: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        for module, names in imports(path):
            taken = {f"{module}.{one}" if f"{module}.{one}" in known else module for one in names or ("",)}
            graph[name] |= {one for one in taken if one in known and one != name}
    return graph


def place(package: str, module: str) -> str:
    """The folder of a module; a module of the package's root stands for itself."""
    folder = ".".join(modules(package)[module].parent.relative_to(REPOSITORY).parts)
    return module if folder == package else folder


def folder_graph(package: str) -> dict[str, set[str]]:
    """Which folder imports which other."""
    graph: dict[str, set[str]] = {}
    for module, taken in module_graph(package).items():
        own = place(package, module)
        graph.setdefault(own, set()).update(place(package, one) for one in taken)
        graph[own].discard(own)
    return graph


@pytest.mark.parametrize("package", ["app", "training"])
def test_no_circle_of_modules_or_folders(package: str) -> None:
    for graph in (module_graph(package), folder_graph(package)):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("package", ["app", "training"])
def test_each_folder_imports_only_what_is_listed_before_it(package: str) -> None:
    layers = LAYERS[package]
    graph = folder_graph(package)
    wrong = [
        f"{folder} imports {taken}"
        for folder in layers
        for taken in sorted(graph.get(folder, ()))
        if taken != package and taken not in layers[: layers.index(folder)]
    ]
    assert not wrong


@pytest.mark.parametrize("package", ["app", "training"])
def test_folders_stay_small(package: str) -> None:
    counts: dict[Path, int] = {}
    for path in modules(package).values():
        counts[path.parent] = counts.get(path.parent, 0) + 1
    assert counts.pop(REPOSITORY / package) <= MAX_ROOT_MODULES[package]
    assert not {folder: count for folder, count in counts.items() if count > MAX_MODULES}


def test_training_never_imports_the_service() -> None:
    for path in modules("training").values():
        assert not [module for module, _ in imports(path) if module.split(".")[0] == "app"], path


def test_the_service_imports_only_the_artefact_package_of_training() -> None:
    for name, path in modules("app").items():
        taken = {module for module, _ in imports(path) if module.split(".")[0] == "training"}
        # The Keras engine loads a Keras model; it is not part of the image without Keras.
        allowed = {"training.models.loading"} if name == "app.scoring.keras_engine" else set()
        assert all(f"{one}.".startswith("training.artefact.") for one in taken - allowed), path


@pytest.mark.parametrize("package", ["training/artefact", "training/families"])
def test_what_the_service_reads_models_with_imports_nothing_heavy(package: str) -> None:
    for path in modules(package).values():
        heavy = [m for m, _ in imports(path, top_level_only=True) if m.split(".")[0] in HEAVY]
        assert not heavy, path
