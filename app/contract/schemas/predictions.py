"""Answers of `/predict` and `/predict/batch`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, GetPydanticSchema

from app.contract.schemas.fields import FullMovieId, FullUserId, Known, ModelName, Rating

# An array, which is serialised without a Python number for each entry; documented as a list.
Ratings = Annotated[NDArray[np.float64], GetPydanticSchema(lambda _array, handler: handler(list[Rating]))]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One rated pair, with the ids in the form that the model knows them by."""

    user_id: FullUserId
    movie_id: FullMovieId
    model: ModelName
    rating: Rating
    known_user: Known
    known_movie: Known


@dataclass(frozen=True, slots=True)
class BatchPrediction:
    """Many rated pairs, in the order of the request."""

    model: ModelName
    ratings: Ratings
    cold: Annotated[Sequence[int], Field(description="positions of pairs that a mean stands in for")]
