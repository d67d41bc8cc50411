"""Memory that a replaced model leaves."""

from __future__ import annotations

import gc
import weakref

from app.scoring.memory import freeze_memory, refreeze_memory


class Cycle:
    """An object that refers to itself, as Keras models do."""

    def __init__(self) -> None:
        self.itself = self


def test_frozen_cycle_that_became_garbage_is_collected_when_memory_is_frozen_again() -> None:
    model = Cycle()
    freeze_memory()
    alive = weakref.ref(model)
    del model
    freeze_memory()
    assert alive() is not None
    refreeze_memory()
    assert alive() is None
    assert gc.get_freeze_count() > 0
