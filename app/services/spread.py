"""How far ratings may be from their predictions: intervals and distributions, as requests ask for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.contract.errors import InvalidRequest, shorten
from app.contract.schemas.requests import SpreadRequest
from app.contract.schemas.responses import Spread, StarProbability
from app.scoring.scorer import RatingScorer
from training.artefact import Uncertainty
from training.artefact.engine import rounded

NO_SPREAD = Spread(None, None, None)


@dataclass(frozen=True, slots=True)
class SpreadColumns:
    """Intervals and distributions of pairs, as far as a request asks for them.

    Attributes:
        count: Number of pairs.
        levels: `(k,)` the ratings that users can give, highest first.
        ends: `(n,)` the lowest and the highest rating of the intervals.
        stars: `(n, k)` the probability of each level.
    """

    count: int
    levels: NDArray[np.float64]
    ends: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    stars: NDArray[np.float64] | None

    def rows(self) -> list[Spread]:
        """Return an object for each pair."""
        ends: list[tuple[float, float]] | list[tuple[None, None]] = [(None, None)] * self.count
        if self.ends is not None:
            low, high = self.ends
            ends = list(zip(low.tolist(), high.tolist(), strict=True))
        stars: list[list[StarProbability]] | list[None] = [None] * self.count
        if self.stars is not None:
            levels = self.levels.tolist()
            stars = [list(map(StarProbability, levels, own)) for own in self.stars.tolist()]
        return [Spread(low, high, own) for (low, high), own in zip(ends, stars, strict=True)]


def uncertainty_for(scorer: RatingScorer, request: SpreadRequest) -> Uncertainty:
    """Return the distributions of a model, from which a request wants intervals or distributions.

    Raises:
        InvalidRequest: It has none.
    """
    return uncertainty_of(scorer, "distribution" if request.interval is None else "interval")


def uncertainty_of(scorer: RatingScorer, field: str) -> Uncertainty:
    """Return the distributions of a model, which the `field` of a request needs.

    Raises:
        InvalidRequest: It has none.
    """
    if scorer.uncertainty is None:
        reason = f"model {shorten(scorer.name)!r} has no distributions of ratings; train it again"
        raise InvalidRequest([((field,), reason)])
    return scorer.uncertainty


def spread_columns(
    uncertainty: Uncertainty,
    request: SpreadRequest,
    user_index: NDArray[np.int32],
    movie_index: NDArray[np.int32],
    ratings: NDArray[np.floating] | Sequence[float],
) -> SpreadColumns:
    """Return the intervals and the distributions of pairs, as far as the request asks for them.

    Args:
        uncertainty: The distributions of a model.
        request: What to return.
        user_index: `(n,)`, -1 for an unknown user.
        movie_index: `(n,)`, -1 for an unknown movie.
        ratings: `(n,)` the predictions.
    """
    # Rounded as in a response, so that a pair has the same interval in all of them.
    cumulative = uncertainty.cumulative(user_index, movie_index, rounded(np.asarray(ratings)))
    interval = request.interval
    return SpreadColumns(
        count=len(ratings),
        levels=uncertainty.spreads.levels[::-1],
        ends=None if interval is None else uncertainty.interval(cumulative, interval),
        stars=rounded(np.diff(cumulative, axis=1, prepend=0.0)[:, ::-1]) if request.distribution else None,
    )
