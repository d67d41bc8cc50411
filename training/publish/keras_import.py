"""Import Keras so that Ctrl-C does not end the process in the middle of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from training.publish.progress import Progress


@contextmanager
def importing_keras(progress: Progress) -> Iterator[None]:
    """Show that Keras is being imported, and hold back Ctrl-C until that is done.

    TensorFlow's C++ code does not expect an exception while it is loaded: the process can end by a
    segmentation fault, without a message.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed during the import.
    """
    with progress.busy("importing Keras"):
        # Other handlers, and a process that ignores the signal, stay as they are.
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        received: list[int] = []
        signal.signal(signal.SIGINT, lambda number, _: received.append(number))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if received:
        raise KeyboardInterrupt
