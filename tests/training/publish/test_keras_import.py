"""Ctrl-C while Keras is imported."""

from __future__ import annotations

import signal

import pytest

from training.publish.keras_import import importing_keras
from training.publish.progress import SILENT


def test_ctrl_c_waits_for_the_end_of_the_import() -> None:
    steps = []

    def load() -> None:
        with importing_keras(SILENT):
            signal.raise_signal(signal.SIGINT)
            steps.append("imported")

    # A shell starts background processes with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            load()
        assert steps == ["imported"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_process_that_ignores_ctrl_c_keeps_ignoring_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with importing_keras(SILENT):
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
