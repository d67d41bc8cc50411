"""The use cases of `/users` and `/ratings`: find users, and list their observed ratings."""

import random
from typing import Final

import numpy as np

from app.contract.schemas.requests import RatingsQuery, UsersQuery
from app.contract.schemas.responses import GivenRating, GivenRatingList, UserList
from app.scoring.registry import Registry

# Maximum number of users that one search looks at, those with the most ratings first.
MAX_SEARCHED: Final = 200_000


def find_users(registry: Registry, query: UsersQuery) -> UserList:
    """Find users with training ratings by the beginning of their id.

    Raises:
        UnknownModel: No model has that name.
    """
    users = registry.get(query.model).scorer.users
    if not query.q and query.order == "random":
        drawn = random.sample(range(users.warm), min(query.limit, users.warm))
        return UserList(users.warm, [users[index] for index in drawn])
    beginnings = tuple({query.q, f"{users.prefix or ''}{query.q}"})
    exact = users.index(query.q) if query.q else -1
    found = [users[exact]] if 0 <= exact < users.warm else []
    for index in range(min(users.warm, MAX_SEARCHED)):
        if len(found) == query.limit and query.order == "ratings":
            break
        if index != exact and users[index].startswith(beginnings):
            found.append(users[index])
    if query.order == "random":
        random.shuffle(found)
    return UserList(users.warm, found[: query.limit])


def given_by(registry: Registry, query: RatingsQuery) -> GivenRatingList:
    """List a user's observed ratings from a model's artefact.

    The highest rating comes first; of equal ones, the movie with more training ratings. The list is empty for
    an unknown user. If no model is requested and the default one has no ratings, another one with ratings of
    the same data set is used.

    Raises:
        UnknownModel: No model has that name.
    """
    model = registry.get(query.model)
    scorer = model.scorer
    if query.model is None and scorer.given is None:
        # In another data set, the same id is another person.
        others = (one.scorer for one in registry.models.values() if one.dataset == model.dataset)
        scorer = next((other for other in others if other.given is not None), scorer)
    user_id = scorer.users.canonical(query.user_id)
    user = scorer.users.index(user_id)
    if scorer.given is None or user < 0:
        return GivenRatingList(scorer.name, user_id, None if scorer.given is None else 0, [])
    movies, stars = scorer.given.of_user(user)
    if query.movie_id is None:
        listed = np.argsort(-stars, kind="stable")[: query.limit]
    else:
        listed = np.flatnonzero(movies == scorer.movies.index(query.movie_id))
    items = []
    for place in listed.tolist():
        entry = registry.catalogue(scorer.name).entry(scorer.movies[int(movies[place])])
        # The shortest text of a float32 is that of the file: 89.6 and not 89.599998.
        rating = round(float(str(stars[place])), 6)
        items.append(GivenRating(entry.movie_id, entry.title, entry.genres, rating))
    return GivenRatingList(scorer.name, user_id, int(movies.size), items)
