"""The use case of `/recommend`: the movies that come first for a user."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.contract.errors import InvalidRequest, UnknownUser, shorten
from app.contract.schemas.requests import RecommendQuery
from app.contract.schemas.responses import Recommendation, RecommendedMovie
from app.scoring.catalogue import Catalogue
from app.scoring.registry import Registry
from app.scoring.scorer import RatingScorer
from app.services.spread import uncertainty_of
from training.artefact import RankingTable, RawId
from training.artefact.engine import rounded


def recommend(registry: Registry, query: RecommendQuery, exclude: Sequence[RawId] = ()) -> Recommendation:
    """Return the user's best movies by one model, without those in `exclude`.

    Raises:
        UnknownModel: No model has that name.
        UnknownUser: The user has no training rating.
        InvalidRequest: The model has no ranking or no distributions, but `rank_by` requires them.
    """
    scorer = registry.get(query.model).scorer
    user_id = scorer.users.canonical(query.user_id)
    user_index = scorer.users.index(user_id)
    if not 0 <= user_index < scorer.users.warm:
        raise UnknownUser(user_id)
    if query.rank_by == "likely":
        keys = ranking_of(scorer).keys_of_user(user_index, scorer.movies.warm)
        movie_ids, stars = scorer.ordered_by(keys, user_index, query.n, exclude, query.exclude_rated)
    elif query.rank_by == "sure":
        uncertainty = uncertainty_of(scorer, "rank_by")
        keys = uncertainty.sure_keys(user_index, scorer.ratings_of(user_index))
        movie_ids, stars = scorer.ordered_by(keys, user_index, query.n, exclude, query.exclude_rated)
    else:
        movie_ids, stars = scorer.top(user_id, query.n, exclude, query.exclude_rated)
    return Recommendation(
        scorer.name, user_id, with_titles(registry.catalogue(scorer.name), movie_ids, stars)
    )


def ranking_of(scorer: RatingScorer) -> RankingTable:
    """Return the ranking of a model.

    Raises:
        InvalidRequest: It has none.
    """
    if scorer.ranking is None:
        reason = (
            f"model {shorten(scorer.name)!r} has no ranking; train it with --ranking-bytes, or use rating"
        )
        raise InvalidRequest([(("rank_by",), reason)])
    return scorer.ranking


def with_titles(
    catalogue: Catalogue, movie_ids: Sequence[str], stars: NDArray[np.float32]
) -> list[RecommendedMovie]:
    """Add titles and genres to n movies with `(n,)` stars."""
    movies = [catalogue.entry(movie_id) for movie_id in movie_ids]
    return [
        RecommendedMovie(movie.movie_id, movie.title, movie.genres, rating)
        for movie, rating in zip(movies, rounded(stars).tolist(), strict=True)
    ]
