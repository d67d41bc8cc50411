"""A batch of pairs as two columns of ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.id_text import IdTexts

Column = IdTexts | NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two columns of ids with the same length: the pair at position i is `user_ids[i]`, `movie_ids[i]`."""

    user_ids: Column
    movie_ids: Column
