"""Errors of predictions, compared with those of trivial models on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from training.artefact.engine import rate_with_fallback
from training.artefact.fallback import Fallback, damped_means
from training.artefact.ids.vocabulary import Vocabulary
from training.artefact.manifest import AccuracyRecord, PartName, PartRecord
from training.artefact.reader import Artefact
from training.artefact.uncertainty import Uncertainty
from training.data.dataset import Dataset, Examples
from training.data.table import RatingsTable
from training.fit.calibration import Coverage, coverage_of_rows

if TYPE_CHECKING:
    from training.models.rating_model import RatingModel

Predict = Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]
"""Maps `(n,)` user indices and `(n,)` movie indices to `(n,)` ratings."""

# Damping of biases towards zero, in ratings; chosen on validation rows.
BIAS_DAMPING = 5.0
_BIAS_SWEEPS = 10
_PERIODS = 5

PARTS: Final[tuple[PartName, ...]] = ("warm", "cold user", "cold movie", "both cold")
"""Parts of the rows by which of their sides have no training rating; each row is in one."""
INTERVALS: Final = (0.5, 0.8, 0.95)
"""Nominal coverages of the intervals that are measured."""


@dataclass(frozen=True)
class Errors:
    """Mean squared error, its root and the mean absolute error, on the scale of the ratings."""

    mse: float
    rmse: float
    mae: float


@dataclass(frozen=True)
class Part:
    """Mean squared errors over the rows of a part.

    Attributes:
        part: One of `PARTS`.
        rows: Number of rows, at least 1.
        mse: That of the predictions; the fallback predicts cold rows.
        global_mean_mse: That of the mean training rating.
        biases_only_mse: That of user and movie biases; None if there are no training rows to fit them to.
    """

    part: PartName
    rows: int
    mse: float
    global_mean_mse: float
    biases_only_mse: float | None


@dataclass(frozen=True)
class References:
    """Predictions of trivial models.

    Attributes:
        mean: The mean training rating.
        biases: `(n,)` predictions by the mean and biases of users and movies; None without training rows.
    """

    mean: float
    biases: NDArray[np.float64] | None


@dataclass(frozen=True)
class Period:
    """How predictions and ratings part in a period of time.

    Attributes:
        first: Time of its first row, in seconds since 1970.
        last: Time of its last row, likewise.
        rows: Number of rows.
        excess: Mean of prediction minus rating.
        mse: Mean squared error.
    """

    first: int
    last: int
    rows: int
    excess: float
    mse: float


@dataclass(frozen=True)
class Evaluation(Errors):
    """Errors over rows of which the fallback predicts the cold ones.

    Attributes:
        mse_warm: Mean squared error of the rows that the model predicted; None if there are none.
        rows: Number of all rows.
        cold_rows: Number of rows that the fallback predicted.
        parts: Errors by which sides are cold, with those of trivial models.
        periods: Periods of as many rows each, in the order of time; none if the rows have no times.
        intervals: What the intervals of 50, 80 and 95 % cover; none if the model has no distributions.
    """

    mse_warm: float | None
    rows: int
    cold_rows: int
    parts: tuple[Part, ...] = ()
    periods: tuple[Period, ...] = ()
    intervals: tuple[Coverage, ...] = ()


def errors(observed: NDArray[np.float32], predicted: NDArray[np.floating]) -> Errors:
    """Compute the errors of `(n,)` predictions in float64; zero rows give NaN."""
    difference = observed.astype(np.float64) - predicted
    mse = float(np.mean(difference**2)) if difference.size else float("nan")
    mae = float(np.mean(np.abs(difference))) if difference.size else float("nan")
    return Errors(mse=mse, rmse=float(np.sqrt(mse)), mae=mae)


def fit_fallback(dataset: Dataset) -> Fallback:
    """Compute the global and damped means of the training rows (see `training.artefact.fallback`)."""
    train, mean = dataset.train, train_mean(dataset)
    return Fallback(
        global_mean=mean,
        user_means=damped_means(train.user_index, train.ratings, dataset.users.warm, mean),
        movie_means=damped_means(train.movie_index, train.ratings, dataset.movies.warm, mean),
    )


def model_fallback(model: RatingModel, dataset: Dataset) -> Fallback:
    """Return the fallback of a fitted model for cold ids: its biases if any, otherwise damped means."""
    if not model.settings.biases:
        return fit_fallback(dataset)
    layers = [model.indexed.get_layer(name) for name in ("user_bias", "movie_bias", "rating")]
    user_biases, movie_biases, global_bias = (layer.get_weights()[0] for layer in layers)
    return Fallback.from_biases(
        float(global_bias),
        user_biases[: dataset.users.warm, 0],
        movie_biases[: dataset.movies.warm, 0],
        dataset.scale,
    )


def train_mean(dataset: Dataset) -> float:
    """Return the mean training rating, rounded to the 6 digits that a manifest keeps."""
    return float(np.round(np.mean(dataset.train.ratings, dtype=np.float64), 6))


def evaluate_examples(
    predict: Predict,
    fallback: Fallback,
    examples: Examples,
    users: Vocabulary,
    movies: Vocabulary,
    references: References | None = None,
    times: NDArray[np.int64] | None = None,
    uncertainty: Uncertainty | None = None,
) -> Evaluation:
    """Compute the errors of the predictions that the service makes with `on_unknown: "fallback"`.

    Args:
        predict: Predicts ratings of warm pairs.
        fallback: Predicts the others.
        examples: The rows.
        users: The users, of whom the first are warm.
        movies: The movies, likewise.
        references: Predictions of trivial models for the rows; None leaves `parts` empty.
        times: `(n,)` when the ratings were given; None leaves `periods` empty.
        uncertainty: The distributions of the model; None leaves `intervals` empty.
    """
    rated, cold = predict_all(predict, fallback, examples, users.warm, movies.warm)
    found = errors(examples.ratings, rated)
    return Evaluation(
        **vars(found),
        mse_warm=None if cold.all() else errors(examples.ratings[~cold], rated[~cold]).mse,
        rows=len(examples),
        cold_rows=int(np.count_nonzero(cold)),
        parts=()
        if references is None
        else tuple(_parts(examples, rated, references, users.warm, movies.warm)),
        periods=() if times is None else tuple(_periods(examples.ratings, rated, times)),
        intervals=()
        if uncertainty is None or not len(examples)
        else tuple(
            coverage_of_rows(
                uncertainty, examples.user_index, examples.movie_index, rated, examples.ratings, INTERVALS
            )
        ),
    )


def _periods(
    ratings: NDArray[np.float32], rated: NDArray[np.float32], times: NDArray[np.int64]
) -> Iterator[Period]:
    """Compute the errors of `(n,)` predictions over parts of the rows in the order of their `(n,)` times."""
    for rows in np.array_split(np.argsort(times, kind="stable"), _PERIODS):
        if rows.size:
            off = rated[rows].astype(np.float64) - ratings[rows]
            ends = int(times[rows[0]]), int(times[rows[-1]])
            yield Period(*ends, int(rows.size), float(off.mean()), float(np.mean(off**2)))


def _parts(
    examples: Examples,
    rated: NDArray[np.float32],
    references: References,
    warm_users: int,
    warm_movies: int,
) -> Iterator[Part]:
    """Compute the errors of `(n,)` predictions over each part that has rows."""
    user, movie = examples.user_index, examples.movie_index
    cold_user, cold_movie = (user < 0) | (user >= warm_users), (movie < 0) | (movie >= warm_movies)
    place = cold_user + 2 * cold_movie.astype(np.int8)
    for code, name in enumerate(PARTS):
        chosen = place == code
        rows = int(np.count_nonzero(chosen))
        if not rows:
            continue
        ratings, biases = examples.ratings[chosen], references.biases
        yield Part(
            name,
            rows,
            errors(ratings, rated[chosen]).mse,
            errors(ratings, np.full(rows, references.mean)).mse,
            None if biases is None else errors(ratings, biases[chosen]).mse,
        )


def predict_all(
    predict: Predict, fallback: Fallback, examples: Examples, warm_users: int, warm_movies: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Predict as the service does with `on_unknown: "fallback"`.

    Returns:
        `(n,)` ratings, and a `(n,)` mask of the cold rows, which the fallback predicted: those with an id
        that is unknown (-1) or has no training rating.
    """
    scored = rate_with_fallback(
        predict, fallback, examples.user_index, examples.movie_index, warm_users, warm_movies
    )
    return scored.ratings, scored.cold


