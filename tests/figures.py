"""What long tests found out in numbers: printed, and kept for the table of `make soak`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

# `make soak` names a file here.
FIGURES = "RELIABILITY_FIGURES"


def tell(what: str, **figures: object) -> None:
    """Say what was tried, and what came out."""
    line = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
    sys.stdout.write(f"\n{what}: {line}\n")
    if FIGURES in os.environ:
        with Path(os.environ[FIGURES]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "figures": line}) + "\n")
