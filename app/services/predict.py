"""The use cases of `/predict` and `/predict/batch`: rate pairs with one model."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from app.contract.errors import UnknownMovie, UnknownUser, shorten
from app.contract.ids import Column, Pairs
from app.contract.schemas.requests import BatchOptions, BatchRequest, PredictRequest
from app.contract.schemas.responses import (
    BatchPrediction,
    Prediction,
    UncertainBatchPrediction,
    UncertainPrediction,
)
from app.scoring.registry import Registry
from app.scoring.scorer import RatingScorer
from app.services.spread import SpreadColumns, spread_columns, uncertainty_for
from training.artefact import RawId
from training.artefact.engine import ScoredPairs, movie_indices, rounded
from training.artefact.ids.id_text import IdTexts


def predict(registry: Registry, request: PredictRequest) -> Prediction:
    """Rate one pair.

    Raises:
        UnknownModel: No model has that name.
        UnknownUser, UnknownMovie: An id has no training rating, and the request allows no fallback.
        InvalidRequest: The model has no distributions of ratings, but the request asks for one.
    """
    scorer = registry.get(request.model).scorer
    prediction = _predict(scorer, request)
    if not request.wants_spread:
        return prediction
    user, movie = scorer.users.indices([request.user_id]), scorer.movies.indices([request.movie_id])
    uncertainty = uncertainty_for(scorer, request)
    (spread,) = spread_columns(uncertainty, request, user, movie, [prediction.rating]).rows()
    return UncertainPrediction(**asdict(prediction), low=spread.low, high=spread.high, stars=spread.stars)


def _predict(scorer: RatingScorer, request: PredictRequest) -> Prediction:
    user_id, movie_id = scorer.users.canonical(request.user_id), scorer.movies.canonical(request.movie_id)
    rating = scorer.rate_known(request.user_id, request.movie_id)
    if rating is not None:
        return Prediction(user_id, movie_id, scorer.name, rating, True, True)
    scored = scorer.score([request.user_id], [request.movie_id])
    known_user, known_movie = bool(scored.known_user[0]), bool(scored.known_movie[0])
    if request.on_unknown == "error":
        if known_user and not known_movie:
            raise UnknownMovie(movie_id)
        if not known_user:
            raise UnknownUser(user_id) if known_movie else UnknownUser(user_id, movie_id=shorten(movie_id))
    return Prediction(user_id, movie_id, scorer.name, scored.rounded()[0], known_user, known_movie)


def predict_batch(registry: Registry, request: BatchRequest) -> BatchPrediction:
    """Rate many pairs.

    Raises:
        UnknownModel: No model has that name.
        UnknownUser, UnknownMovie: An id has no training rating, and the request allows no fallback.
        InvalidRequest: The model has no distributions of ratings, but the request asks for them.
    """
    scorer = registry.get(request.model).scorer
    scorer.counter.batch(len(request.user_ids))
    scored = scorer.score(request.user_ids, request.movie_ids)
    if request.on_unknown == "error" and scored.cold.any():
        raise _cold_pairs(scorer, request.user_ids, request.movie_ids, scored)
    ratings, cold = rounded(scored.ratings), np.flatnonzero(scored.cold).tolist()
    if not request.wants_spread:
        return BatchPrediction(scorer.name, ratings, cold)
    users, movies = scorer.users.indices(request.user_ids), scorer.movies.indices(request.movie_ids)
    own = spread_columns(uncertainty_for(scorer, request), request, users, movies, ratings)
    return UncertainBatchPrediction(scorer.name, ratings, cold, own.rows())


def predict_columns(
    registry: Registry, pairs: Sequence[Pairs], options: BatchOptions
) -> tuple[ScoredPairs, SpreadColumns | None]:
    """Rate the rows of an Arrow stream, and return their spread if the request asks for it.

    Raises:
        UnknownModel: No model has that name.
        UnknownUser, UnknownMovie: An id has no training rating, and the request allows no fallback.
        InvalidRequest: The model has no distributions of ratings, but the request asks for them.
    """
    scorer = registry.get(options.model).scorer
    scorer.counter.batch(sum(len(one.user_ids) for one in pairs))
    uncertainty = uncertainty_for(scorer, options) if options.wants_spread else None
    parts, found, before = [], [], 0
    for one in pairs:
        indices = [
            ids.indices_of_texts(column) if isinstance(column, IdTexts) else ids.indices_of_numbers(column)
            for ids, column in ((scorer.users, one.user_ids), (scorer.movies, one.movie_ids))
        ]
        users, movies = indices
        movies = movie_indices(scorer.fallback, scorer.movies, one.movie_ids, movies)
        scored = scorer.score_indices(users, movies)
        if options.on_unknown == "error" and scored.cold.any():
            raise _cold_pairs(scorer, one.user_ids, one.movie_ids, scored, before)
        parts.append(scored)
        found.append((users, movies))
        before += scored.ratings.size
    scored = parts[0] if len(parts) == 1 else _joined(parts)
    if uncertainty is None:
        return scored, None
    none = np.empty(0, np.int32)
    users, movies = (np.concatenate([none, *(one[side] for one in found)]) for side in (0, 1))
    return scored, spread_columns(uncertainty, options, users, movies, scored.ratings)


def _joined(parts: Sequence[ScoredPairs]) -> ScoredPairs:
    return ScoredPairs(
        np.concatenate([np.empty(0, np.float32), *(part.ratings for part in parts)]),
        np.concatenate([np.empty(0, np.bool_), *(part.known_user for part in parts)]),
        np.concatenate([np.empty(0, np.bool_), *(part.known_movie for part in parts)]),
    )


def _cold_pairs(
    scorer: RatingScorer,
    user_ids: Sequence[RawId] | Column,
    movie_ids: Sequence[RawId] | Column,
    scored: ScoredPairs,
    before: int = 0,
) -> UnknownUser | UnknownMovie:
    """Make the error for n pairs, some of them cold, that follow `before` other pairs of the request.

    It names the first unknown user, or else the first unknown movie.
    """
    positions = (np.flatnonzero(scored.cold) + before).tolist()
    error, ids, column, known = (
        (UnknownMovie, scorer.movies, movie_ids, scored.known_movie)
        if scored.known_user.all()
        else (UnknownUser, scorer.users, user_ids, scored.known_user)
    )
    raw = column[int(np.argmin(known))]
    return error(ids.canonical(raw if isinstance(raw, str) else int(raw)), positions, len(column))
