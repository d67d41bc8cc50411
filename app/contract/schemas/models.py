"""Responses of `/models`: description, size and accuracy of the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from app.contract.schemas.fields import ModelName

Bytes = Annotated[int, Field(ge=0, description="bytes")]


@dataclass(frozen=True, slots=True)
class Table:
    """One weight array."""

    name: Annotated[str, Field(examples=["user_embedding"])]
    shape: Annotated[Sequence[int], Field(examples=[[6040, 64]])]
    dtype: Annotated[str, Field(examples=["float32"])]
    parameters: Annotated[int, Field(examples=[386_560])]
    bytes: Annotated[Bytes, Field(examples=[1_546_240])]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Numbers of parameters, counted before any packing."""

    total: Annotated[int, Field(examples=[623_744])]
    trainable: Annotated[int, Field(examples=[623_744])]
    tables: Sequence[Table]


@dataclass(frozen=True, slots=True)
class Memory:
    """Sizes in bytes."""

    weights_bytes: Annotated[int, Field(description="bytes of the inference weights", examples=[2_494_976])]
    file_bytes: Annotated[
        int, Field(description="bytes of the model file, vocabularies included", examples=[2_550_000])
    ]
    vocabulary_bytes: Annotated[
        int, Field(description="bytes of the stored ids of both sides", examples=[38_984])
    ]
    ratings_bytes: Annotated[
        int,
        Field(description="bytes of the users' training ratings; 0 if the artefact has none"),
    ]
    resident_bytes: Annotated[
        int,
        Field(
            description="bytes of the arrays in memory: weights, ids with their index, means, "
            "training ratings"
        ),
    ]
    compression_ratio: Annotated[
        float | None,
        Field(
            description="weight bytes of the baseline divided by those of this model; null without a baseline"
        ),
    ]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors over all test rows (cold rows by the fallback) in rating units, and of two trivial models."""

    dataset: Annotated[str, Field(examples=["ml-1m"])]
    split: Annotated[str, Field(examples=["random"])]
    test_rows: Annotated[int, Field(examples=[150_226])]
    mse: Annotated[float, Field(examples=[0.744])]
    rmse: Annotated[float, Field(examples=[0.8626])]
    mae: Annotated[float, Field(examples=[0.6806])]
    global_mean_mse: Annotated[float, Field(examples=[1.2447])]
    biases_only_mse: Annotated[float, Field(examples=[0.8225])]


@dataclass(frozen=True, slots=True)
class Training:
    """How the model was fitted."""

    recipe: Annotated[Mapping[str, Any], Field(examples=[{"name": "reference", "batch_size": 128}])]
    epochs: Annotated[int, Field(examples=[3])]
    seconds: Annotated[float, Field(examples=[30.0])]
    seed: Annotated[int, Field(examples=[0])]
    history: Annotated[Mapping[str, Sequence[float]], Field(examples=[{"loss": [1.2, 0.85, 0.75]}])]
    created_at: Annotated[str, Field(examples=["2026-01-01T00:00:00+00:00"])]
    versions: Annotated[Mapping[str, str], Field(examples=[{"keras": "3.15.1"}])]


@dataclass(frozen=True, slots=True)
class VocabularySizes:
    """Numbers of ids in the vocabularies."""

    users: Annotated[int, Field(examples=[6040])]
    movies: Annotated[int, Field(examples=[3706])]


@dataclass(frozen=True, slots=True)
class RankRange:
    """The movies from popularity rank `first` to `last`, and the sum of their training ratings."""

    first: Annotated[int, Field(examples=[1])]
    last: Annotated[int, Field(examples=[1])]
    ratings: Annotated[int, Field(examples=[2900])]


@dataclass(frozen=True, slots=True)
class Popularity:
    """Distribution of the training ratings over the movies, and the model's blocks of movies."""

    movie_ratings: Annotated[
        Sequence[RankRange] | None, Field(description="null if the artefact does not have it")
    ]
    movie_blocks: Annotated[
        Sequence[int] | None,
        Field(
            description="number of movies in each block, most rated first; null if the model has no blocks"
        ),
    ]


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """Description of one model."""

    name: ModelName
    description: Annotated[str, Field(examples=["One embedding of length 64 for each user and each movie."])]
    ready: Annotated[bool, Field(description="whether it is loaded and has rated a test pair")]
    parameters: Parameters
    memory: Memory
    accuracy: Accuracy
    training: Training
    vocabulary: VocabularySizes
    popularity: Popularity
    sha256: Annotated[str, Field(description="digest of the model file", examples=["0" * 64])]


@dataclass(frozen=True, slots=True)
class ModelList:
    """All models, and the name of the default model."""

    default: ModelName
    models: Sequence[ModelDescription]
