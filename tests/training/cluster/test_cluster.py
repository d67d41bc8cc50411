"""A cluster gives the numbers of one machine, repeats the blocks of what dies, and accepts no wrong token."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.training.cluster.nodes import LOOPBACK, environment, new_token, node, start_command
from tests.training.cluster.processes import error_of, outcome, scenario
from training.cluster.environment import NODES
from training.cluster.runner import connect
from training.errors import ClusterError


def test_nodes_and_drivers_have_the_same_variables() -> None:
    lines = (REPOSITORY / "deploy" / "ray.env").read_text("utf-8").splitlines()
    assert dict(line.split("=") for line in lines if not line.startswith("#")) == NODES


def test_one_line_names_the_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in os.environ.items():  # restored at the end
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(ClusterError, match="--cluster needs the package 'ray', which is not installed"),
        connect("local"),
    ):
        pass


@pytest.mark.long
def test_local_cluster_gives_the_numbers_of_the_loop_and_survives_a_killed_worker(
    tag: str, tmp_path: Path
) -> None:
    result = scenario(tag, "local", tmp_path)
    assert result["difference"] < 1e-5
    assert result["addresses"] == ["127.0.0.1"]
    assert result["killed"] == [0, 1, 2] and (tmp_path / "killed").exists()
    assert result["fail"] == ["LookupError", "no block 7"]
    assert result["kill_always"][0] == "ClusterError"
    assert "did not finish a block in 5 tries" in result["kill_always"][1]


@pytest.mark.long
def test_node_may_join_and_die_in_the_middle_of_a_job(tag: str, tmp_path: Path) -> None:
    result = scenario(tag, "changing", tmp_path)
    assert result["difference"] < 1e-5
    traces = result["traces"]
    assert {address for address, _, _ in traces} == {"127.0.0.1"}
    kept, lost = sorted(rows_by_node(traces).values(), key=len, reverse=True)
    # What the second node had begun was done again by the first.
    assert lost and set(lost) <= set(kept)


def rows_by_node(traces: list[tuple[str, str, str]]) -> dict[str, list[str]]:
    nodes: dict[str, list[str]] = {}
    for _, place, rows in traces:
        nodes.setdefault(place, []).append(rows)
    return nodes


@pytest.mark.long
def test_wrong_token_is_refused_and_so_is_a_cluster_without_tokens(tag: str, tmp_path: Path) -> None:
    token = new_token()
    folder = Path("/tmp") / f"ray-{tag[:8]}"
    variables = environment(tag, token, **LOOPBACK)
    driver = [sys.executable, "-m", "tests.training.cluster.scenarios", "connected", "127.0.0.1:6379"]
    try:
        with node(start_command("127.0.0.1", folder=folder), variables, tmp_path / "head"):
            assert outcome(driver, variables)["difference"] < 1e-5
            wrong = {**variables, "RAY_AUTH_TOKEN": new_token()}
            assert error_of(driver, wrong).startswith(
                "error: the cluster at 127.0.0.1:6379 refused the token"
            )
        bare = {**variables, "RAY_AUTH_MODE": "disabled"}
        with node(start_command("127.0.0.1", folder=folder), bare, tmp_path / "bare"):
            assert error_of(driver, variables).startswith(
                "error: the node 127.0.0.1 accepts connections without a token"
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert error_of(driver, variables).startswith("error: the cluster at 127.0.0.1:6379 cannot be reached")
