"""The use case of `/recommend`: the movies with a user's highest predicted ratings."""

from __future__ import annotations

from collections.abc import Sequence

from app.contract.errors import UnknownUser, shorten
from app.contract.schemas.requests import RecommendQuery
from app.contract.schemas.responses import Recommendation, RecommendedMovie
from app.scoring.catalogue import Catalogue
from app.scoring.registry import Registry
from training.artefact import RawId


def recommend(registry: Registry, query: RecommendQuery, exclude: Sequence[RawId] = ()) -> Recommendation:
    """Return the user's best movies by one model, without those in `exclude`.

    Raises:
        UnknownModel: No model has that name.
        UnknownUser: The user has no training rating.
    """
    scorer = registry.get(query.model).scorer
    user_id = scorer.users.canonical(query.user_id)
    user_index = scorer.users.index(user_id)
    if not 0 <= user_index < scorer.users.warm:
        told = shorten(user_id)
        raise UnknownUser(f"user {told!r} has no training rating", user_id=told)
    best = scorer.top(user_id, query.n, exclude, query.exclude_rated)
    return Recommendation(scorer.name, user_id, tell_movies(registry.catalogue, best))


def tell_movies(catalogue: Catalogue, best: Sequence[tuple[str, float]]) -> list[RecommendedMovie]:
    """Add titles and genres to (movie id, stars) pairs."""
    told = [(catalogue.entry(movie_id), rating) for movie_id, rating in best]
    return [RecommendedMovie(entry.movie_id, entry.title, entry.genres, rating) for entry, rating in told]
