"""Responses of `/predict` and `/predict/batch`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, GetPydanticSchema

from app.contract.schemas.fields import FullMovieId, FullUserId, Known, ModelName, Rating

# An array, serialised without creating a Python object for each entry; documented as a list.
Ratings = Annotated[NDArray[np.float64], GetPydanticSchema(lambda _array, handler: handler(list[Rating]))]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One rated pair, with the ids in canonical form."""

    user_id: FullUserId
    movie_id: FullMovieId
    model: ModelName
    rating: Rating
    known_user: Known
    known_movie: Known


@dataclass(frozen=True, slots=True)
class BatchPrediction:
    """Rated pairs in the order of the request."""

    model: ModelName
    ratings: Ratings
    cold: Annotated[Sequence[int], Field(description="positions of the pairs whose rating is a mean")]
