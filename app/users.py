"""Answers of `/users`: whom a model knows."""

from __future__ import annotations

import random
from typing import Final

from app.schemas.discovery import UsersQuery
from app.schemas.recommendations import UserList
from app.scoring.registry import Registry

# Users that are looked at for one search; the ones with the most ratings come first.
MAX_SEARCHED: Final = 200_000


def find_users(registry: Registry, query: UsersQuery) -> UserList:
    """Users with training ratings whose id begins as asked for.

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
