"""Schemas of requests, as JSON bodies or query strings."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.contract.schemas.fields import (
    BOOL_FROM_TEXT,
    DECIMAL_FROM_TEXT,
    NUMBER_FROM_TEXT,
    Distribution,
    Interval,
    MovieId,
    MovieIds,
    OnUnknown,
    OptionalField,
    OptionalModel,
    UserId,
    UserIds,
    check_count,
    check_items,
)

MAX_LISTED: Final = 1000
MAX_CATALOGUE: Final = 100_000
MAX_QUERY: Final = 200
# Of what is known of a new movie: genres, columns, and values of a column.
MAX_VALUES: Final = 100
# More than any request schema has.
MAX_FIELDS: Final = 20

Search = Annotated[str, Field(max_length=MAX_QUERY)]
Listed = Annotated[int, Field(ge=1, le=MAX_LISTED, description="maximum number of entries"), NUMBER_FROM_TEXT]
# The maximum is a setting; `app.api.openapi` adds it to the document.
Items = Annotated[int, Field(ge=1, description="maximum number of movies"), AfterValidator(check_items)]
ExcludeRated = Annotated[
    bool,
    Field(
        description="exclude the movies that the user rated, if the model's artefact has ratings "
        "(`memory.ratings_bytes` in `/models` is not 0); otherwise list them in `exclude`"
    ),
]


RankBy = Annotated[
    Literal["rating", "sure", "likely"],
    Field(
        description="order of the movies: predicted rating; the lower end of its 80 % interval, then the "
        "rating, if the model has distributions (`memory.uncertainty_bytes` in `/models` is not 0); or how "
        "likely the user is to watch and like them, if it has a ranking (`memory.ranking_bytes` is not 0)"
    ),
]


class RequestModel(BaseModel):
    """Base of all requests: no coercion, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _check_number_of_fields(cls, data: Any) -> Any:
        # Pydantic would create an error for each of a million unknown fields.
        if isinstance(data, dict) and len(data) > MAX_FIELDS:
            raise ValueError(f"has more than {MAX_FIELDS} fields")
        return data


class SpreadRequest(RequestModel):
    """How much to say about how far a rating may be from its prediction; nothing by default."""

    interval: Interval = None
    distribution: Distribution = False

    @property
    def wants_spread(self) -> bool:
        """Whether it asks for an interval or a distribution."""
        return self.interval is not None or self.distribution


class PredictRequest(SpreadRequest):
    """One pair."""

    user_id: UserId
    movie_id: MovieId
    model: OptionalModel = None
    on_unknown: OnUnknown = "error"


class SpreadQuery(SpreadRequest):
    """The fields of `SpreadRequest` in a query string."""

    interval: Annotated[Interval, DECIMAL_FROM_TEXT] = None
    distribution: Annotated[Distribution, BOOL_FROM_TEXT] = False


class PredictQuery(SpreadQuery, PredictRequest):
    """The same as a query string."""


class BatchRequest(SpreadRequest):
    """Pairs as two columns: the pair at position i is `user_ids[i]`, `movie_ids[i]`."""

    user_ids: UserIds
    movie_ids: MovieIds
    model: OptionalModel = None
    on_unknown: OnUnknown = "error"

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if len(self.user_ids) != len(self.movie_ids):
            raise ValueError(
                f"user_ids and movie_ids differ in length: {len(self.user_ids)} and {len(self.movie_ids)}"
            )
        return self


class BatchOptions(SpreadQuery):
    """The query of a batch request whose body is an Arrow stream."""

    model: OptionalModel = None
    on_unknown: OnUnknown = "error"


class CompareQuery(SpreadQuery):
    """An optional pair to be rated by every model."""

    user_id: OptionalField[UserId] = None
    movie_id: OptionalField[MovieId] = None

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        if (self.user_id is None) != (self.movie_id is None):
            raise ValueError("user_id and movie_id must be given together")
        if self.user_id is None and self.wants_spread:
            raise ValueError("interval and distribution require user_id and movie_id")
        return self


class LabelledPair(RequestModel):
    """A pair with an optional observed rating."""

    user_id: UserId
    movie_id: MovieId
    rating: Annotated[
        OptionalField[Annotated[float, Field(allow_inf_nan=False)]],
        Field(description="observed rating, on the `rating_scale` of `/models`", examples=[5]),
    ] = None


