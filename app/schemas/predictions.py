"""Answers of `/predict` and `/predict/batch`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

Rating = Annotated[float, Field(ge=0, le=5, description="predicted rating, in stars")]
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
    ratings: Sequence[Rating]
    cold: Annotated[Sequence[int], Field(description="positions of pairs that a mean stands in for")]
