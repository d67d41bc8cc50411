"""Examples of the calls about titles, recommendations and new users."""

from __future__ import annotations

from typing import Final

from app.api.examples import Example

_CASABLANCA: Final[Example] = {
    "movie_id": "movie_912",
    "title": "Casablanca (1942)",
    "genres": ["Drama", "Romance", "War"],
}
MOVIES_QUERY: Final[Example] = {"q": "casablanca", "limit": 20}
MOVIE_LIST: Final[Example] = {"items": [_CASABLANCA]}
USERS_QUERY: Final[Example] = {"q": "user_41", "limit": 20, "order": "ratings", "model": "baseline"}
USER_LIST: Final[Example] = {"total": 6040, "items": ["user_4169", "user_4100"]}
RATINGS_QUERY: Final[Example] = {
    "user_id": "user_1",
    "movie_id": "movie_912",
    "limit": 20,
    "model": "baseline",
}
GIVEN_RATING_LIST: Final[Example] = {
    "model": "baseline",
    "user_id": "user_1",
    "total": 53,
    "items": [{**_CASABLANCA, "rating": 4.5}],
}
RECOMMEND_QUERY: Final[Example] = {"user_id": "user_1", "n": 10, "model": "baseline", "exclude_rated": True}
RECOMMEND_REQUEST: Final[Example] = {**RECOMMEND_QUERY, "exclude": ["movie_1193", 661]}
RECOMMENDATION: Final[Example] = {
    "model": "baseline",
    "user_id": "user_1",
    "items": [{**_CASABLANCA, "rating": 4.71}],
}
NEW_USER_REQUEST: Final[Example] = {
    "ratings": [{"movie_id": "movie_1193", "rating": 5}, {"movie_id": 661, "rating": 2.5}],
    "movie_ids": ["movie_912"],
    "n": 10,
    "model": "baseline",
    "exclude": ["movie_260"],
}
NEW_USER_PREDICTION: Final[Example] = {
    "model": "baseline",
    "predictions": [{"movie_id": "movie_912", "rating": 4.41}],
    "items": [{**_CASABLANCA, "rating": 4.41}],
}