def _check_distinct(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("contains a model twice")
    return names


class CompareRequest(SpreadRequest):
    """Pairs to be rated by several models."""

    pairs: Annotated[list[LabelledPair], Field(fail_fast=True), BeforeValidator(check_count)]
    models: Annotated[
        OptionalField[
            Annotated[
                list[str],
                Field(min_length=1, max_length=1000, fail_fast=True, json_schema_extra={"uniqueItems": True}),
                AfterValidator(_check_distinct),
            ]
        ],
        Field(description="names of the models to compare; all by default", examples=[["baseline"]]),
    ] = None


class MoviesQuery(RequestModel):
    """A search for movies by title or id."""

    q: Annotated[
        Search,
        Field(description="words or parts of words; accents and case are ignored", examples=["casablanca"]),
    ] = ""
    limit: Annotated[
        int, Field(ge=1, le=MAX_CATALOGUE, description="maximum number of movies"), NUMBER_FROM_TEXT
    ] = 20
    model: Annotated[
        OptionalField[str],
        Field(description="return only movies of this model's data set", examples=["baseline"]),
    ] = None


class UsersQuery(RequestModel):
    """A search for users by id."""

    q: Annotated[
        Search, Field(description="beginning of the id, with or without the prefix", examples=["user_41"])
    ] = ""
    limit: Listed = 20
    order: Annotated[
        Literal["ratings", "random"], Field(description="most training ratings first, or a random sample")
    ] = "ratings"
    model: OptionalModel = None


class RatingsQuery(RequestModel):
    """A user, and optionally a movie."""

    user_id: UserId
    movie_id: Annotated[OptionalField[MovieId], Field(description="return only this movie's rating")] = None
    limit: Listed = 20
    model: OptionalModel = None


class RecommendQuery(RequestModel):
    """A user, and the number of movies to recommend."""

    user_id: UserId
    n: Annotated[Items, NUMBER_FROM_TEXT] = 10
    model: OptionalModel = None
    exclude_rated: Annotated[ExcludeRated, BOOL_FROM_TEXT] = True
    rank_by: RankBy = "rating"


class RecommendRequest(RecommendQuery):
    """The same as a body, which can also exclude movies by id."""

    n: Items = 10
    exclude_rated: ExcludeRated = True
    exclude: Annotated[MovieIds, Field(description="movies to exclude")] = ()


ColumnValue = (
    Annotated[str, Field(min_length=1, max_length=MAX_QUERY)]
    | bool
    | Annotated[float, Field(allow_inf_nan=False)]
)


class MovieFeatures(RequestModel):
    """What is known of a movie."""

    genres: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_QUERY)]],
        Field(
            max_length=MAX_VALUES,
            fail_fast=True,
            description="as the data set spells them",
            examples=[["Drama"]],
        ),
    ] = []
    year: Annotated[
        OptionalField[Annotated[int, Field(ge=0, le=9999)]],
        Field(
            description="year of release, as at the end of the titles or in the column of years",
            examples=[1995],
        ),
    ] = None
    columns: Annotated[
        dict[
            Annotated[str, Field(min_length=1, max_length=MAX_QUERY)],
            ColumnValue | Annotated[list[ColumnValue], Field(max_length=MAX_VALUES)],
        ],
        Field(
            max_length=MAX_VALUES,
            description="values of other columns of the items file, by the names of the columns: text and "
            "booleans as spelled there, numbers, or a list of them",
            examples=[{"author": "Jane Austen", "pages": 328, "tags": ["classics", "satire"]}],
        ),
    ] = {}


class NewMovieRequest(RequestModel):
    """A movie without training ratings, and the users to predict its rating for."""

    features: MovieFeatures
    user_ids: UserIds
    model: OptionalModel = None


class RatedMovie(RequestModel):
    """A movie, and the rating that the new user gave it."""

    movie_id: MovieId
    rating: Annotated[
        float,
        Field(allow_inf_nan=False, description="on the `rating_scale` of `/models`", examples=[4.5]),
    ]


class NewUserRequest(SpreadRequest):
    """Ratings of a new user, or new ratings of a known one, and the movies to predict."""

    user_id: Annotated[
        OptionalField[UserId],
        Field(
            description="a user with training ratings, who gave `ratings` since: the trained embedding is "
            "the start; left out for a new user"
        ),
    ] = None
    ratings: Annotated[
        list[RatedMovie],
        Field(fail_fast=True, description="may be empty for a user of whom nothing is known"),
        BeforeValidator(check_count),
    ]
    movie_ids: Annotated[MovieIds, Field(description="movies to predict")] = ()
    n: Annotated[
        int, Field(ge=0, description="maximum number of recommended movies"), AfterValidator(check_items)
    ] = 10
    model: OptionalModel = None
    exclude: Annotated[MovieIds, Field(description="movies to exclude, in addition to the rated ones")] = ()
    rank_by: RankBy = "rating"
