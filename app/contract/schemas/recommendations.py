"""Responses of `/movies`, `/users`, `/ratings`, `/recommend` and `/predict/new-user`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.contract.schemas.fields import FullMovieId, FullUserId, ModelName, Rating

Title = Annotated[str | None, Field(description="null if no model has it", examples=["Casablanca (1942)"])]
Genres = Annotated[Sequence[str], Field(examples=[["Drama", "Romance", "War"]])]


@dataclass(frozen=True, slots=True)
class FoundMovie:
    """A movie in the vocabulary of at least one model."""

    movie_id: FullMovieId
    title: Title
    genres: Genres


@dataclass(frozen=True, slots=True)
class MovieList:
    """Movies found, best match first."""

    items: Sequence[FoundMovie]


@dataclass(frozen=True, slots=True)
class UserList:
    """Users found."""

    total: Annotated[int, Field(description="number of users with training ratings, whether found or not")]
    items: Sequence[FullUserId]


@dataclass(frozen=True, slots=True)
class GivenRating:
    """A movie, and the rating that the user gave it."""

    movie_id: FullMovieId
    title: Title
    genres: Genres
    rating: Annotated[float, Field(ge=0, le=5, description="rating of the user, in stars")]


@dataclass(frozen=True, slots=True)
class GivenRatingList:
    """Training ratings of a user, highest first."""

    model: ModelName
    user_id: FullUserId
    total: Annotated[
        int | None,
        Field(description="number of ratings of the user; null if the artefact has no ratings"),
    ]
    items: Sequence[GivenRating]


@dataclass(frozen=True, slots=True)
class RecommendedMovie:
    """A movie, and its predicted rating."""

    movie_id: FullMovieId
    title: Title
    genres: Genres
    rating: Rating


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The movies with the highest predicted ratings, best first."""

    model: ModelName
    user_id: FullUserId
    items: Sequence[RecommendedMovie]


@dataclass(frozen=True, slots=True)
class NewUserRating:
    """Predicted rating of the new user for a requested movie."""

    movie_id: FullMovieId
    rating: Rating


@dataclass(frozen=True, slots=True)
class NewUserPrediction:
    """Predicted ratings of a new user."""

    model: ModelName
    predictions: Annotated[
        Sequence[NewUserRating], Field(description="ratings of `movie_ids`, in the order of the request")
    ]
    items: Annotated[
        Sequence[RecommendedMovie],
        Field(description="movies with the highest predicted ratings, without the rated ones"),
    ]
