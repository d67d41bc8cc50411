"""What benchmarks make is what the service takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.scoring.loading import load_registry
from app.settings import Settings
from benchmarks.growth import make_store
from benchmarks.soak import MIB, Sample, grown, make_versions
from benchmarks.soak_clients import SHARES, Tally, fault_of
from benchmarks.soak_requests import Ask, mixed
from training.families.packed_side import PackedSide


def test_a_synthetic_model_of_any_size_is_served(tmp_path: Path) -> None:
    scorer = load_registry(Settings(store=make_store(tmp_path, 300, 70))).get().scorer
    assert (scorer.users.warm, scorer.movies.warm) == (300, 70)
    assert scorer.rate_known(300, 70) is not None
    assert scorer.rate_known(301, 70) is None


def test_a_large_model_stays_packed(tmp_path: Path) -> None:
    engine = load_registry(Settings(store=make_store(tmp_path, 40_000, 1_000))).get().scorer.engine
    assert isinstance(engine._tables.users, PackedSide)  # type: ignore[attr-defined]


def test_the_two_versions_of_a_soak_differ_in_the_default_model_alone(tmp_path: Path) -> None:
    first, second = (load_registry(Settings(store=store)) for store in make_versions(tmp_path))
    assert first.default == second.default == "compact"
    for name in first.models:
        ratings = [registry.get(name).scorer.score([1, 2], [1193, 661]) for registry in (first, second)]
        assert (ratings[0].rounded() == ratings[1].rounded()) == (name != "compact")


def test_a_soak_asks_each_kind_that_it_has_a_share_for() -> None:
    asks = mixed(5)
    assert asks.keys() == SHARES.keys()
    assert sum(SHARES.values()) == 100
    assert {ask.status for kind in asks.values() for ask in kind} == {200, 400, 404, 405, 413, 415, 422}


def test_an_answer_of_a_soak_is_wholly_one_versions() -> None:
    ask = Ask("batch, JSON", "POST", "/predict/batch", b"{}")
    right = {ask: [(200, b"[1, 1]"), (200, b"[2, 2]")]}
    assert fault_of(ask, (200, b"[1, 1]"), right) is None
    assert fault_of(ask, (200, b"[2, 2]"), right) is None
    assert "neither" in str(fault_of(ask, (200, b"[1, 2]"), right))
    assert "503" in str(fault_of(ask, (503, b"[1, 1]"), right))


def test_growth_is_measured_after_the_first_minute() -> None:
    # 100 MiB more in the first minute, then one a minute; file-backed pages stay.
    sizes = {0: 10, 30: 60, 60: 110, 120: 111, 180: 112, 240: 113}
    samples = [Sample(second, (size + 50) * MIB, size * MIB) for second, size in sizes.items()]
    growth, (pss, anonymous) = grown(samples)
    assert growth == pytest.approx({"PSS": 3, "anonymous": 3})
    assert (pss["after a minute MiB"], anonymous["at the end MiB"]) == ("160.0", "113.0")
    assert anonymous["MiB a minute"] == "1.00"


def test_a_tally_counts_what_failed() -> None:
    tally = Tally()
    tally.seconds["errors"] += [0.001, 0.003]
    tally.faults["errors"].append("no answer")
    *_, errors, every = tally.rows()
    assert every == errors | {"kind": "all"}
    assert errors == {"kind": "errors", "requests": 2, "failed": 1, "p50 ms": "2.0", "p99 ms": "3.0"}
