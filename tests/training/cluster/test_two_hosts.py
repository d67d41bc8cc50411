"""A job on two hosts, each a network namespace of its own, survives a cut cable."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.training.cluster.factors import traces, wait_until
from tests.training.cluster.nodes import environment, new_token, node, start_command
from tests.training.cluster.processes import error_of, outcome

ADDRESSES = ("10.99.0.1", "10.99.0.2")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)


@pytest.fixture
def hosts(tag: str) -> Iterator[tuple[str, str]]:
    """The names of two network namespaces that are connected by a cable, a pair of virtual interfaces."""
    if shutil.which("ip") is None:
        pytest.skip("network namespaces need ip: apt-get install iproute2")
    if os.geteuid() != 0:
        pytest.skip("only root can make network namespaces")
    first, second = (f"stars-{tag[:6]}-{place}" for place in "ab")
    with ExitStack() as made:
        try:
            for host in (first, second):
                ip("netns", "add", host)
                made.callback(ip, "netns", "delete", host)
            cable = ("type", "veth", "peer", "name", "cable", "netns", second)
            ip("link", "add", "cable", "netns", first, *cable)
            for host, address in zip((first, second), ADDRESSES, strict=True):
                ip("-n", host, "address", "add", f"{address}/24", "dev", "cable")
                ip("-n", host, "link", "set", "lo", "up")
                ip("-n", host, "link", "set", "cable", "up")
                ip("netns", "exec", host, "true")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces are not allowed here: {error.stderr.decode().strip()}")
        yield first, second


@pytest.mark.long
def test_job_on_two_hosts_finishes_when_the_cable_is_cut(
    tag: str, hosts: tuple[str, str], tmp_path: Path
) -> None:
    head = f"{ADDRESSES[0]}:6379"
    variables = environment(tag, new_token())
    inside = [["ip", "netns", "exec", host] for host in hosts]
    # Sockets have short paths.
    folders = [Path("/tmp") / f"ray-{tag[:6]}-{place}" for place in "ab"]
    trace = tmp_path / "trace"
    trace.mkdir()
    driver = [
        *inside[0],
        sys.executable,
        "-m",
        "tests.training.cluster.scenarios",
        "connected",
        head,
        str(trace),
    ]
    try:
        with ExitStack() as nodes, ThreadPoolExecutor() as threads:
            for place, join in enumerate((None, head)):
                start = start_command(ADDRESSES[place], join=join, folder=folders[place])
                nodes.enter_context(node([*inside[place], *start], variables, tmp_path / f"node{place}"))
            job = threads.submit(outcome, driver, variables)
            wait_until(lambda: {address for address, _, _ in traces(trace)} == set(ADDRESSES))
            ip("-n", hosts[1], "link", "set", "cable", "down")
            cut = time.monotonic()
            (trace / "go").touch()
            result = job.result()
            lost = time.monotonic() - cut
            begun = traces(trace)
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    assert result["difference"] < 1e-5
    # Ray's defaults do not notice the cut within two minutes.
    assert lost < 60
    assert set(result["addresses"]) <= {"127.0.0.1", "0.0.0.0", "::", *ADDRESSES}
    (held,) = {rows for address, _, rows in begun if address == ADDRESSES[1]}
    assert held in {rows for address, _, rows in begun if address == ADDRESSES[0]}


@pytest.mark.long
def test_node_without_the_token_cannot_join(tag: str, hosts: tuple[str, str], tmp_path: Path) -> None:
    variables = environment(tag, new_token())
    inside = [["ip", "netns", "exec", host] for host in hosts]
    folders = [Path("/tmp") / f"ray-{tag[:6]}-{place}" for place in "ab"]
    join = start_command(ADDRESSES[1], join=f"{ADDRESSES[0]}:6379", folder=folders[1])
    try:
        head = [*inside[0], *start_command(ADDRESSES[0], folder=folders[0])]
        with node(head, variables, tmp_path / "head"):
            for wrong in ({"RAY_AUTH_TOKEN": new_token()}, {"RAY_AUTH_MODE": "disabled"}):
                quick = {"RAY_NUM_REDIS_GET_RETRIES": "1"}
                assert "uthentication" in error_of([*inside[1], *join], {**variables, **wrong, **quick})
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
