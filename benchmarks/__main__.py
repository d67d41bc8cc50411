"""Run every benchmark, one after the other: `python -m benchmarks [--data FOLDER]`.

Their output is also written to `results/tables.txt`. If one fails, the others still run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.harness import REPOSITORY, RESULTS


def main() -> int:
    """Run all benchmarks.

    Returns:
        The exit code: 1 if any benchmark failed, otherwise 0.
    """
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--data", type=Path, default=Path("data/ml-latest-small"), help="ratings, in any supported layout"
    )
    data = ["--data", str(options.parse_args().data)]
    commands = [
        ["serving", "--peers"],
        ["layers"],
        ["batch"],
        ["top"],
        ["ids"],
        ["memory"],
        ["model_bytes"],
        ["twins"],
        ["fold_in_time"],
        ["start"],
        ["growth"],
        ["page_weight"],
        ["fold_in", *data],
        ["training_speed", *data],
    ]
    RESULTS.mkdir(parents=True, exist_ok=True)
    failed = []
    with (RESULTS / "tables.txt").open("w", encoding="utf-8") as tables:
        for name, *arguments in commands:
            print(f"\n== {name}", file=tables, flush=True)
            command = [sys.executable, "-u", "-m", f"benchmarks.{name}", *arguments]
            with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as running:
                assert running.stdout is not None
                for line in running.stdout:
                    print(line, end="", flush=True)
                    print(line, end="", file=tables, flush=True)
            if running.returncode:
                failed.append(name)
    print(f"\nfailed: {', '.join(failed)}" if failed else f"\nall output is in {RESULTS / 'tables.txt'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
