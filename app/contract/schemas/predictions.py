"""Answers of `/predict` and `/predict/batch`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, GetPydanticSchema

Rating = Annotated[float, Field(ge=0, le=5, description="predicted rating, in stars")]
# An array, which is written without a Python number for each entry; described as the list that it becomes.
Ratings = Annotated[NDArray[np.float64], GetPydanticSchema(lambda _array, describe: describe(list[Rating]))]
Known = Annotated[bool, Field(description="whether it has training ratings; if not, a mean stands in")]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One rated pair, with the ids in the form that the model knows them by."""

    user_id: str
    movie_id: str
    model: str
    rating: Rating
    known_user: Known
    known_movie: Known


@dataclass(frozen=True, slots=True)
class BatchPrediction:
    """Many rated pairs, in the order asked for."""

    model: str
    ratings: Ratings
    cold: Annotated[Sequence[int], Field(description="positions of pairs that a mean stands in for")]
