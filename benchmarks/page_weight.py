"""Measure the page: its bytes, its first paint and its slowest request.

    python -m benchmarks.page_weight

Opens each view in a fresh browser with the shipped models, `--rounds` times, and prints medians: bytes
transferred, first contentful paint, the time at which all responses of the view had arrived, and the slowest
call. Then the Evaluate view gets a file of 100,000 ratings; its median is the time until the errors are
shown. The browser and the service share the cores of the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, expect

from benchmarks.harness import machine
from tests.app.processes import running
from tests.conftest import REPOSITORY
from tests.web.browser import launched, visiting
from tests.web.screenshots import VIEWS

_ENTRIES = """() => ['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))
  .map(entry => ({name: new URL(entry.name).pathname, bytes: entry.transferSize, end: entry.responseEnd,
    milliseconds: entry.responseEnd - entry.requestStart}))"""
RATINGS: Final = 100_000
_FILE: Final = "user,movie,rating\n" + "".join(
    f"{1 + row % 6000},{1 + row // 6000 * 97 % 3900},{1 + row % 5}\n" for row in range(RATINGS)
)
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
        seconds = statistics.median(_evaluate(browser, server.url) for _ in range(arguments.rounds))
        print(f"{RATINGS:,} ratings evaluated in {seconds:.1f} s")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figures = {"measured_on": machine(), "views": found, "evaluation_seconds": seconds}
    arguments.out.write_text(json.dumps(figures, indent=1))


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


def _evaluate(browser: Browser, url: str) -> float:
    with visiting(browser, url) as visitor:
        page = visitor.open(VIEWS["evaluate"])
        page.wait_for_load_state("networkidle")
        file = page.get_by_label("A CSV file with")
        start = time.perf_counter()
        file.set_input_files({"name": "ratings.csv", "mimeType": "text/csv", "buffer": _FILE.encode()})
        expect(page.get_by_role("table", name=f"Errors on your {RATINGS:,} ratings")).to_be_visible()
        return time.perf_counter() - start


def _medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    medians = {
        name: statistics.median(one[name] for one in rounds)
        for name in ("bytes", "paint", "complete", "slowest")
    }
    which = max(rounds, key=lambda one: one["slowest"])["which"]
    return {**medians, "which": which}


if __name__ == "__main__":
    main()
