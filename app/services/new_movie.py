"""The use case of `/predict/new-movie`: predict ratings of a movie that is not in the training data."""

import numpy as np

from app.contract.errors import InvalidRequest, shorten
from app.contract.schemas.requests import MovieFeatures, NewMovieRequest
from app.contract.schemas.responses import NewMoviePrediction, NewMovieRating
from app.scoring.registry import Registry
from training.artefact.engine import rounded
from training.artefact.new_movies import GENRE, Feature, NewMovies, decade_of, feature_matrix


def predict_new_movie(registry: Registry, request: NewMovieRequest) -> NewMoviePrediction:
    """Estimate the ratings of a movie by its features, one for each user.

    Raises:
        UnknownModel: No model has that name.
        InvalidRequest: The model cannot rate movies by features.
    """
    scorer = registry.get(request.model).scorer
    new_movies = scorer.fallback.new_movies
    if new_movies is None:
        reason = f"cannot be used by model {shorten(scorer.name)!r}; train it with --new-movies"
        raise InvalidRequest([(("features",), reason)])
    users = scorer.users.indices(request.user_ids)
    known = [one for one in _features(request.features, new_movies) if one in new_movies.features]
    if known:
        present = feature_matrix([known], new_movies.features)
        present = np.broadcast_to(present, (users.size, present.shape[1]))
        ratings = new_movies.rate_features(users, present)
    else:
        ratings = scorer.fallback.rate(users, np.full_like(users, -1))
    warm = (users >= 0) & (users < scorer.users.warm)
    scorer.counter.many(ratings, np.zeros(users.size, np.bool_))
    return NewMoviePrediction(
        scorer.name,
        [f"{kind}={value}" for kind, value in known],
        [
            NewMovieRating(scorer.users.canonical(user_id), rating, known_user, known_movie=False)
            for user_id, rating, known_user in zip(
                request.user_ids, rounded(ratings).tolist(), warm.tolist(), strict=True
            )
        ],
    )


def _features(given: MovieFeatures, new_movies: NewMovies) -> list[Feature]:
    """Return the features, each once, that a request states."""
    found = [(GENRE, genre) for genre in given.genres]
    if given.year is not None:
        found.append(decade_of(given.year))
    for column, value in given.columns.items():
        try:
            found += new_movies.features_in(column, value if isinstance(value, list) else [value])
        except ValueError as error:
            raise InvalidRequest([(("features", "columns", column), str(error))]) from None
    return list(dict.fromkeys(found))