def evaluate(predict: Predict, fallback: Fallback, dataset: Dataset) -> AccuracyRecord:
    """Compute the errors over every test row, with those of the global mean and of biases only.

    The fallback predicts the cold rows.
    """
    test = dataset.test
    # Not the mean of the fallback: if that comes from a model's biases, it may differ from the exact mean.
    mean, biases = train_mean(dataset), biases_only(dataset)
    references = References(mean, biases)
    found = evaluate_examples(predict, fallback, test, dataset.users, dataset.movies, references)
    return AccuracyRecord(
        mse=found.mse,
        rmse=found.rmse,
        mae=found.mae,
        mse_warm=found.mse_warm,
        test_rows=found.rows,
        cold_rows=found.cold_rows,
        global_mean_mse=errors(test.ratings, np.full(len(test), mean)).mse,
        biases_only_mse=errors(test.ratings, biases).mse,
        parts=[PartRecord(**vars(part)) for part in found.parts],
    )


def evaluate_artefact(
    predict: Predict,
    artefact: Artefact,
    table: RatingsTable,
    rows: NDArray[np.int64] | None = None,
    train: NDArray[np.int64] | None = None,
) -> Evaluation:
    """Compute the errors of an artefact on any ratings table; ids are matched as text.

    Args:
        predict: Predicts ratings from indices with the artefact's model.
        artefact: Provides the vocabularies and the fallback.
        table: Ratings to evaluate on; the artefact need not have been trained on them.
        rows: `(n,)` row positions, or None for all.
        train: `(m,)` row positions that trivial models are fitted to; without them, the mean is that of the
            artefact, and there are no biases.
    """
    wanted = slice(None) if rows is None else rows
    user_index = artefact.users.indices(list(table.users))[table.user_index[wanted]]
    movie_index = artefact.movies.indices(list(table.movies))[table.movie_index[wanted]]
    examples = Examples(user_index, movie_index, table.ratings[wanted])
    references = References(artefact.fallback.global_mean, None)
    if train is not None:
        sizes = len(table.users), len(table.movies)
        mean, users, movies = damped_biases(
            table.user_index[train], table.movie_index[train], table.ratings[train], sizes
        )
        biases = mean + users[table.user_index[wanted]] + movies[table.movie_index[wanted]]
        references = References(mean, np.clip(biases, *table.scale.bounds))
    return evaluate_examples(
        predict,
        artefact.fallback,
        examples,
        artefact.users,
        artefact.movies,
        references,
        None if table.timestamps is None else table.timestamps[wanted],
        artefact.uncertainty,
    )


