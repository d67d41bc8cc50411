"""The use cases of `/predict` and `/predict/batch`: rate pairs with one model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.contract.errors import MAX_POSITIONS, UnknownMovie, UnknownUser, shorten
from app.contract.ids import Column, Pairs
from app.contract.schemas.requests import BatchOptions, BatchRequest, PredictRequest
from app.contract.schemas.responses import BatchPrediction, Prediction
from app.scoring.registry import Registry
from app.scoring.scorer import RatingScorer, ScoredPairs, as_told
from training.artefact import RawId
from training.artefact.ids.id_text import IdTexts


def predict(registry: Registry, request: PredictRequest) -> Prediction:
    """Rate one pair.

    Raises:
        UnknownModel: No model has that name.
        UnknownUser, UnknownMovie: An id has no training rating, and no fallback was asked for.
    """
    scorer = registry.get(request.model).scorer
    user_id, movie_id = scorer.users.canonical(request.user_id), scorer.movies.canonical(request.movie_id)
    rating = scorer.rate_known(request.user_id, request.movie_id)
    if rating is not None:
        return Prediction(user_id, movie_id, scorer.name, rating, True, True)
    scored = scorer.score([request.user_id], [request.movie_id])
    known_user, known_movie = bool(scored.known_user[0]), bool(scored.known_movie[0])
    if request.on_unknown == "error" and not (known_user and known_movie):
        raise _cold_pair(None if known_user else user_id, None if known_movie else movie_id)
    return Prediction(user_id, movie_id, scorer.name, scored.rounded()[0], known_user, known_movie)


def predict_batch(registry: Registry, request: BatchRequest) -> BatchPrediction:
    """Rate many pairs.

    Raises:
        UnknownModel: No model has that name.
        UnknownUser, UnknownMovie: Any id has no training rating, and no fallback was asked for.
    """
    scorer = registry.get(request.model).scorer
    scorer.counter.batch(len(request.user_ids))
    scored = scorer.score(request.user_ids, request.movie_ids)
    cold: list[int] = np.flatnonzero(scored.cold).tolist()
    if cold and request.on_unknown == "error":
        raise _cold_batch(scorer, request.user_ids, request.movie_ids, scored, cold)
    return BatchPrediction(scorer.name, as_told(scored.ratings), cold)


def predict_columns(registry: Registry, pairs: Sequence[Pairs], options: BatchOptions) -> ScoredPairs:
    """Rate the rows of an Arrow stream.

    Raises:
        UnknownModel: No model has that name.
        UnknownUser, UnknownMovie: Any id has no training rating, and no fallback was asked for.
    """
    scorer = registry.get(options.model).scorer
    scorer.counter.batch(sum(len(one.user_ids) for one in pairs))
    parts, before = [], 0
    for one in pairs:
        indices = [
            ids.indices_of_texts(column) if isinstance(column, IdTexts) else ids.indices_of_numbers(column)
            for ids, column in ((scorer.users, one.user_ids), (scorer.movies, one.movie_ids))
        ]
        scored = scorer.score_indices(*indices)
        if options.on_unknown == "error" and scored.cold.any():
            cold: list[int] = np.flatnonzero(scored.cold).tolist()
            raise _cold_batch(scorer, one.user_ids, one.movie_ids, scored, cold, before)
        parts.append(scored)
        before += scored.ratings.size
    if len(parts) == 1:
        return parts[0]
    return ScoredPairs(
        np.concatenate([np.empty(0, np.float32), *(part.ratings for part in parts)]),
        np.concatenate([np.empty(0, np.bool_), *(part.known_user for part in parts)]),
        np.concatenate([np.empty(0, np.bool_), *(part.known_movie for part in parts)]),
    )


def _plain(raw: RawId | np.int64) -> RawId:
    return raw if isinstance(raw, str) else int(raw)


def _cold_pair(user_id: str | None, movie_id: str | None) -> UnknownUser | UnknownMovie:
    """Make the error for one cold pair; None stands for the known side."""
    movie = {} if movie_id is None else {"movie_id": shorten(movie_id)}
    if user_id is None:
        return UnknownMovie(f"movie {movie.get('movie_id')!r} has no training rating", **movie)
    user = shorten(user_id)
    both = f", and neither has movie {movie['movie_id']!r}" if movie else ""
    return UnknownUser(f"user {user!r} has no training rating{both}", user_id=user, **movie)


def _cold_batch(
    scorer: RatingScorer,
    user_ids: Sequence[RawId] | Column,
    movie_ids: Sequence[RawId] | Column,
    scored: ScoredPairs,
    cold: list[int],
    before: int = 0,
) -> UnknownUser | UnknownMovie:
    """Make the error for a batch; it names the first cold id and lists the positions of cold pairs.

    Args:
        scorer: What scored them.
        user_ids: n ids.
        movie_ids: n ids.
        scored: What came of them.
        cold: Which of them are cold.
        before: How many pairs came before these in the caller's counting.
    """
    fields = {"positions": [before + place for place in cold[:MAX_POSITIONS]], "total": len(cold)}
    count = f"{len(cold)} of {len(user_ids)} pairs have an id without a training rating"
    unknown_users = np.flatnonzero(~scored.known_user)
    if unknown_users.size:
        user = shorten(scorer.users.canonical(_plain(user_ids[int(unknown_users[0])])))
        return UnknownUser(f"{count}, such as user {user!r}", user_id=user, **fields)
    movie = shorten(scorer.movies.canonical(_plain(movie_ids[cold[0]])))
    return UnknownMovie(f"{count}, such as movie {movie!r}", movie_id=movie, **fields)
