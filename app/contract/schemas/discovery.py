"""What a caller may send to `/movies`, `/users`, `/ratings`, `/recommend` and `/predict/new-user`."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from app.contract.ids import ID_SCHEMA
from app.contract.schemas.requests import Id, Ids, Model, RequestModel, check_count, limits_of, not_null
from training.artefact import is_canonical_number

MAX_LISTED: Final = 1000
MAX_CATALOGUE: Final = 100_000
MAX_QUERY: Final = 200


def _number_in_text(value: object) -> object:
    """In an address everything is text; a number has one spelling."""
    if isinstance(value, str) and is_canonical_number(value):
        return int(value)
    return value


def _truth_in_text(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _few_enough(count: int, info: ValidationInfo) -> int:
    limit = limits_of(info).max_items
    if count > limit:
        raise ValueError(f"must be less than or equal to {limit}")
    return count


# The OpenAPI document tells the bound that is set: `app.api.openapi`.
Items = Annotated[int, Field(ge=1, description="movies to name at most"), AfterValidator(_few_enough)]
ExcludeRated = Annotated[
    bool,
    Field(
        description="leave out what the user rated, where the model's artefact carries it "
        "(`memory.ratings_bytes` in `/models` is not 0); elsewhere nothing, so name it in `exclude`"
    ),
]
Text = Annotated[
    str, Field(max_length=MAX_QUERY, description="words or parts of words; accents and case do not matter")
]


class MoviesQuery(RequestModel):
    """Part of a title, or of an id."""

    q: Text = ""
    limit: Annotated[
        int,
        # The bounds first: after a validator of ours the OpenAPI document would not tell them.
        Field(ge=1, le=MAX_CATALOGUE, description="movies to tell at most"),
        BeforeValidator(_number_in_text),
    ] = 20


class UsersQuery(RequestModel):
    """Part of an id."""

    q: Annotated[
        str, Field(max_length=MAX_QUERY, description="how the id begins, with or without prefix")
    ] = ""
    limit: Annotated[
        int, Field(ge=1, le=MAX_LISTED, description="users to tell at most"), BeforeValidator(_number_in_text)
    ] = 20
    order: Annotated[
        Literal["ratings", "random"], Field(description="most training ratings first, or drawn at random")
    ] = "ratings"
    model: Model = None


class RatingsQuery(RequestModel):
    """A user, and perhaps one movie."""

    user_id: Id
    movie_id: Annotated[
        Id | None,
        BeforeValidator(not_null),
        Field(description="tell only what the user gave this one"),
        WithJsonSchema(ID_SCHEMA),
    ] = None
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_LISTED, description="ratings to tell at most"),
        BeforeValidator(_number_in_text),
    ] = 20
    model: Model = None


class RecommendRequest(RequestModel):
    """A user, and what not to recommend."""

    user_id: Id
    n: Items = 10
    model: Model = None
    exclude_rated: ExcludeRated = True
    exclude: Annotated[Ids, Field(description="movies to leave out")] = ()


class RecommendQuery(RequestModel):
    """The same as an address, where every value is text."""

    user_id: Id
    n: Annotated[Items, BeforeValidator(_number_in_text)] = 10
    model: Model = None
    exclude_rated: Annotated[ExcludeRated, BeforeValidator(_truth_in_text)] = True

    def as_request(self) -> RecommendRequest:
        """The request that it stands for."""
        return RecommendRequest.model_construct(**dict(self))


class RatedMovie(RequestModel):
    """A movie, and the stars that the new user gave it."""

    movie_id: Id
    rating: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False, description="stars")]


class NewUserRequest(RequestModel):
    """Some ratings of somebody new, and what to predict for them."""

    ratings: Annotated[
        list[RatedMovie],
        Field(min_length=1, fail_fast=True),
        BeforeValidator(check_count),
    ]
    movie_ids: Annotated[Ids, Field(description="movies to predict")] = ()
    n: Annotated[int, Field(ge=0, description="best movies to name at most"), AfterValidator(_few_enough)] = (
        10
    )
    model: Model = None
    exclude: Annotated[Ids, Field(description="movies to leave out, beside the rated ones")] = ()
