"""Soak test: mixed load on two workers for minutes, while the default model is replaced repeatedly.

Every response must have the expected status and equal, byte for byte, the response of one of the two versions
of the models on an idle server, never a mixture. The exit code is 1 if a request failed, a reload did not
reach all workers, a worker was replaced, the service did not stop cleanly, or memory grew beyond a bound.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.harness import REPOSITORY, Served, app_command, report, served
from benchmarks.soak_clients import record_responses, run_clients
from benchmarks.soak_requests import MAX_BATCH, mixed_requests

MIB: Final = 1024 * 1024
WORKERS: Final = 2
_SHIPPED: Final = REPOSITORY / "models_store"
_SAMPLE_SECONDS: Final = 2
_RELOAD_WITHIN_SECONDS: Final = 20
# The default model; its second version is another shipped model under the same name.
_EXCHANGED, _OTHER = "compact", "tiny"


@dataclass(frozen=True)
class Sample:
    """Memory of all processes of the service.

    Attributes:
        second: Time since the load began.
        pss: Proportional set size in bytes.
        anonymous: Anonymous memory in bytes.
    """

    second: float
    pss: int
    anonymous: int


def main() -> int:
    """Run the soak test and report.

    Returns:
        The exit code: 1 if anything went wrong, otherwise 0.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=80, help="requests per second")
    parser.add_argument(
        "--reload-seconds", type=float, default=15, help="seconds between two replacements of the model"
    )
    parser.add_argument(
        "--growth-mib", type=float, default=8, help="how much memory may grow after the first minute"
    )
    arguments = parser.parse_args()
    faults: list[str] = []
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        versions = make_versions(Path(folder))
        requests = mixed_requests()
        with contextlib.ExitStack() as idle:
            ports = [
                idle.enter_context(served(app_command(), store=version, max_batch=MAX_BATCH)).port
                for version in versions
            ]
            expected = record_responses(ports, requests)
        store = Path(folder) / "store"
        shutil.copytree(versions[0], store, ignore=shutil.ignore_patterns(_EXCHANGED))
        publish(versions[0], store)
        with (
            served(app_command(), store=store, workers=WORKERS, max_batch=MAX_BATCH) as server,
            run_clients(server.port, requests, expected, arguments.rate) as results,
        ):
            before = _all_processes(server)
            reloads = watch(server, store, versions, arguments, samples, faults)
            if server.pids() != before:
                faults.append(f"processes {before} became {server.pids()}")
        if server.process.returncode != 0:
            faults.append(f"the service ended with {server.process.returncode}")
    rows = results.rows()
    report("soak", f"{arguments.minutes:g} minutes, at most {arguments.rate:g} requests per second", rows)
    growth, figures = memory_growth(samples)
    report("soak_memory", f"Memory of {WORKERS} workers and their master, {reloads} reloads", figures)
    faults += [fault for kind in results.faults.values() for fault in kind]
    faults += [f"{kind} was never requested" for kind, seconds in results.seconds.items() if not seconds]
    faults += [
        f"{what} grew by {grew:.1f} MiB, more than {arguments.growth_mib:g}"
        for what, grew in growth.items()
        if grew > arguments.growth_mib
    ]
    for fault in faults[:20]:
        print(fault, file=sys.stderr)
    print(f"{len(faults)} faults", file=sys.stderr if faults else sys.stdout)
    return 1 if faults else 0


def make_versions(folder: Path) -> list[Path]:
    """Create two stores: the shipped models, and the same with another model in place of the default one."""
    first, second = folder / "first", folder / "second"
    for store in (first, second):
        shutil.copytree(_SHIPPED, store)
    shutil.rmtree(second / _EXCHANGED)
    shutil.copytree(_SHIPPED / _OTHER, second / _EXCHANGED)
    manifest = second / _EXCHANGED / "manifest.json"
    record = json.loads(manifest.read_text(encoding="utf-8"))
    record["name"] = record["settings"]["name"] = _EXCHANGED
    manifest.write_text(json.dumps(record), encoding="utf-8")
    return [first, second]


