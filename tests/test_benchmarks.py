"""The service accepts the stores of the benchmarks, and the soak test checks responses correctly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.scoring.loading import load_registry
from app.settings import Settings
from benchmarks.growth import make_store
from benchmarks.intervals import BIASES, fifths, residuals_of
from benchmarks.published_split import published_split
from benchmarks.scale import write_ratings
from benchmarks.soak import MIB, Sample, make_versions, memory_growth
from benchmarks.soak_clients import SHARES, SoakResults, find_fault
from benchmarks.soak_requests import SoakRequest, mixed_requests
from tests.builders import tiny_dataset
from training.artefact.manifest import MANIFEST_FILE, read_manifest
from training.data.readers.ratings import load_ratings
from training.families.packed_table import PackedSide


def test_synthetic_model_can_be_served(tmp_path: Path) -> None:
    scorer = load_registry(Settings(store=make_store(tmp_path, 300, 70))).get().scorer
    assert (scorer.users.warm, scorer.movies.warm) == (300, 70)
    assert scorer.rate_known(300, 70) is not None
    assert scorer.rate_known(301, 70) is None


def test_large_synthetic_model_stays_packed(tmp_path: Path) -> None:
    engine = load_registry(Settings(store=make_store(tmp_path, 40_000, 1_000))).get().scorer.engine
    assert isinstance(engine._tables.users, PackedSide)  # type: ignore[attr-defined]


def test_soak_versions_differ_only_in_the_default_model(tmp_path: Path) -> None:
    first, second = (load_registry(Settings(store=store)) for store in make_versions(tmp_path))
    assert first.default == second.default == "compact"
    for name in first.models:
        ratings = [registry.get(name).scorer.score([1, 2], [1193, 661]) for registry in (first, second)]
        assert (ratings[0].rounded() == ratings[1].rounded()) == (name != "compact")


def test_soak_has_requests_for_every_kind_with_a_share() -> None:
    requests = mixed_requests(5)
    assert requests.keys() == SHARES.keys()
    assert sum(SHARES.values()) == 100
    assert {request.status for kind in requests.values() for request in kind} == {
        200,
        400,
        404,
        405,
        413,
        415,
        422,
    }


def test_find_fault_rejects_mixed_versions_and_wrong_status() -> None:
    request = SoakRequest("batch, JSON", "POST", "/predict/batch", b"{}")
    expected = {request: [(200, b"[1, 1]"), (200, b"[2, 2]")]}
    assert find_fault(request, (200, b"[1, 1]"), expected) is None
    assert find_fault(request, (200, b"[2, 2]"), expected) is None
    assert "neither" in str(find_fault(request, (200, b"[1, 2]"), expected))
    assert "503" in str(find_fault(request, (503, b"[1, 1]"), expected))


def test_memory_growth_ignores_the_first_minute() -> None:
    # 100 MiB in the first minute, then 1 MiB per minute; file-backed pages are constant.
    sizes = {0: 10, 30: 60, 60: 110, 120: 111, 180: 112, 240: 113}
    samples = [Sample(second, (size + 50) * MIB, size * MIB) for second, size in sizes.items()]
    growth, (pss, anonymous) = memory_growth(samples)
    assert growth == pytest.approx({"PSS": 3, "anonymous": 3})
    assert (pss["after a minute MiB"], anonymous["at the end MiB"]) == ("160.0", "113.0")
    assert anonymous["MiB per minute"] == "1.00"


def test_soak_results_count_failures() -> None:
    results = SoakResults()
    results.seconds["errors"] += [0.001, 0.003]
    results.faults["errors"].append("no response")
    *_, errors, every = results.rows()
    assert every == errors | {"kind": "all"}
    assert errors == {"kind": "errors", "requests": 2, "failed": 1, "p50 ms": "2.0", "p99 ms": "3.0"}


def test_published_split_is_a_shuffle_of_the_rows_of_which_the_first_tenth_are_test_rows() -> None:
    rows = 1005
    split, cut = published_split(rows), published_split(rows, 0.1)
    order = np.arange(rows)
    np.random.RandomState(1234).shuffle(order)
    assert np.array_equal(split.test, np.sort(order[:100]))
    assert np.array_equal(split.train, np.sort(order[100:]))
    assert np.array_equal(cut.test, split.test)
    assert np.array_equal(np.sort(np.append(cut.train, cut.validation)), split.train)
    assert 60 < cut.validation.size < 130


def test_residuals_are_those_of_the_manifest_and_fifths_cover_the_warm_rows(shared_store: Path) -> None:
    dataset = tiny_dataset()
    squared = {name: own**2 for name, own in residuals_of(shared_store, dataset).items()}
    stated = read_manifest(shared_store / "baseline" / MANIFEST_FILE).accuracy
    assert squared["baseline"].mean() == pytest.approx(stated.mse, rel=1e-5)
    assert squared[BIASES].mean() == pytest.approx(stated.biases_only_mse)
    lines = fifths(dataset, squared)
    for side, index, warm in (
        ("movies", dataset.test.movie_index, dataset.movies.warm),
        ("users", dataset.test.user_index, dataset.users.warm),
    ):
        rows = [line["test rows"] for line in lines if line["ids"].startswith(f"{side}, ")]
        assert len(rows) == 5
        assert sum(rows) == np.count_nonzero(index < warm)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_synthetic_ratings_have_the_stated_size_and_noise(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ratings{suffix}"
    made = write_ratings(path, 32_000, chunk=5_000)
    table = load_ratings(path)
    assert table.rows == made.ratings == pytest.approx(32_000, rel=0.01)
    assert (len(table.users), made.users, made.movies) == (200, 200, 2_656)
    pairs = table.user_index.astype(np.int64) * len(table.movies) + table.movie_index
    assert np.unique(pairs).size == made.ratings
    assert set(np.unique(table.ratings)) <= set(np.arange(1, 11) / 2)
    # The variance of the noise, 0.5, and of rounding a half star at random, at most 1/16.
    assert 0.5 < made.noise < 0.57
    popularity = np.sort(np.bincount(table.movie_index))[::-1]
    assert popularity[: made.movies // 10].sum() > 0.4 * made.ratings
