"""Answers of `/compare`: models side by side, on their figures or on the caller's pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.contract.schemas.fields import FullMovieId, FullUserId, Known, ModelName, Rating


@dataclass(frozen=True, slots=True)
class Figures:
    """What is compared. Null where there is nothing to divide by, or no baseline."""

    parameters: float | None
    weights_bytes: float | None
    file_bytes: float | None
    mse: float | None
    rmse: float | None
    mae: float | None
    microseconds_single: Annotated[float | None, Field(description="for one pair in a call of its own")]
    microseconds_per_pair: Annotated[float | None, Field(description="for each pair of a block")]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One model's figures, and how they stand to those of the model called `baseline`."""

    name: ModelName
    parameters: Annotated[int, Field(examples=[623_744])]
    weights_bytes: Annotated[int, Field(examples=[2_494_976])]
    file_bytes: Annotated[int, Field(examples=[2_550_000])]
    mse: Annotated[float, Field(examples=[0.744])]
    rmse: Annotated[float, Field(examples=[0.8626])]
    mae: Annotated[float, Field(examples=[0.6806])]
    microseconds_single: Annotated[
        float, Field(description="measured at start-up: ids to rating, one pair in a call of its own")
    ]
    microseconds_per_pair: Annotated[float, Field(description="measured at start-up: each pair of a block")]
    difference: Annotated[Figures, Field(description="this model's figure minus the baseline's")]
    ratio: Annotated[Figures, Field(description="this model's figure divided by the baseline's")]


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """All models side by side."""

    models: Sequence[SideBySide]


@dataclass(frozen=True, slots=True)
class ModelPrediction:
    """One model's rating of the pair."""

    model: ModelName
    rating: Rating
    known_user: Known
    known_movie: Known


@dataclass(frozen=True, slots=True)
class PairComparison:
    """All models side by side, and what each says of one pair."""

    models: Sequence[SideBySide]
    predictions: Sequence[ModelPrediction]
    spread: Annotated[float, Field(description="highest minus lowest rating, in stars")]


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """One pair, rated by each model."""

    user_id: FullUserId
    movie_id: FullMovieId
    ratings: Annotated[
        Mapping[str, float],
        Field(description="predicted rating by model name", examples=[{"baseline": 4.31}]),
    ]
    cold: Annotated[bool, Field(description="whether a mean stands in for any of the models compared")]


@dataclass(frozen=True, slots=True)
class ModelErrors:
    """One model's errors over the pairs that came with a rating; null where none did."""

    name: ModelName
    mse: Annotated[float | None, Field(description="over all of them, cold ones by the fallback")]
    rmse: float | None
    mae: float | None
    rows: Annotated[int, Field(description="pairs that came with a rating")]
    cold_rows: Annotated[int, Field(description="those of them that a mean stands in for")]
    mse_warm: Annotated[float | None, Field(description="over the others; null where there are none")]


@dataclass(frozen=True, slots=True)
class LabelledComparison:
    """Every pair rated by every model, and the models' errors."""

    pairs: Sequence[ComparedPair]
    models: Sequence[ModelErrors]
