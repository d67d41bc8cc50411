"""Shared by the benchmarks: server processes, load, memory, and tables of figures."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = Path(os.environ.get("BENCHMARKS_RESULTS", REPOSITORY / "benchmarks" / "results"))
CONNECTIONS: Final = 16
_START_SECONDS: Final = 120
_LOAD_AT_START: Final = os.getloadavg()[0]


@dataclass(frozen=True)
class Served:
    """A server process that is ready.

    Attributes:
        process: The main process.
        port: The port that it listens on.
        seconds: Time from the start of the process to the first successful readiness probe.
    """

    process: subprocess.Popen[bytes]
    port: int
    seconds: float

    def pids(self) -> list[int]:
        """Return the ids of the process and of all its descendants."""
        found, open_ = [], [self.process.pid]
        while open_:
            pid = open_.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    open_ += [int(child) for child in (task / "children").read_text().split()]
        return found

    def cpu_seconds(self) -> float:
        """Return the CPU time of all processes so far, in seconds."""
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def memory(self) -> dict[str, int]:
        """Return the memory of all processes in bytes: `Pss`, `Anonymous` and `Rss`, as in smaps_rollup."""
        sums = {"Pss": 0, "Anonymous": 0, "Rss": 0}
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name in sums:
                    sums[name] += int(rest.split()[0]) * 1024
        return sums


@contextmanager
def served(
    command: Sequence[str], ready: str = "/readyz", folder: Path = REPOSITORY, **settings: object
) -> Iterator[Served]:
    """Run a server process in a folder, from its first successful readiness probe to the end of the block."""
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RATINGS_")}
    environment |= {f"RATINGS_{name.upper()}": str(value) for name, value in settings.items()}
    environment |= {"RATINGS_PORT": str(port), "PORT": str(port), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _is_ready(port, ready):
            if process.poll() is not None or time.perf_counter() - start > _START_SECONDS:
                raise RuntimeError(f"{' '.join(command)} did not become ready")
            time.sleep(0.005)
        yield Served(process, port, time.perf_counter() - start)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def app_command() -> list[str]:
    """Return the command that starts the service."""
    return [sys.executable, "-m", "app"]


def floor_command() -> list[str]:
    """Return the command that starts the no-op server (`benchmarks.floor`)."""
    return [sys.executable, "-m", "benchmarks.floor"]


def load(
    port: int,
    seconds: float,
    path: str,
    bodies: Sequence[bytes],
    content_type: str,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, float]:
    """Measure requests per second and latencies in milliseconds with `CONNECTIONS` connections.

    The load generator runs in its own process.
    """
    request = {"port": port, "seconds": seconds, "path": path, "type": content_type, "headers": dict(headers)}
    file = RESULTS / "bodies.json"
    RESULTS.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([body.hex() for body in bodies]))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", json.dumps(request), str(file)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def wrk(port: int, seconds: float, script: str) -> dict[str, float] | None:
    """Measure the same with wrk, which uses less CPU; return None if it is not installed."""
    if shutil.which("wrk") is None:
        return None
    file = RESULTS / "wrk.lua"
    RESULTS.mkdir(parents=True, exist_ok=True)
    file.write_text(script)
    address = f"http://127.0.0.1:{port}/predict"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(file), address]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found: dict[str, float] = {"failed": 0}
    for line in lines:
        words = line.split()
        if words[:1] == ["50%"] or words[:1] == ["99%"]:
            found["p" + words[0][:2]] = _milliseconds(words[1])
        elif line.startswith("Requests/sec"):
            found["rate"] = float(words[1])
        elif "Non-2xx" in line:
            found["failed"] = float(words[-1])
    return found


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """Format the median, the lowest and the highest value."""
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def machine() -> dict[str, Any]:
    """Describe the machine and its load average over a minute, at the start and now."""
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load at start": round(_LOAD_AT_START, 2),
        "load at end": round(os.getloadavg()[0], 2),
    }


def report(name: str, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print figures as a table, and write them to `results/<name>.json`."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [[str(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in [columns, *cells]) for place in range(len(columns))]
    print(f"\n{title}")
    for line in [columns, ["-" * width for width in widths], *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    measured_on = machine()
    print(
        f"load of {measured_on['cores']} cores: {measured_on['load at start']} before, "
        f"{measured_on['load at end']} after",
        flush=True,
    )
    RESULTS.mkdir(parents=True, exist_ok=True)
    record = {"title": title, "measured_on": measured_on, "rows": list(rows)}
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1, default=str) + "\n")


def _is_ready(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _milliseconds(text: str) -> float:
    for unit, factor in (("us", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 6e4)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return float(text)
