"""Answers of `/movies`, `/users`, `/ratings`, `/recommend` and `/predict/new-user`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.contract.schemas.fields import FullMovieId, FullUserId, ModelName, Rating

Title = Annotated[
    str | None, Field(description="null where no model carries it", examples=["Casablanca (1942)"])
]
Genres = Annotated[Sequence[str], Field(examples=[["Drama", "Romance", "War"]])]


@dataclass(frozen=True, slots=True)
class FoundMovie:
    """A movie that at least one model knows."""

    movie_id: FullMovieId
    title: Title
    genres: Genres


@dataclass(frozen=True, slots=True)
class MovieList:
    """Movies found, the best find first."""

    items: Sequence[FoundMovie]


@dataclass(frozen=True, slots=True)
class UserList:
    """Users found."""

    total: Annotated[int, Field(description="users with training ratings, found or not")]
    items: Sequence[FullUserId]


@dataclass(frozen=True, slots=True)
class GivenRating:
    """A movie, and the stars that the user really gave it."""

    movie_id: FullMovieId
    title: Title
    genres: Genres
    rating: Annotated[float, Field(ge=0, le=5, description="given rating, in stars")]


@dataclass(frozen=True, slots=True)
class GivenRatingList:
    """What a user really gave, the highest first."""

    model: ModelName
    user_id: FullUserId
    total: Annotated[
        int | None,
        Field(description="how many ratings the user gave; null where the artefact carries no ratings"),
    ]
    items: Sequence[GivenRating]


@dataclass(frozen=True, slots=True)
class RecommendedMovie:
    """A movie, and the stars that the user would give it."""

    movie_id: FullMovieId
    title: Title
    genres: Genres
    rating: Rating


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A user's best movies, the best first."""

    model: ModelName
    user_id: FullUserId
    items: Sequence[RecommendedMovie]


@dataclass(frozen=True, slots=True)
class NewUserRating:
    """What the new user would give a movie that was asked for."""

    movie_id: FullMovieId
    rating: Rating


@dataclass(frozen=True, slots=True)
class NewUserPrediction:
    """Ratings for a new user."""

    model: ModelName
    predictions: Annotated[
        Sequence[NewUserRating], Field(description="of `movie_ids`, in the order asked for")
    ]
    items: Annotated[Sequence[RecommendedMovie], Field(description="best movies that the user has not rated")]
