"""Checks the ratings of a loaded model, and measures its scoring time, before the model counts as ready."""

import statistics
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.contract.errors import StartError
from app.scoring.scorer import RatingScorer
from training.artefact import Vocabulary

# Of the width of the scale: the rounding of a float32 at its ends.
ROUNDING: Final = 1e-6
TIMED_BLOCK: Final = 4096
TIMED_SINGLES: Final = 64
# Maximum number of table rows that a probe reads, evenly spaced and including both ends.
MAX_PROBED: Final = 100_000


@dataclass(frozen=True, slots=True)
class ScoringTime:
    """Time that a model takes from ids to ratings in this process, as the routes call it.

    Attributes:
        single: Microseconds for one pair that was not asked for just before.
        per_pair: Microseconds per pair in a call with many.
    """

    single: float
    per_pair: float


def probe(scorer: RatingScorer) -> None:
    """Let the model rate every warm user and movie once, including the first and the last pair.

    Raises:
        StartError: The model has no warm ids, or returns a value that is not a rating.
    """
    users, movies = scorer.users.warm, scorer.movies.warm
    if not users or not movies:
        raise StartError(f"model {scorer.name}: has no id with a training rating")
    count = min(max(users, movies), MAX_PROBED)
    try:
        scored = scorer.score_indices(
            np.linspace(0, users - 1, count).astype(np.int32),
            np.linspace(0, movies - 1, count).astype(np.int32),
        )
        ends = scorer.score(
            [scorer.users[0], scorer.users[users - 1]], [scorer.movies[0], scorer.movies[movies - 1]]
        )
    except Exception as error:
        raise StartError(f"model {scorer.name}: fails to rate pairs ({type(error).__name__})") from error
    ratings = np.concatenate([scored.ratings, ends.ratings])
    scale = scorer.manifest.scale
    share = (ratings.astype(np.float64) - scale.low) / scale.width
    if ends.cold.any() or not np.all((share >= -ROUNDING) & (share <= 1 + ROUNDING)):
        raise StartError(f"model {scorer.name}: returns a value that is not a rating from {scale}")


def measure(scorer: RatingScorer) -> ScoringTime:
    """Measure the scoring time of a model that has passed its probe; takes a few milliseconds.

    A single pair is rated as a request rates it, by `RatingScorer.rate_known`. Rounds of `TIMED_SINGLES`
    different pairs are timed, since a clock around each call would cost a part of it.
    """
    users, movies = _spread(scorer.users, TIMED_SINGLES), _spread(scorer.movies, TIMED_SINGLES)

    def rate_singles() -> None:
        for user, movie in zip(users, movies, strict=True):
            scorer.rate_known(user, movie)

    many_users, many_movies = _spread(scorer.users, TIMED_BLOCK), _spread(scorer.movies, TIMED_BLOCK)
    singles = _median_microseconds(rate_singles)
    block = _median_microseconds(lambda: scorer.score(many_users, many_movies))
    return ScoringTime(round(singles / TIMED_SINGLES, 3), round(block / TIMED_BLOCK, 3))


def _spread(ids: Vocabulary, count: int) -> list[str]:
    """Return `count` warm ids, evenly spaced by popularity; an id is repeated if there are fewer."""
    return [ids[position * ids.warm // count] for position in range(count)]


def _median_microseconds(call: Callable[[], object]) -> float:
    """Return the median time of three calls after one that fills caches."""
    call()
    return 1e6 * statistics.median(timeit.repeat(call, number=1, repeat=3))
