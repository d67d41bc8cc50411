"""The real service, two workers, under mixed load for minutes while its default model is exchanged again.

Every answer must have the right status and be, byte for byte, what one of the two versions of the models
answers on a quiet server: never a mixture. Ends with 1 where a request failed, a reload did not reach all
workers, a worker was replaced, the service did not stop as it should, or memory grew beyond a bound.
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
from benchmarks.soak_clients import asking, record
from benchmarks.soak_requests import MAX_BATCH, mixed

MIB: Final = 1024 * 1024
WORKERS: Final = 2
_SHIPPED: Final = REPOSITORY / "models_store"
_SAMPLE_SECONDS: Final = 2
_RELOAD_WITHIN_SECONDS: Final = 20
# The default model; its other version is another shipped model under its name.
_EXCHANGED, _OTHER = "compact", "tiny"


@dataclass(frozen=True)
class Sample:
    """Memory of all processes of the service.

    Attributes:
        second: Since the load began.
        pss: Bytes, each shared page by halves, thirds, ...
        anonymous: Bytes that no file stands behind.
    """

    second: float
    pss: int
    anonymous: int


def main() -> int:
    """Soak and report.

    Returns:
        The exit code: 1 where anything went wrong.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=80, help="requests a second")
    parser.add_argument("--reload-seconds", type=float, default=15, help="from one exchange to the next")
    parser.add_argument("--growth-mib", type=float, default=8, help="that memory may grow after a minute")
    arguments = parser.parse_args()
    faults: list[str] = []
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        versions = make_versions(Path(folder))
        asks = mixed()
        with contextlib.ExitStack() as quiet:
            ports = [
                quiet.enter_context(served(app_command(), store=version, max_batch=MAX_BATCH)).port
                for version in versions
            ]
            right = record(ports, asks)
        store = Path(folder) / "store"
        shutil.copytree(versions[0], store, ignore=shutil.ignore_patterns(_EXCHANGED))
        publish(versions[0], store)
        with (
            served(app_command(), store=store, workers=WORKERS, max_batch=MAX_BATCH) as server,
            asking(server.port, asks, right, arguments.rate) as tally,
        ):
            before = server.pids()
            reloads = watch(server, store, versions, arguments, samples, faults)
            if server.pids() != before:
                faults.append(f"processes {before} became {server.pids()}")
        if server.process.returncode != 0:
            faults.append(f"the service ended with {server.process.returncode}")
    rows = tally.rows()
    report("soak", f"{arguments.minutes:g} minutes, at most {arguments.rate:g} requests a second", rows)
    growth, figures = grown(samples)
    report("soak_memory", f"Memory of {WORKERS} workers and their supervisor, {reloads} reloads", figures)
    faults += [fault for kind in tally.faults.values() for fault in kind]
    faults += [f"{kind} was never asked" for kind, seconds in tally.seconds.items() if not seconds]
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
    """Two stores with the shipped models: as they are, and with another one in place of the default one."""
    first, second = folder / "first", folder / "second"
    for store in (first, second):
        shutil.copytree(_SHIPPED, store)
    shutil.rmtree(second / _EXCHANGED)
    shutil.copytree(_SHIPPED / _OTHER, second / _EXCHANGED)
    manifest = second / _EXCHANGED / "manifest.json"
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["name"] = told["settings"]["name"] = _EXCHANGED
    manifest.write_text(json.dumps(told), encoding="utf-8")
    return [first, second]


def publish(version: Path, store: Path) -> str:
    """Put a version of the model that is exchanged in its place, in one step.

    Args:
        version: A store that holds it.
        store: Where its place is.

    Returns:
        Digest of its file.
    """
    link = store.parent / ".link"
    link.symlink_to(version / _EXCHANGED)
    link.replace(store / _EXCHANGED)
    told = json.loads((version / _EXCHANGED / "manifest.json").read_text(encoding="utf-8"))
    digest: str = told["model_file"]["sha256"]
    return digest


def watch(
    server: Served,
    store: Path,
    versions: Sequence[Path],
    arguments: argparse.Namespace,
    samples: list[Sample],
    faults: list[str],
) -> int:
    """Exchange the model and look at memory until the time is over.

    Args:
        server: The service.
        store: What it serves.
        versions: What is published in turn.
        arguments: Of the command.
        samples: Gets the memory.
        faults: Gets reloads that did not reach all workers.

    Returns:
        How many reloads there were.
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
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # that of one that just ended
            memory = server.memory()
            samples.append(Sample(now, memory["Pss"], memory["Anonymous"]))
        time.sleep(_SAMPLE_SECONDS)
    return reloads


def grown(samples: Sequence[Sample]) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """How memory grew after the first minute, or after the first half of less than two.

    Args:
        samples: In the order of time.

    Returns:
        MiB that each kind of memory grew, on the line that fits best; and rows of figures.
    """
    seconds = np.array([sample.second for sample in samples])
    late = seconds >= min(60, seconds[-1] / 2)
    growth, rows = {}, []
    for what, sizes in (
        ("PSS", [sample.pss for sample in samples]),
        ("anonymous", [sample.anonymous for sample in samples]),
    ):
        mib = np.array(sizes)[late] / MIB
        # The line, not single samples: while a model is loaded there are two of it.
        slope, start = np.polyfit(seconds[late] - seconds[late][0], mib, 1)
        growth[what] = float(slope * (seconds[-1] - seconds[late][0]))
        rows.append(
            {
                "memory": what,
                "after a minute MiB": f"{start:.1f}",
                "at the end MiB": f"{start + growth[what]:.1f}",
                "MiB a minute": f"{60 * slope:.2f}",
                "grown MiB": f"{growth[what]:.1f}",
            }
        )
    return growth, rows


def _all_serve(port: int, digest: str) -> bool:
    deadline = time.monotonic() + _RELOAD_WITHIN_SECONDS
    while time.monotonic() < deadline:
        # A connection each, so that every worker gets some.
        with contextlib.suppress(OSError):
            if {_digest(port) for _ in range(4 * WORKERS)} == {digest}:
                return True
        time.sleep(0.2)
    return False


def _digest(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/models/{_EXCHANGED}", timeout=30) as answer:
        told: str = json.load(answer)["sha256"]
    return told


if __name__ == "__main__":
    sys.exit(main())
