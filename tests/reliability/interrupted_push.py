"""A push that is interrupted at a chosen write. A separate program.

    python -m tests.reliability.interrupted_push STORE ADDRESS kill NUMBER
    python -m tests.reliability.interrupted_push STORE ADDRESS pause FILE

`kill` kills it before the write with this number, from 0. `pause` creates the file before the pointer is
written, and continues when the file has been removed.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import obstore

from training.__main__ import main
from training.artefact.remote.layout import POINTER_FILE


def interrupt(action: str, argument: str) -> None:
    """Interrupt what calls `obstore.put`."""
    put, numbers = obstore.put, itertools.count()

    def interrupted(store: Any, name: str, *arguments: Any, **options: Any) -> Any:
        if action == "kill" and next(numbers) == int(argument):
            os.kill(os.getpid(), signal.SIGKILL)
        if action == "pause" and name == POINTER_FILE:
            Path(argument).touch()
            while Path(argument).exists():
                time.sleep(0.02)
        return put(store, name, *arguments, **options)

    obstore.put = interrupted  # type: ignore[assignment]


if __name__ == "__main__":
    _, folder, address, *interruption = sys.argv
    interrupt(*interruption)
    sys.argv[1:] = ["push", address, "--store", folder]
    main()
