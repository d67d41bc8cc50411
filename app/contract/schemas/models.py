"""Answers of `/models`: what a model is, what it costs and how well it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

Bytes = Annotated[int, Field(ge=0, description="bytes")]


@dataclass(frozen=True, slots=True)
class Table:
    """One weight array."""

    name: str
    shape: Sequence[int]
    dtype: str
    parameters: int
    bytes: Bytes


@dataclass(frozen=True, slots=True)
class Parameters:
    """Logical scalars before any packing."""

    total: int
    trainable: int
    tables: Sequence[Table]


@dataclass(frozen=True, slots=True)
class Memory:
    """What the model takes."""

    weights_bytes: Annotated[int, Field(description="bytes of the inference weights")]
    file_bytes: Annotated[int, Field(description="bytes of the model file, vocabularies included")]
    vocabulary_bytes: Annotated[int, Field(description="bytes of the stored ids of both sides")]
    ratings_bytes: Annotated[
        int,
        Field(description="bytes of the ratings that users gave; 0 where the artefact carries none"),
    ]
    resident_bytes: Annotated[
        int,
        Field(
            description="bytes of arrays that this process holds: weights, ids with their index, means, "
            "given ratings"
        ),
    ]
    compression_ratio: Annotated[
        float | None,
        Field(description="the baseline's weight bytes divided by this model's; null without one"),
    ]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors over every test row in rating units, cold rows by the fallback, beside two trivial models."""

    dataset: str
    split: str
    test_rows: int
    mse: float
    rmse: float
    mae: float
    global_mean_mse: float
    biases_only_mse: float


@dataclass(frozen=True, slots=True)
class Training:
    """How it was fitted."""

    recipe: Mapping[str, Any]
    epochs: int
    seconds: float
    seed: int
    history: Mapping[str, Sequence[float]]
    created_at: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VocabularySizes:
    """How many ids it knows."""

    users: int
    movies: int


@dataclass(frozen=True, slots=True)
class RankRange:
    """Movies from popularity rank `first` to `last`, and their training ratings altogether."""

    first: int
    last: int
    ratings: int


@dataclass(frozen=True, slots=True)
class Popularity:
    """How the training ratings are spread over the movies, and how the model cuts these into blocks."""

    movie_ratings: Annotated[
        Sequence[RankRange] | None, Field(description="null where the artefact does not carry it")
    ]
    movie_blocks: Annotated[
        Sequence[int] | None,
        Field(description="movies of each block, the most rated first; null where there are no blocks"),
    ]


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """Everything about one model."""

    name: str
    description: str
    ready: Annotated[bool, Field(description="whether it is loaded and has answered a real probe")]
    parameters: Parameters
    memory: Memory
    accuracy: Accuracy
    training: Training
    vocabulary: VocabularySizes
    popularity: Popularity
    sha256: Annotated[str, Field(description="digest of the model file")]


@dataclass(frozen=True, slots=True)
class ModelList:
    """All models, and which one answers when none is named."""

    default: str
    models: Sequence[ModelDescription]
