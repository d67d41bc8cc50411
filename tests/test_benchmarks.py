"""What benchmarks make is what the service takes."""

from __future__ import annotations

from pathlib import Path

from app.scoring.loading import load_registry
from app.settings import Settings
from benchmarks.growth import make_store
from training.artefact.tables.packed_side import PackedSide


def test_a_synthetic_model_of_any_size_is_served(tmp_path: Path) -> None:
    scorer = load_registry(Settings(store=make_store(tmp_path, 300, 70))).get().scorer
    assert (scorer.users.warm, scorer.movies.warm) == (300, 70)
    assert scorer.rate_known(300, 70) is not None
    assert scorer.rate_known(301, 70) is None


def test_a_large_model_stays_packed(tmp_path: Path) -> None:
    engine = load_registry(Settings(store=make_store(tmp_path, 40_000, 1_000))).get().scorer.engine
    assert isinstance(engine._tables.users, PackedSide)  # type: ignore[attr-defined]
