from __future__ import annotations

from pathlib import Path

from tests.builders import tiny_dataset, tiny_table
from training.data.dataset import make_dataset
from training.fit.recipes import BIASED
from training.search.frontier.references import references


def test_only_models_with_the_same_test_rows_are_references(shared_store: Path, tmp_path: Path) -> None:
    labels = [row.label for row in references(tiny_dataset(), shared_store)]
    assert labels == ["global mean", "biases only", "baseline", "memory_efficient"]
    other = make_dataset(tiny_table(), "random", 5, BIASED.validation_fraction)
    assert [row.label for row in references(other, shared_store)] == ["global mean", "biases only"]
    assert [row.label for row in references(other, tmp_path / "nowhere")] == ["global mean", "biases only"]
