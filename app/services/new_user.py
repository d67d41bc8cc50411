"""The use case of `/predict/new-user`: predict ratings of a user who is not in the training data."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.contract.errors import InvalidRequest, UnknownMovie, UnknownUser
from app.contract.schemas.requests import NewUserRequest
from app.contract.schemas.responses import (
    NewUserPrediction,
    NewUserRating,
    RecommendedMovie,
    UncertainNewUserRating,
)
from app.scoring.registry import Registry
from app.scoring.scorer import RatingScorer
from app.services.fold_in import FoldIn, vector_engine
from app.services.recommend import ranking_of, with_titles
from app.services.spread import spread_columns, uncertainty_for, uncertainty_of
from training.artefact import RawId
from training.artefact.engine import highest, rounded

# Movies per block; it bounds the memory of their embeddings.
BLOCK: Final = 16_384


def predict_for_new_user(registry: Registry, fold_in: FoldIn, request: NewUserRequest) -> NewUserPrediction:
    """Fit a user to their ratings, and rate movies for them.

    A user of the training data starts with the trained vector, and the movies that they rated before, if the
    artefact has them, are not recommended.

    Raises:
        UnknownModel: No model has that name.
        UnknownUser: `user_id` has no training rating.
        InvalidRequest: A movie is rated twice, a rating is off the scale, or `rank_by`, `interval` or
            `distribution` requires what the model does not have.
        UnknownMovie: A rated or a requested movie has no training rating.
        NoFoldIn: The model's engine does not expose its embeddings.
    """
    ratings = np.array([one.rating for one in request.ratings])
    registry.check_ratings(ratings, "ratings")
    scorer = registry.get(request.model).scorer
    scorer.counter.ranking()
    engine, prior, seen = vector_engine(scorer), fold_in.prior(scorer), scorer.warm_movies(request.exclude)
    if request.user_id is not None:
        user = scorer.users.index(request.user_id)
        if not 0 <= user < scorer.users.warm:
            raise UnknownUser(scorer.users.canonical(request.user_id))
        prior = fold_in.prior_of_user(scorer, user)
        if scorer.given is not None:
            before = scorer.given.of_user(user)[0]
            seen = np.append(seen, before[before < scorer.movies.warm])
    rated = _warm_indices(scorer, [one.movie_id for one in request.ratings], "ratings")
    if np.unique(rated).size != rated.size:
        raise InvalidRequest([(("ratings",), "rates a movie twice")])
    requested = _warm_indices(scorer, request.movie_ids, "movie_ids")
    vector = prior.fit(engine.movie_vectors(rated), ratings)
    predictions = rounded(prior.rate(vector, engine.movie_vectors(requested))).tolist()
    items: list[RecommendedMovie] = []
    if request.n:
        excluded = np.append(seen, rated)
        if request.rank_by == "likely":
            best = highest(_likely_keys(scorer, request, rated, ratings), request.n, excluded)
            stars = prior.rate(vector, engine.movie_vectors(best))
        else:
            everything = np.empty(scorer.movies.warm, np.float32)
            for start in range(0, everything.size, BLOCK):
                block = np.arange(start, min(start + BLOCK, everything.size), dtype=np.int32)
                everything[block] = prior.rate(vector, engine.movie_vectors(block))
            keys = everything
            if request.rank_by == "sure":
                user = -1 if request.user_id is None else scorer.users.index(request.user_id)
                keys = uncertainty_of(scorer, "rank_by").sure_keys(user, everything)
            best = highest(keys, request.n, excluded)
            stars = everything[best]
        items = with_titles(registry.catalogue(scorer.name), scorer.movies.at(best), stars)
    rated_movies: list[NewUserRating] = [
        NewUserRating(scorer.movies[int(index)], rating)
        for index, rating in zip(requested, predictions, strict=True)
    ]
    if request.wants_spread:
        # A new user's ratings are as far from the predictions as those of a user without training ratings.
        user = -1 if request.user_id is None else scorer.users.index(request.user_id)
        users = np.full(requested.size, user, np.int32)
        uncertainty = uncertainty_for(scorer, request)
        own = spread_columns(uncertainty, request, users, requested, predictions).rows()
        rated_movies = [
            UncertainNewUserRating(one.movie_id, one.rating, spread.low, spread.high, spread.stars)
            for one, spread in zip(rated_movies, own, strict=True)
        ]
    return NewUserPrediction(model=scorer.name, predictions=rated_movies, items=items)


def _likely_keys(
    scorer: RatingScorer, request: NewUserRequest, rated: NDArray[np.int32], ratings: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return `(movies,)` sort keys of a user who gave `(n,)` `ratings` to the movies `rated`."""
    ranking = ranking_of(scorer)
    liked: NDArray[np.integer] = rated[ratings >= ranking.liked]
    user = -1 if request.user_id is None else scorer.users.index(request.user_id)
    vector = ranking.fold(liked) if user < 0 else ranking.vector_of_user(user, liked)
    return ranking.keys(vector, scorer.movies.warm)


def _warm_indices(scorer: RatingScorer, movie_ids: Sequence[RawId], field: str) -> NDArray[np.int32]:
    indices = scorer.movies.indices(movie_ids)
    cold = np.flatnonzero((indices < 0) | (indices >= scorer.movies.warm))
    if cold.size:
        movie = scorer.movies.canonical(movie_ids[int(cold[0])])
        raise UnknownMovie(movie, cold.tolist(), len(movie_ids), field=field)
    return indices
