"""Which package may import which, read from the source: data flows one way, without circles."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tools.architecture import PAGE, folder_graph, fresh, imports, module_graph, modules

HEAVY = {"keras", "tensorflow", "pandas", "pyarrow", "altair", "ray"}
MAX_MODULES = 15
# Modules of a package's root, `__init__` included.
MAX_ROOT_MODULES = {"app": 8, "training": 4}

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
        "app.http.inference",
        "app.web",
        "app.api",
        "app.api.routes",
        "app.main",
        "app.http_guard",
        "app.server",
        "app.workers",
        "app.container",
    ),
    "training": (
        "training.errors",
        "training.families",
        "training.artefact.ids",
        "training.artefact",
        "training.artefact.remote",
        "training.artefact.engine",
        "training.settings",
        "training.compress",
        "training.layers",
        "training.models",
        "training.data",
        "training.data.files",
        "training.data.readers",
        "training.data.shards",
        "training.data.grouplens",
        "training.cluster",
        "training.fit",
        "training.ranking",
        "training.distillation.base",
        "training.factors",
        "training.distillation.teacher",
        "training.distillation.student",
        "training.distillation",
        "training.search",
        "training.search.budget",
        "training.search.frontier",
        "training.bulk",
        "training.uncertainty",
        "training.publish",
        "training.cli",
        "training.__main__",
    ),
}


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
        if taken.startswith(f"{package}.") and taken not in layers[: layers.index(folder)]
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


def test_only_the_cluster_package_imports_ray() -> None:
    found = {
        path.parent
        for package in ("training", "app")
        for path in modules(package).values()
        for module, _ in imports(path)
        if module.split(".")[0] == "ray"
    }
    assert found == {REPOSITORY / "training" / "cluster"}


def test_the_page_shows_the_imports_as_they_are() -> None:
    page = PAGE.read_text("utf-8")
    assert page == fresh(page), "run python -m tools.architecture"


def test_what_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:app|training|docs|tests|tools)/[\w./]*)`", PAGE.read_text("utf-8"))
    assert len(named) > 50
    assert not [place for place in named if not (REPOSITORY / place).exists()]
