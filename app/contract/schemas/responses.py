"""Responses. They are dataclasses, which are created faster than pydantic models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, GetPydanticSchema

from app.contract.schemas.fields import DatasetName, FullMovieId, FullUserId, Known, ModelName, Rating
from training.artefact import Order, PartName

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
class StarProbability:
    """The probability that the user gives one rating."""

    rating: Annotated[float, Field(examples=[5.0])]
    p: Annotated[float, Field(ge=0, le=1, examples=[0.41])]


@dataclass(frozen=True)
class SpreadFields:
    """Mixin of how far a rating may be from its prediction; its fields follow those of the other base."""

    # A class has one base with slots of its own at most.
    __slots__ = ()

    low: Annotated[
        float | None, Field(description="lower end of `interval`; null without it", examples=[3.5])
    ]
    high: Annotated[
        float | None, Field(description="upper end of `interval`; null without it", examples=[5.0])
    ]
    stars: Annotated[
        Sequence[StarProbability] | None,
        Field(description="every rating that users can give, highest first; null without `distribution`"),
    ]


@dataclass(frozen=True, slots=True)
class Spread(SpreadFields):
    """How far a rating may be from its prediction."""


@dataclass(frozen=True, slots=True)
class UncertainPrediction(SpreadFields, Prediction):
    """One rated pair, with `interval` or `distribution`."""


@dataclass(frozen=True, slots=True)
class BatchPrediction:
    """Rated pairs in the order of the request."""

    model: ModelName
    ratings: Ratings
    cold: Annotated[Sequence[int], Field(description="positions of the pairs whose rating is a mean")]


@dataclass(frozen=True, slots=True)
class UncertainBatchPrediction(BatchPrediction):
    """Rated pairs, with `interval` or `distribution`."""

    spreads: Annotated[Sequence[Spread], Field(description="in the order of the request")]


@dataclass(frozen=True, slots=True)
class Figures:
    """The compared figures. Null if the data set has no baseline, or if its figure is 0 in a ratio."""

    parameters: float | None
    weights_bytes: float | None
    file_bytes: float | None
    mse: float | None
    rmse: float | None
    mae: float | None
    microseconds_single: Annotated[float | None, Field(description="time for one pair alone")]
    microseconds_per_pair: Annotated[float | None, Field(description="time per pair in a batch")]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Figures of one model, and their difference and ratio to those of the `baseline` of its data set."""

    name: ModelName
    dataset: DatasetName
    parameters: Annotated[int, Field(examples=[623_744])]
    weights_bytes: Annotated[int, Field(examples=[2_494_976])]
    file_bytes: Annotated[int, Field(examples=[2_561_436])]
    mse: Annotated[float, Field(examples=[0.7454])]
    rmse: Annotated[float, Field(examples=[0.8633])]
    mae: Annotated[float, Field(examples=[0.6809])]
    microseconds_single: Annotated[
        float, Field(description="time for one pair, as `/predict` rates it, measured at start-up")
    ]
    microseconds_per_pair: Annotated[
        float, Field(description="time per pair in a batch, measured at start-up")
    ]
    difference: Annotated[Figures, Field(description="this model's figure minus the baseline's")]
    ratio: Annotated[Figures, Field(description="this model's figure divided by the baseline's")]


@dataclass(frozen=True, slots=True)
class ComparedDataset:
    """A data set, and the names of its models. Figures of different data sets cannot be compared."""

    name: DatasetName
    models: Annotated[Sequence[str], Field(examples=[["baseline", "compact"]])]


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Comparison of all models, and the data sets, that of the default model first."""

    models: Sequence[SideBySide]
    datasets: Sequence[ComparedDataset]


@dataclass(frozen=True, slots=True)
class ModelPrediction:
    """One model's rating of the pair."""

    model: ModelName
    dataset: DatasetName
    rating: Rating
    known_user: Known
    known_movie: Known


@dataclass(frozen=True, slots=True)
class UncertainModelPrediction(SpreadFields, ModelPrediction):
    """One model's rating, with `interval` or `distribution`; all null if the model has no distributions."""


@dataclass(frozen=True, slots=True)
class PairDataset(ComparedDataset):
    """A data set, the names of its models, and the spread of their ratings of the pair."""

    spread: Annotated[float, Field(description="highest minus lowest rating by these models")]


