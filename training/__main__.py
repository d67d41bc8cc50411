"""The workshop's command line: `python -m training --help`."""

from __future__ import annotations

import logging
import os
import sys

# TensorFlow's C++ side writes to the terminal at import unless it is told not to.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import training.distil_command
import training.frontier_command  # noqa: F401 - each adds its command
from training.commands import app
from training.errors import WorkshopError


def main() -> None:
    """Run a command; a refusal is one line on stderr and exit code 1."""
    # Its Python side warns, at length, that one model after another is compiled.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        app(prog_name="python -m training")
    except WorkshopError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
