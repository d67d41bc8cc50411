"""Programs that use a cluster: `python -m tests.training.cluster.scenarios NAME ARGUMENT...`.

Ray reads its settings when it is imported, so that each scenario needs a process of its own. Each prints one
line of JSON, or ends with one line of an error as the command line does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.builders import tiny_table
from tests.training.cluster import factors
from tests.training.cluster.processes import VARIABLE, addresses, tagged
from training.artefact.ids.vocabulary import Vocabulary
from training.cluster.environment import prepare_environment
from training.cluster.runner import connect
from training.data.dataset import make_dataset
from training.distillation.base.observed import Observed
from training.distillation.base.settings import StudentSettings, VariationalSettings
from training.distillation.base.tiles import Tile, make_tiles
from training.distillation.student.student import fit_student
from training.distillation.teacher.variational import fit_variational_member
from training.errors import TrainingError
from training.factors.solver import Runner

STORE = 100 * 2**20


def difference(found: tuple[Any, Any]) -> float:
    """Return the largest difference from the factors of the plain loop."""
    expected = factors.factorise(factors.PlainRunner())
    return max(float(np.abs(one - other).max()) for one, other in zip(found, expected, strict=True))


def local(folder: str) -> Any:
    """Run jobs on a cluster of this machine: a plain one, one whose worker is killed, and two that fail."""
    with connect("local", cpus=2, object_store_bytes=STORE) as runner:
        found = factors.factorise(runner)
        result: dict[str, Any] = {
            "difference": difference(found),
            "addresses": addresses(os.environ[VARIABLE]),
        }
        result["processes"] = sorted(process.name() for process in tagged(os.environ[VARIABLE]))
        result["killed"] = list(runner.run(factors.kill_once, [0, 1, 2], Path(folder) / "killed"))
        failing: list[tuple[Any, Any]] = [(factors.fail, "no block"), (factors.kill_always, None)]
        for function, shared in failing:
            try:
                list(runner.run(function, [7], shared))
            except Exception as error:
                result[function.__name__] = [type(error).__name__, str(error)]
    return result


def changing(folder: str) -> Any:
    """Run a job on one node, add a second node, and kill it while it runs a block."""
    prepare_environment(local=True)
    from ray.cluster_utils import Cluster

    trace, node = Path(folder), {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)

    try:
        # Ray starts nodes in the main thread only.
        with connect(cluster.address) as runner, ThreadPoolExecutor() as threads:
            job = threads.submit(factors.factorise, runner, trace=trace)
            factors.wait_until(lambda: factors.traces(trace))
            added = cluster.add_node(**node)
            factors.wait_until(lambda: added.node_id in [place for _, place, _ in factors.traces(trace)])
            cluster.remove_node(added, allow_graceful=False)
            (trace / "go").touch()
            found = job.result()
    finally:
        cluster.shutdown()
    return {"difference": difference(found), "traces": factors.traces(trace)}


def connected(address: str, folder: str = "") -> Any:
    """Run a job on the cluster at the address; its blocks wait in the folder, if given."""
    with connect(address) as runner:
        found = factors.factorise(runner, trace=Path(folder) if folder else None)
        return {"difference": difference(found), "addresses": addresses(os.environ[VARIABLE])}


def distilled() -> Any:
    """Fit a factorisation and a student of it, on all pairs and on a sample, here and on a cluster."""
    random = np.random.default_rng(0)
    pairs = random.choice(300 * 100, 6000, replace=False)
    ratings = random.integers(1, 6, pairs.size).astype(np.float32)
    table = replace(
        tiny_table(),
        users=Vocabulary.from_numbers(np.arange(300), "user_"),
        movies=Vocabulary.from_numbers(np.arange(100), "movie_"),
        user_index=(pairs // 100).astype(np.int32),
        movie_index=(pairs % 100).astype(np.int32),
        ratings=ratings,
    )
    observed = Observed.of(make_dataset(table, "random", 0, 0.0))
    settings = StudentSettings(rank=4, blocks=2, propensity_rank=3, max_bytes=2_000)

    def fit(runner: Runner | None, tiles: Sequence[Tile]) -> dict[str, NDArray[Any]]:
        factors = VariationalSettings(rank=3, rounds=5)
        member = fit_variational_member(observed, factors, seed=0, runner=runner)
        student = fit_student(observed, member, settings, tiles, seed=0, runner=runner)
        return {**vars(member), **student.to_arrays()}

    differences = []
    with connect("local", cpus=2, object_store_bytes=STORE) as runner:
        for most_pairs in (10**6, 10_000):
            tiles = make_tiles(observed, 32, seed=0, most_pairs=most_pairs, least_movies=30)
            found, expected = fit(runner, tiles), fit(None, tiles)
            differences += [
                float(np.abs(found[name] - expected[name].astype(np.float64)).max()) for name in expected
            ]
        return {"differences": differences, "addresses": addresses(os.environ[VARIABLE])}


SCENARIOS = {scenario.__name__: scenario for scenario in (local, changing, connected, distilled)}

if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(SCENARIOS[sys.argv[1]](*sys.argv[2:])))
    except TrainingError as error:
        sys.exit(f"error: {error}")