@dataclass(frozen=True, slots=True)
class PairComparison:
    """Comparison of all models, with the rating that each predicts for one pair."""

    models: Sequence[SideBySide]
    predictions: Sequence[UncertainModelPrediction | ModelPrediction]
    spread: Annotated[float, Field(description="that of the default model's data set")]
    datasets: Annotated[Sequence[PairDataset], Field(description="that of the default model first")]


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """One pair, with the predicted rating by model name."""

    user_id: FullUserId
    movie_id: FullMovieId
    ratings: Annotated[Mapping[str, float], Field(examples=[{"baseline": 4.31}])]
    cold: Annotated[bool, Field(description="whether any of the compared models used a mean as fallback")]


@dataclass(frozen=True, slots=True)
class UncertainComparedPair(ComparedPair):
    """One pair, with `interval` or `distribution`."""

    spreads: Annotated[
        Mapping[str, Spread | None],
        Field(description="by model name; null if the model has no distributions"),
    ]


@dataclass(frozen=True, slots=True)
class ModelErrors:
    """Errors of one model over the pairs that have an observed rating; null if none has."""

    name: ModelName
    dataset: DatasetName
    mse: Annotated[float | None, Field(description="over all of these pairs, cold ones included")]
    rmse: float | None
    mae: float | None
    rows: Annotated[int, Field(description="pairs that have an observed rating")]
    cold_rows: Annotated[int, Field(description="pairs of these that the fallback rated (a mean)")]
    mse_warm: Annotated[float | None, Field(description="over the pairs that the model rated, if any")]


@dataclass(frozen=True, slots=True)
class LabelledComparison:
    """Ratings of every pair by every model, and the errors of the models."""

    pairs: Sequence[UncertainComparedPair | ComparedPair]
    models: Sequence[ModelErrors]


@dataclass(frozen=True, slots=True)
class Movie:
    """A movie in the vocabulary of at least one model."""

    movie_id: FullMovieId
    title: Annotated[str | None, Field(description="null if no model has it", examples=["Casablanca (1942)"])]
    genres: Annotated[Sequence[str], Field(examples=[["Drama", "Romance", "War"]])]


@dataclass(frozen=True, slots=True)
class MovieList:
    """Movies found, best match first."""

    items: Sequence[Movie]


@dataclass(frozen=True, slots=True)
class UserList:
    """Users found."""

    total: Annotated[int, Field(description="number of users with training ratings, whether found or not")]
    items: Sequence[FullUserId]


@dataclass(frozen=True, slots=True)
class GivenRating(Movie):
    """A movie, and the rating that the user gave it."""

    rating: Annotated[float, Field(description="rating of the user")]


@dataclass(frozen=True, slots=True)
class GivenRatingList:
    """Ratings of a user in the data set, test rows included, highest first."""

    model: ModelName
    user_id: FullUserId
    total: Annotated[int | None, Field(description="number of ratings; null if the artefact has none")]
    items: Sequence[GivenRating]


@dataclass(frozen=True, slots=True)
class RecommendedMovie(Movie):
    """A movie, and its predicted rating."""

    rating: Rating


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The movies that come first for a user, best first."""

    model: ModelName
    user_id: FullUserId
    items: Sequence[RecommendedMovie]


@dataclass(frozen=True, slots=True)
class NewUserRating:
    """Predicted rating of the new user for a movie."""

    movie_id: FullMovieId
    rating: Rating


@dataclass(frozen=True, slots=True)
class UncertainNewUserRating(SpreadFields, NewUserRating):
    """Predicted rating of the new user, with `interval` or `distribution`."""


@dataclass(frozen=True, slots=True)
class NewUserPrediction:
    """Predicted ratings of a new user."""

    model: ModelName
    predictions: Annotated[
        Sequence[UncertainNewUserRating | NewUserRating],
        Field(description="ratings of `movie_ids`, in that order"),
    ]
    items: Annotated[
        Sequence[RecommendedMovie], Field(description="first movies by `rank_by`, without the rated ones")
    ]


@dataclass(frozen=True, slots=True)
class NewMovieRating:
    """Estimated rating of the new movie by a user."""

    user_id: FullUserId
    rating: Rating
    known_user: Known
    known_movie: Annotated[bool, Field(description="always false: the rating is an estimate")]


@dataclass(frozen=True, slots=True)
class NewMoviePrediction:
    """Estimated ratings of a movie without training ratings."""

    model: ModelName
    features: Annotated[
        Sequence[str],
        Field(
            description="features that the model knows; without any, the ratings are means",
            examples=[["genre=Drama", "decade=1990"]],
        ),
    ]
    predictions: Annotated[Sequence[NewMovieRating], Field(description="in the order of `user_ids`")]


@dataclass(frozen=True, slots=True)
class Table:
    """One weight array."""

    name: Annotated[str, Field(examples=["user_embedding/embeddings"])]
    shape: Annotated[Sequence[int], Field(examples=[[6040, 64]])]
    dtype: Annotated[str, Field(examples=["float32"])]
    parameters: Annotated[int, Field(examples=[386_560])]
    bytes: Annotated[int, Field(ge=0, description="bytes", examples=[1_546_240])]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Numbers of parameters, whatever their bits; values of 0 bits are not counted."""

    total: Annotated[int, Field(examples=[623_744])]
    trainable: Annotated[int, Field(examples=[623_744])]
    tables: Sequence[Table]