def publish(version: Path, store: Path) -> str:
    """Replace the model atomically with another version.

    Args:
        version: Store with the new version.
        store: Store in which to replace the model.

    Returns:
        Digest of the new model file.
    """
    link = store.parent / ".link"
    link.symlink_to(version / _EXCHANGED)
    link.replace(store / _EXCHANGED)
    manifest = json.loads((version / _EXCHANGED / "manifest.json").read_text(encoding="utf-8"))
    digest: str = manifest["model_file"]["sha256"]
    return digest


def _all_processes(server: Served) -> list[int]:
    """Return the master and its workers, once all have started; the first one answers before the others."""
    deadline = time.monotonic() + 60
    while len(processes := server.pids()) <= WORKERS and time.monotonic() < deadline:
        time.sleep(0.05)
    return processes


def watch(
    server: Served,
    store: Path,
    versions: Sequence[Path],
    arguments: argparse.Namespace,
    samples: list[Sample],
    faults: list[str],
) -> int:
    """Replace the model periodically and sample memory until the time is up.

    Args:
        server: The service.
        store: The store that it serves.
        versions: Stores with the versions to publish in turn.
        arguments: Options of the command.
        samples: Receives the memory samples.
        faults: Receives reloads that did not reach all workers.

    Returns:
        The number of reloads.
    """
    start = time.monotonic()
    reloads = 0
    while (now := time.monotonic() - start) < 60 * arguments.minutes:
        if now >= (reloads + 1) * arguments.reload_seconds:
            reloads += 1
            digest = publish(versions[reloads % 2], store)
            server.process.send_signal(signal.SIGHUP)
            if not _all_serve(server.port, digest):
                faults.append(f"reload {reloads}: after {_RELOAD_WITHIN_SECONDS} s not all workers serve it")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a process has just ended
            memory = server.memory()
            samples.append(Sample(now, memory["Pss"], memory["Anonymous"]))
        time.sleep(_SAMPLE_SECONDS)
    return reloads


def memory_growth(samples: Sequence[Sample]) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Estimate the growth of memory after the first minute, or after half the time if that is shorter.

    Args:
        samples: Samples in order of time.

    Returns:
        The growth of each kind of memory in MiB, from a linear fit; and rows of figures.
    """
    seconds = np.array([sample.second for sample in samples])
    late = seconds >= min(60, seconds[-1] / 2)
    growth, rows = {}, []
    for what, sizes in (
        ("PSS", [sample.pss for sample in samples]),
        ("anonymous", [sample.anonymous for sample in samples]),
    ):
        mib = np.array(sizes)[late] / MIB
        # A linear fit, not single samples, because a model is in memory twice during a reload.
        slope, start = np.polyfit(seconds[late] - seconds[late][0], mib, 1)
        growth[what] = float(slope * (seconds[-1] - seconds[late][0]))
        rows.append(
            {
                "memory": what,
                "after a minute MiB": f"{start:.1f}",
                "at the end MiB": f"{start + growth[what]:.1f}",
                "MiB per minute": f"{60 * slope:.2f}",
                "memory_growth MiB": f"{growth[what]:.1f}",
            }
        )
    return growth, rows


def _all_serve(port: int, digest: str) -> bool:
    deadline = time.monotonic() + _RELOAD_WITHIN_SECONDS
    while time.monotonic() < deadline:
        # A new connection for each request, so that every worker gets some.
        with contextlib.suppress(OSError):
            if {_digest(port) for _ in range(4 * WORKERS)} == {digest}:
                return True
        time.sleep(0.2)
    return False


def _digest(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/models/{_EXCHANGED}", timeout=30) as response:
        digest: str = json.load(response)["sha256"]
    return digest


if __name__ == "__main__":
    sys.exit(main())
