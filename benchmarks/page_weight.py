"""Measure the page: its bytes, its first paint and its slowest request.

    python -m benchmarks.page_weight

Opens each view in a fresh browser with the shipped models, `--rounds` times, and prints medians: bytes
transferred, first contentful paint, the time at which all responses of the view had arrived, and the slowest
call. The browser and the service share the cores of the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from benchmarks.harness import machine
from tests.app.processes import running
from tests.conftest import REPOSITORY
from tests.web.browser import launched, visiting
from tests.web.screenshots import VIEWS

_ENTRIES = """() => ['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))
  .map(entry => ({name: new URL(entry.name).pathname, bytes: entry.transferSize, end: entry.responseEnd,
    milliseconds: entry.responseEnd - entry.requestStart}))"""
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def main() -> None:
    """Measure, print a table and write the figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--store", type=Path, default=REPOSITORY / "models_store")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--out", type=Path, default=Path("benchmarks/results/page_weight.json"))
    arguments = options.parse_args()
    found: dict[str, dict[str, Any]] = {}
    with running(arguments.store, log_level="warning") as server, launched() as browser:
        for view, address in VIEWS.items():
            rounds = [_visit(browser, server.url, address) for _ in range(arguments.rounds)]
            found[view] = _medians(rounds)
            one = found[view]
            print(
                f"{view:10} {one['bytes'] / 1000:6.1f} KB   first paint {one['paint']:4.0f} ms   "
                f"complete {one['complete']:4.0f} ms   slowest {one['slowest']:5.1f} ms ({one['which']})"
            )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"measured_on": machine(), "views": found}, indent=1))


def _visit(browser: Browser, url: str, address: str) -> dict[str, Any]:
    with visiting(browser, url) as visitor:
        page = visitor.open(address)
        page.wait_for_load_state("networkidle")
        entries = page.evaluate(_ENTRIES)
        slowest = max(entries, key=lambda entry: entry["milliseconds"])
        return {
            "bytes": sum(entry["bytes"] for entry in entries),
            "paint": page.evaluate(_PAINT),
            "complete": max(entry["end"] for entry in entries),
            "slowest": slowest["milliseconds"],
            "which": slowest["name"],
        }


def _medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    medians = {
        name: statistics.median(one[name] for one in rounds)
        for name in ("bytes", "paint", "complete", "slowest")
    }
    which = max(rounds, key=lambda one: one["slowest"])["which"]
    return {**medians, "which": which}


if __name__ == "__main__":
    main()