@dataclass(frozen=True, slots=True)
class Memory:
    """Sizes in bytes."""

    weights_bytes: Annotated[int, Field(description="inference weights", examples=[2_494_976])]
    file_bytes: Annotated[int, Field(description="model file, ids included", examples=[2_561_436])]
    vocabulary_bytes: Annotated[int, Field(description="stored ids of both sides", examples=[38_984])]
    ratings_bytes: Annotated[int, Field(description="ratings of the data set; 0 if the artefact has none")]
    ranking_bytes: Annotated[
        int, Field(description="ranking for `rank_by=likely`; 0 if the artefact has none", examples=[46_043])
    ]
    uncertainty_bytes: Annotated[
        int,
        Field(
            description="classes of ids for `interval` and `distribution`; 0 if the artefact has none",
            examples=[2_432],
        ),
    ]
    features_bytes: Annotated[
        int,
        Field(
            description="biases and leanings of users for `/predict/new-movie`; 0 if the artefact has none"
        ),
    ]
    resident_bytes: Annotated[
        int, Field(description="arrays in memory: weights, ids, means, ratings, ranking, classes, features")
    ]
    compression_ratio: Annotated[
        float | None, Field(description="weight bytes of the baseline, if any, divided by this model's")
    ]


@dataclass(frozen=True, slots=True)
class ErrorsOfPart:
    """Errors over the test rows of one part, by which of their sides have no training ratings."""

    part: Annotated[PartName, Field(examples=["cold user"])]
    rows: Annotated[int, Field(examples=[12_013])]
    mse: Annotated[float, Field(examples=[1.1])]
    global_mean_mse: Annotated[float, Field(examples=[1.27])]
    biases_only_mse: Annotated[float, Field(examples=[1.13])]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors over all test rows (cold rows by the fallback) in rating units, and of two trivial models."""

    dataset: DatasetName
    split: Annotated[str, Field(examples=["random"])]
    test_rows: Annotated[int, Field(examples=[150_226])]
    mse: Annotated[float, Field(examples=[0.7454])]
    rmse: Annotated[float, Field(examples=[0.8633])]
    mae: Annotated[float, Field(examples=[0.6809])]
    global_mean_mse: Annotated[float, Field(examples=[1.2447])]
    biases_only_mse: Annotated[float, Field(examples=[0.8225])]
    mse_warm: Annotated[
        float | None, Field(description="over the warm rows; null if there are none", examples=[0.7453])
    ]
    cold_rows: Annotated[
        int, Field(description="rows with a user or a movie without training ratings", examples=[19])
    ]
    parts: Annotated[
        Sequence[ErrorsOfPart] | None,
        Field(description="errors by which sides are cold; null if an earlier version trained the model"),
    ]


@dataclass(frozen=True, slots=True)
class RankingOrder:
    """Quality of the first movies in an order, over the users of the test rows."""

    ndcg: Annotated[float, Field(description="normalised discounted cumulative gain", examples=[0.3154])]
    ndcg_margin: Annotated[
        float, Field(description="half the width of its 95 % interval over users", examples=[0.0063])
    ]
    recall: Annotated[
        float, Field(description="share of a user's relevant movies that come first", examples=[0.2136])
    ]
    shown: Annotated[int, Field(description="different movies shown to anybody", examples=[479])]
    popularity: Annotated[
        float, Field(description="mean number of training ratings of a shown movie", examples=[1582.1])
    ]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Which movies come first for the users of the test rows, by each `rank_by` and by popularity."""

    top: Annotated[int, Field(description="movies shown to each user", examples=[10])]
    relevant: Annotated[float, Field(description="lowest test rating of a relevant movie", examples=[4.0])]
    users: Annotated[int, Field(description="users with a relevant movie", examples=[5927])]
    movies: Annotated[int, Field(description="movies that are ranked", examples=[3688])]
    orders: Mapping[Order, RankingOrder]


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
    last_rating_at: Annotated[
        str | None,
        Field(
            description="time of the newest training rating; null if the ratings have no times, or the model "
            "was trained by a version that did not state it",
            examples=["2018-09-24T14:27:30+00:00"],
        ),
    ]


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
    ratings: Annotated[int, Field(examples=[2928])]


