"""How far ratings may be from their predictions: intervals and distributions, as requests ask for them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.contract.errors import InvalidRequest, shorten
from app.contract.schemas.requests import SpreadRequest
from app.contract.schemas.responses import Spread, StarProbability
from app.scoring.scorer import RatingScorer
from training.artefact import Uncertainty
from training.artefact.engine import rounded

NO_SPREAD = Spread(None, None, None)


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


def spreads(
    uncertainty: Uncertainty,
    request: SpreadRequest,
    user_index: NDArray[np.int32],
    movie_index: NDArray[np.int32],
    ratings: NDArray[np.floating] | Sequence[float],
) -> list[Spread]:
    """Return the interval and the distribution of each pair, as far as the request asks for them.

    Args:
        uncertainty: The distributions of a model.
        request: What to return.
        user_index: `(n,)`, -1 for an unknown user.
        movie_index: `(n,)`, -1 for an unknown movie.
        ratings: `(n,)` the predictions.
    """
    cumulative = uncertainty.cumulative(user_index, movie_index, np.asarray(ratings))
    ends: list[tuple[float, float]] | list[tuple[None, None]] = [(None, None)] * len(cumulative)
    if request.interval is not None:
        low, high = uncertainty.interval(cumulative, request.interval)
        ends = list(zip(low.tolist(), high.tolist(), strict=True))
    stars: list[list[StarProbability]] | list[None] = [None] * len(cumulative)
    if request.distribution:
        levels = uncertainty.spreads.levels[::-1].tolist()
        probabilities = rounded(np.diff(cumulative, axis=1, prepend=0.0)[:, ::-1]).tolist()
        stars = [list(map(StarProbability, levels, own)) for own in probabilities]
    return [Spread(low, high, own) for (low, high), own in zip(ends, stars, strict=True)]