def biases_only(dataset: Dataset, examples: Examples | None = None) -> NDArray[np.float64]:
    """Predict rows by `mean + user_bias + movie_bias`, the baseline that every model must beat.

    Args:
        dataset: Its training rows are fitted.
        examples: `(n,)` rows to predict; the test rows by default.

    Returns:
        `(n,)` ratings, clipped to the scale.
    """
    train, test = dataset.train, dataset.test if examples is None else examples
    sizes = len(dataset.users), len(dataset.movies)
    mean, users, movies = damped_biases(train.user_index, train.movie_index, train.ratings, sizes)
    return np.clip(mean + users[test.user_index] + movies[test.movie_index], *dataset.scale.bounds)


def damped_biases(
    first: NDArray[np.int32], second: NDArray[np.int32], ratings: NDArray[np.float32], sizes: tuple[int, int]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Fit the mean rating and the biases of both sides by damped alternating least squares.

    See Koren, Bell & Volinsky 2009, "Matrix Factorization Techniques for Recommender Systems", equation 4
    without the factors.

    Args:
        first: `(n,)` ids of the side that is fitted first in each sweep.
        second: `(n,)` ids of the other side.
        ratings: `(n,)`.
        sizes: How many ids either side has.

    Returns:
        The mean, and `(sizes[0],)` and `(sizes[1],)` biases.
    """
    exact = ratings.astype(np.float64)
    mean = float(exact.mean())
    weights = [
        np.bincount(ids, minlength=size) + BIAS_DAMPING
        for ids, size in zip((first, second), sizes, strict=True)
    ]
    first_bias, second_bias = np.zeros(sizes[0]), np.zeros(sizes[1])
    for _ in range(_BIAS_SWEEPS):
        first_bias = np.bincount(first, exact - mean - second_bias[second], sizes[0]) / weights[0]
        second_bias = np.bincount(second, exact - mean - first_bias[first], sizes[1]) / weights[1]
    return mean, first_bias, second_bias
