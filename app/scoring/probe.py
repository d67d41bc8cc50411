"""Checks the ratings of a loaded model, and measures its scoring time, before the model counts as ready."""

import statistics
import timeit
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.contract.errors import StartError
from app.scoring.scorer import RatingScorer

# Of the width of the scale: the rounding of a float32 at its ends.
ROUNDING: Final = 1e-6
TIMED_BLOCK: Final = 4096
# Maximum number of table rows that a probe reads, evenly spaced and including both ends.
MAX_PROBED: Final = 100_000


@dataclass(frozen=True, slots=True)
class ScoringTime:
    """Time that a model takes from ids to ratings in this process.

    Attributes:
        single: Microseconds for a call with one pair.
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
    """Measure the scoring time of a model that has passed its probe; takes a few milliseconds."""
    users = [scorer.users[position % scorer.users.warm] for position in range(TIMED_BLOCK)]
    movies = [scorer.movies[position % scorer.movies.warm] for position in range(TIMED_BLOCK)]
    single = timeit.repeat(lambda: scorer.score(users[:1], movies[:1]), number=1, repeat=25)
    block = timeit.repeat(lambda: scorer.score(users, movies), number=1, repeat=3)
    per_pair = statistics.median(block) / TIMED_BLOCK
    return ScoringTime(round(1e6 * statistics.median(single), 3), round(1e6 * per_pair, 3))
