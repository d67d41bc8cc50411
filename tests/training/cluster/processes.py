"""The processes of one test: all inherit the environment variable CLUSTER_TEST with a value of their own."""

from __future__ import annotations

import psutil

VARIABLE = "CLUSTER_TEST"


def tagged(value: str) -> list[psutil.Process]:
    """Return the running processes whose variable has this value."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(VARIABLE) == value:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
    return found


def addresses(value: str) -> list[str]:
    """Return the addresses at which these processes listen, and those at both ends of their connections."""
    found: set[str] = set()
    for process in tagged(value):
        try:
            for connection in process.net_connections("tcp"):
                ends = [end for end in (connection.laddr, connection.raddr) if end]
                found.update(end.ip.removeprefix("::ffff:") for end in ends)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return sorted(found)
