"""Report the figures of long tests: print them, and save them for `make soak`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

# Environment variable with the file that `make soak` collects figures in.
FIGURES = "RELIABILITY_FIGURES"


def report(what: str, **figures: object) -> None:
    """Print the figures of a test, and append them to the file, if any."""
    line = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
    sys.stdout.write(f"\n{what}: {line}\n")
    if FIGURES in os.environ:
        with Path(os.environ[FIGURES]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "figures": line}) + "\n")
