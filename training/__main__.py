"""The command line of training: `python -m training --help`."""

from __future__ import annotations

import io
import logging
import os
import sys

# TensorFlow's C++ side writes to the terminal at import unless it is told not to.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from training.cli.app import app
from training.errors import TrainingError


def main() -> None:
    """Run a command; a refusal is one line on stderr and exit code 1."""
    # Its Python side warns, at length, that one model after another is compiled.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        app(prog_name="python -m training")
    except TrainingError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if _can_be_written():
            raise
        # Else the interpreter tries once more, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(f"error: standard output cannot be written ({error.strerror})")


def _can_be_written() -> bool:
    try:
        # A flush alone says nothing: what could not be written is forgotten.
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
