"""Programs that use a cluster: `python -m tests.training.cluster.scenarios NAME ARGUMENT...`.

Ray reads its settings when it is imported, so that each scenario needs a process of its own. Each prints one
line of JSON, or ends with one line of an error as the command line does.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tests.training.cluster import factors
from tests.training.cluster.processes import VARIABLE, addresses, tagged
from training.cluster.environment import prepare_environment
from training.cluster.runner import connect
from training.errors import TrainingError

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


SCENARIOS = {scenario.__name__: scenario for scenario in (local, changing, connected)}

if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(SCENARIOS[sys.argv[1]](*sys.argv[2:])))
    except TrainingError as error:
        sys.exit(f"error: {error}")
