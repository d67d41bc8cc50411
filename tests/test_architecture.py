"""Data flows one way: who may import whom, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

HEAVY = {"keras", "tensorflow", "pandas", "pyarrow", "altair"}


def imports(path: Path, top_level_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def sources(package: str) -> list[Path]:
    found = sorted((REPOSITORY / package).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("path", sources("training"), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_the_workshop_never_imports_the_service(path: Path) -> None:
    assert not [name for name in imports(path) if name.split(".")[0] == "app"]


@pytest.mark.parametrize("path", sources("app"), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_the_service_takes_from_the_workshop_only_the_hand_over(path: Path) -> None:
    taken = [name for name in imports(path) if name.split(".")[0] == "training"]
    assert all(name == "training.artefact" or name.startswith("training.artefact.") for name in taken)


@pytest.mark.parametrize("path", sources("training/artefact"), ids=lambda path: path.name)
def test_the_hand_over_is_light(path: Path) -> None:
    assert not [name for name in imports(path, top_level_only=True) if name.split(".")[0] in HEAVY]


@pytest.mark.parametrize("path", sources("training/layers"), ids=lambda path: path.name)
def test_layers_know_nothing_of_data_models_or_fitting(path: Path) -> None:
    allowed = ("training.layers", "training.errors", "training.settings", "training.artefact")
    taken = [name for name in imports(path) if name.split(".")[0] == "training"]
    assert all(name.startswith(allowed) for name in taken)
