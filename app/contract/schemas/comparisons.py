"""Responses of `/compare`: models compared by their figures or on pairs from the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.contract.schemas.fields import FullMovieId, FullUserId, Known, ModelName, Rating


@dataclass(frozen=True, slots=True)
class Figures:
    """The compared figures. Null if there is no baseline, or if its figure is 0 in a ratio."""

    parameters: float | None
    weights_bytes: float | None
    file_bytes: float | None
    mse: float | None
    rmse: float | None
    mae: float | None
    microseconds_single: Annotated[
        float | None, Field(description="time for one pair in a request of its own")
    ]
    microseconds_per_pair: Annotated[float | None, Field(description="time per pair in a batch")]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Figures of one model, and their difference and ratio to those of the model named `baseline`."""

    name: ModelName
    parameters: Annotated[int, Field(examples=[623_744])]
    weights_bytes: Annotated[int, Field(examples=[2_494_976])]
    file_bytes: Annotated[int, Field(examples=[2_550_000])]
    mse: Annotated[float, Field(examples=[0.744])]
    rmse: Annotated[float, Field(examples=[0.8626])]
    mae: Annotated[float, Field(examples=[0.6806])]
    microseconds_single: Annotated[
        float, Field(description="time from ids to rating for one pair, measured at start-up")
    ]
    microseconds_per_pair: Annotated[
        float, Field(description="time per pair in a batch, measured at start-up")
    ]
    difference: Annotated[Figures, Field(description="this model's figure minus the baseline's")]
    ratio: Annotated[Figures, Field(description="this model's figure divided by the baseline's")]


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Comparison of all models."""

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
    """Comparison of all models, with the rating that each predicts for one pair."""

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
    cold: Annotated[bool, Field(description="whether any of the compared models used a mean as fallback")]


@dataclass(frozen=True, slots=True)
class ModelErrors:
    """Errors of one model over the pairs that have an observed rating; null if none has."""

    name: ModelName
    mse: Annotated[
        float | None, Field(description="over all of these pairs, with the fallback for cold ones")
    ]
    rmse: float | None
    mae: float | None
    rows: Annotated[int, Field(description="pairs that have an observed rating")]
    cold_rows: Annotated[int, Field(description="pairs of these that the fallback rated (a mean)")]
    mse_warm: Annotated[
        float | None, Field(description="over the pairs that the model rated; null if there are none")
    ]


@dataclass(frozen=True, slots=True)
class LabelledComparison:
    """Ratings of every pair by every model, and the errors of the models."""

    pairs: Sequence[ComparedPair]
    models: Sequence[ModelErrors]
