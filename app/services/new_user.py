"""The use case of `/predict/new-user`: ratings for a user who is not in the training data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.contract.errors import MAX_POSITIONS, InvalidRequest, UnknownMovie, shorten
from app.contract.schemas.requests import NewUserRequest
from app.contract.schemas.responses import NewUserPrediction, NewUserRating, RecommendedMovie
from app.scoring.registry import Registry
from app.scoring.scorer import RatingScorer, rounded
from app.services.fold_in import FoldIn, vector_engine
from app.services.recommend import tell_movies
from training.artefact import RawId

# Movies per block; it bounds the memory of their embeddings.
BLOCK: Final = 16_384


def predict_for_new_user(registry: Registry, fold_in: FoldIn, request: NewUserRequest) -> NewUserPrediction:
    """Fit a user to their ratings, and rate movies for them.

    Raises:
        UnknownModel: No model has that name.
        InvalidRequest: A movie is rated twice.
        UnknownMovie: A movie, rated or asked for, has no training rating.
        NoFoldIn: The model's engine does not tell embeddings.
    """
    scorer = registry.get(request.model).scorer
    scorer.counter.ranking()
    prior, engine = fold_in.prior(scorer), vector_engine(scorer)
    rated_ids = [rated.movie_id for rated in request.ratings]
    rated = _warm_indices(scorer, rated_ids, "ratings")
    if np.unique(rated).size != rated.size:
        raise InvalidRequest([(("ratings",), "rates a movie twice")])
    asked = _warm_indices(scorer, request.movie_ids, "movie_ids")
    stars = np.array([rated.rating for rated in request.ratings], dtype=np.float64)
    vector = prior.fit(engine.movie_vectors(rated), stars)
    predictions = rounded(prior.rate(vector, engine.movie_vectors(asked)))
    items: list[RecommendedMovie] = []
    if request.n:
        everything = np.empty(scorer.movies.warm, np.float32)
        for start in range(0, everything.size, BLOCK):
            block = np.arange(start, min(start + BLOCK, everything.size), dtype=np.int32)
            everything[block] = prior.rate(vector, engine.movie_vectors(block))
        best = _best(scorer, everything, request.n, [*rated_ids, *request.exclude])
        items = tell_movies(registry.catalogue, best)
    return NewUserPrediction(
        model=scorer.name,
        predictions=[
            NewUserRating(scorer.movies[int(index)], rating)
            for index, rating in zip(asked, predictions, strict=True)
        ],
        items=items,
    )


def _warm_indices(
    scorer: RatingScorer, movie_ids: Sequence[RawId], field: str
) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    indices = scorer.movies.indices(movie_ids)
    cold = np.flatnonzero((indices < 0) | (indices >= scorer.movies.warm))
    if cold.size:
        movie = shorten(scorer.movies.canonical(movie_ids[int(cold[0])]))
        raise UnknownMovie(
            f"{cold.size} of {len(movie_ids)} {field} have no training rating, such as movie {movie!r}",
            movie_id=movie,
            field=field,
            positions=cold[:MAX_POSITIONS].tolist(),
            total=int(cold.size),
        )
    return indices


def _best(
    scorer: RatingScorer, ratings: NDArray[np.float32], n: int, exclude: Sequence[RawId]
) -> list[tuple[str, float]]:
    """Return the highest rated movies, best first; ties go to the movie with more training ratings.

    Args:
        scorer: The model that rated.
        ratings: `(warm movies,)` stars.
        n: How many at most.
        exclude: Movies to leave out; ids that the model does not know are no movies of its own anyway.
    """
    order = ratings.astype(np.float64)
    excluded = scorer.movies.indices(exclude)
    order[excluded[(excluded >= 0) & (excluded < order.size)]] = -1
    count = min(n, int(np.count_nonzero(order >= 0)))
    if not count:
        return []
    # Include all ties of the last one, so that their order is always the same.
    last = np.partition(order, order.size - count)[order.size - count]
    candidates = np.flatnonzero(order >= last)
    best = candidates[np.argsort(-order[candidates], kind="stable")][:count]
    return [(scorer.movies[int(index)], round(float(order[index]), 6)) for index in best]
