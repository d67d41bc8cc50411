"""The entry point of the command line: `python -m training --help`."""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typer import Typer

# Without these variables, TensorFlow's C++ code writes to the terminal at import.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from training.errors import TrainingError


def commands() -> Typer:
    """Import the commands; a package that is missing ends the process with one line and exit code 1.

    An environment that only serves (`make serve`, or the package without its extra) lacks some of them.
    """
    try:
        from training.cli.app import app
    except ModuleNotFoundError as error:
        sys.exit(
            f"error: training needs the package {error.name!r}, which is not installed: in the repository "
            "run `make setup`, elsewhere install this package with its extra `train`, such as "
            "pip install 'stars-0.1.0-py3-none-any.whl[train]'"
        )
    return app


def main(program: str = "python -m training") -> None:
    """Run a command; an error is reported as one line on stderr and exit code 1.

    Args:
        program: Name of the program in help texts.
    """
    # TensorFlow's Python code logs long warnings because several models are compiled in a row.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        commands()(prog_name=program)
    except TrainingError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if _can_be_written():
            raise
        # Otherwise the interpreter flushes again at exit and prints another error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(f"error: standard output cannot be written ({error.strerror})")


def _can_be_written() -> bool:
    try:
        # A flush alone proves nothing, because data that could not be written has been discarded.
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
