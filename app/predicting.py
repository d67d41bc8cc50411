"""Answers of `/predict` and `/predict/batch`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.errors import MAX_POSITIONS, ColdPairs, UnknownMovie, UnknownUser, shorten
from app.schemas.predictions import BatchPrediction, Prediction
from app.schemas.requests import BatchRequest, PredictRequest
from app.scoring.registry import Registry
from app.scoring.scorer import RatingScorer, ScoredPairs
from training.artefact import RawId


def predict(registry: Registry, request: PredictRequest) -> Prediction:
    """Rate one pair.

    Raises:
        UnknownModel: No model has that name.
        ColdPairs: An id has no training rating, and no fallback was asked for.
    """
    scorer = registry.get(request.model).scorer
    scored = scorer.score([request.user_id], [request.movie_id])
    known_user, known_movie = bool(scored.known_user[0]), bool(scored.known_movie[0])
    user_id, movie_id = scorer.users.canonical(request.user_id), scorer.movies.canonical(request.movie_id)
    if request.on_unknown == "error" and not (known_user and known_movie):
        raise _cold_pair(None if known_user else user_id, None if known_movie else movie_id)
    return Prediction(user_id, movie_id, scorer.name, scored.rounded()[0], known_user, known_movie)


def predict_batch(registry: Registry, request: BatchRequest) -> BatchPrediction:
    """Rate many pairs.

    Raises:
        UnknownModel: No model has that name.
        ColdPairs: Any id has no training rating, and no fallback was asked for.
    """
    scorer = registry.get(request.model).scorer
    scored = scorer.score(request.user_ids, request.movie_ids)
    cold: list[int] = np.flatnonzero(scored.cold).tolist()
    if cold and request.on_unknown == "error":
        raise _cold_batch(scorer, request.user_ids, request.movie_ids, scored, cold)
    return BatchPrediction(scorer.name, scored.rounded(), cold)


def _cold_pair(user_id: str | None, movie_id: str | None) -> ColdPairs:
    """The error for one pair; `None` for the side that is known."""
    movie = {} if movie_id is None else {"movie_id": shorten(movie_id)}
    if user_id is None:
        return UnknownMovie(f"movie {movie.get('movie_id')!r} has no training rating", **movie)
    user = shorten(user_id)
    both = f", and neither has movie {movie['movie_id']!r}" if movie else ""
    return UnknownUser(f"user {user!r} has no training rating{both}", user_id=user, **movie)


def _cold_batch(
    scorer: RatingScorer,
    user_ids: Sequence[RawId],
    movie_ids: Sequence[RawId],
    scored: ScoredPairs,
    cold: list[int],
) -> ColdPairs:
    """The error for a batch: it names the first cold id and lists the positions of cold pairs."""
    fields = {"positions": cold[:MAX_POSITIONS], "total": len(cold)}
    count = f"{len(cold)} of {len(user_ids)} pairs have an id without a training rating"
    unknown_users = np.flatnonzero(~scored.known_user)
    if unknown_users.size:
        user = shorten(scorer.users.canonical(user_ids[int(unknown_users[0])]))
        return UnknownUser(f"{count}, such as user {user!r}", user_id=user, **fields)
    movie = shorten(scorer.movies.canonical(movie_ids[cold[0]]))
    return UnknownMovie(f"{count}, such as movie {movie!r}", movie_id=movie, **fields)