@dataclass(frozen=True, slots=True)
class Popularity:
    """Distribution of the training ratings over the movies, and the model's blocks of movies."""

    movie_ratings: Annotated[Sequence[RankRange] | None, Field(description="null if not in the artefact")]
    movie_blocks: Annotated[
        Sequence[int] | None, Field(description="movies in each block, most rated first; null without blocks")
    ]


@dataclass(frozen=True, slots=True)
class DistinctSide:
    """Embeddings of the users, or of the movies, with training ratings; equal ones give equal predictions."""

    ids: Annotated[int, Field(description="ids with training ratings", examples=[6040])]
    distinct: Annotated[int, Field(description="different embeddings, biases included", examples=[5262])]
    sharing: Annotated[int, Field(description="ids whose embedding another id has, too", examples=[1194])]
    largest: Annotated[int, Field(description="ids in the largest group with one embedding", examples=[14])]


@dataclass(frozen=True, slots=True)
class DistinctVectors:
    """How many users and movies the model tells apart."""

    users: DistinctSide
    movies: DistinctSide


@dataclass(frozen=True, slots=True)
class RatingScale:
    """Scale of all ratings in requests and responses."""

    low: Annotated[float, Field(description="lowest rating", examples=[0])]
    high: Annotated[float, Field(description="highest rating", examples=[5])]
    step: Annotated[
        float | None,
        Field(description="step between the observed ratings; null if they are continuous", examples=[0.5]),
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
    ranking: Annotated[
        Ranking | None, Field(description="null if no test row is relevant, or it was not measured")
    ]
    training: Training
    vocabulary: VocabularySizes
    popularity: Popularity
    distinct_vectors: Annotated[
        DistinctVectors | None, Field(description="null if not in the artefact (old or very large models)")
    ]
    rating_scale: RatingScale
    sha256: Annotated[str, Field(description="digest of the model file", examples=["0" * 64])]


@dataclass(frozen=True, slots=True)
class ModelList:
    """All models, the name of the default model, and the scale of its ratings."""

    default: ModelName
    rating_scale: RatingScale
    models: Sequence[ModelDescription]


Change = Literal["added", "changed", "unchanged", "removed"]


@dataclass(frozen=True, slots=True)
class ReloadedModel:
    """The change of one model."""

    name: ModelName
    change: Annotated[Change, Field(description="how it differs from the model served before")]
    sha256: Annotated[str | None, Field(description="digest of the model file; null if it was removed")]


@dataclass(frozen=True, slots=True)
class Reload:
    """The outcome of a reload of the models store; if it was refused, the previous models stay in service."""

    outcome: Literal["reloaded", "unchanged", "refused"]
    at: Annotated[str, Field(description="start time in UTC", examples=["2026-11-25T04:51:22+00:00"])]
    seconds: Annotated[float, Field(description="duration", examples=[0.214])]
    models: Annotated[list[ReloadedModel], Field(description="every model; empty if the reload was refused")]
    reason: Annotated[str | None, Field(description="why it was refused")]


@dataclass(frozen=True, slots=True)
class Reloads:
    """The reloads of a worker process."""

    reloads: Annotated[int, Field(description="number of reloads that succeeded")]
    refused: Annotated[int, Field(description="number of reloads that were refused")]
    last: Annotated[Reload | None, Field(description="the last reload; null before the first")]
