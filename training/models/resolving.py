"""Fills in the defaults of settings, so that the manifest records exactly what was built."""

from __future__ import annotations

from training.errors import SettingsError
from training.families.family import Family, Popularity
from training.settings import ModelSettings


def resolve_settings(
    settings: ModelSettings,
    num_users: int,
    num_movies: int,
    movie_popularity: Popularity | None = None,
    user_popularity: Popularity | None = None,
) -> ModelSettings:
    """Return the settings with every default filled in; idempotent.

    Args:
        settings: The settings of the model.
        num_users: Number of users in the vocabulary.
        num_movies: Number of movies in the vocabulary.
        movie_popularity: `(num_movies,)` number of training ratings of each movie, in index order. Only the
            power rule needs it.
        user_popularity: `(num_users,)` the same for users.

    Raises:
        SettingsError: If the settings are not valid for these numbers of users and movies.
    """
    dim = settings.embedding_dim
    return settings.model_copy(
        update={
            "users": _resolve_side("users", settings.users, num_users, dim, user_popularity),
            "movies": _resolve_side("movies", settings.movies, num_movies, dim, movie_popularity),
            "global_bias": settings.global_bias or settings.biases,
        }
    )


def _resolve_side(name: str, side: Family, count: int, dim: int, popularity: Popularity | None) -> Family:
    if count < 1:
        raise SettingsError(f"there are no {name}; the smallest legal number of {name} is 1")
    try:
        return side.resolve(count, dim, popularity)
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from None
