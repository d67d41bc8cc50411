"""Measure rankings: what share of the movies that users go on to like is among the first that are shown.

The protocol, which is that of all figures in the documentation:

* A movie is *relevant* for a user who gives it at least `threshold` in the test rows.
* Users with at least one relevant movie are counted, each with the same weight.
* All movies with training ratings are ranked, without those that the user rated in the training rows.
* nDCG and recall are those of TREC (trec_eval's `ndcg_cut` and `recall`), over the first `top` movies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pytrec_eval
from numpy.typing import NDArray

from training.artefact.rating_scale import RatingScale
from training.data.dataset import Dataset, Examples
from training.data.large_arrays import blocks
from training.errors import SettingsError

Floats = NDArray[np.float32]
Scores = Callable[[NDArray[np.int64]], Floats]
"""Maps `(n,)` indices of users to `(n, movies)` sort keys of the movies with training ratings."""

# Sort keys in memory at a time.
_BLOCK: Final = 4_000_000


@dataclass(frozen=True)
class RankingTask:
    """The users to rank for, and what they rated.

    Attributes:
        users: `(n,)` ascending indices of the users with a relevant movie in the test rows.
        relevant: `(m, 2)` pairs of user and relevant movie, in the order of users.
        rated: `(r, 2)` pairs of these users and the ranked movies that they rated in the training rows,
            likewise.
        popularity: `(movies,)` number of training ratings of each movie that has any.
        top: Number of movies that are shown.
        threshold: Lowest relevant rating.
    """

    users: NDArray[np.int64]
    relevant: NDArray[np.int64]
    rated: NDArray[np.int64]
    popularity: NDArray[np.int64]
    top: int
    threshold: float

    @property
    def movies(self) -> int:
        """Number of movies that are ranked."""
        return int(self.popularity.size)


@dataclass(frozen=True)
class RankingQuality:
    """Quality of a ranking, over the users of a task.

    Attributes:
        ndcg: Mean normalised discounted cumulative gain of the first movies (Järvelin & Kekäläinen 2002,
            "Cumulated gain-based evaluation of IR techniques"); 1 if relevant movies come first.
        ndcg_margin: Half the width of its 95 % interval over users (normal approximation).
        recall: Mean share of a user's relevant movies that are among the first.
        shown: Number of different movies that are shown to anybody.
        popularity: Mean number of training ratings of a shown movie.
    """

    ndcg: float
    ndcg_margin: float
    recall: float
    shown: int
    popularity: float


def ranking_task(
    dataset: Dataset, *, top: int = 10, threshold: float | None = None, most_keys: int | None = None
) -> RankingTask:
    """Return the task that the test rows of a dataset are.

    Args:
        dataset: The ratings; its training and validation rows are what is known of a user.
        top: Number of movies that are shown.
        threshold: Lowest relevant rating; None for 4 of 5 stars on the scale of the ratings.
        most_keys: Maximum number of pairs to rank; with more, only every k-th user counts. None for no limit.

    Raises:
        SettingsError: No test row is relevant.
    """
    scale, warm = dataset.scale, dataset.movies.warm
    least = lowest_liked(scale) if threshold is None else threshold
    counted = np.zeros(len(dataset.users), np.bool_)
    counted[:: 1 if most_keys is None else -(-counted.size * warm // most_keys)] = True
    test = _pairs([dataset.test], counted, warm, least)
    if not len(test):
        raise SettingsError(f"no test row has a rating of at least {least:g}, so there is nothing to rank")
    users = np.unique(test[:, 0])
    counted[:] = False
    counted[users] = True
    return RankingTask(
        users=users,
        relevant=test,
        rated=_pairs([dataset.train, dataset.validation], counted, warm),
        popularity=dataset.movie_popularity[:warm],
        top=min(top, warm),
        threshold=least,
    )


def lowest_liked(scale: RatingScale) -> float:
    """Return the lowest rating of a movie that counts as liked by default: 4 of 5 stars."""
    return scale.low + 0.8 * scale.width


def evaluate_ranking(scores: Scores, task: RankingTask) -> RankingQuality:
    """Rank the movies by sort keys, highest first, and measure the first ones."""
    shown = np.concatenate(list(_first_movies(scores, task)))
    run = {
        str(user): {str(movie): float(task.top - place) for place, movie in enumerate(movies) if movie >= 0}
        for user, movies in zip(task.users.tolist(), shown.tolist(), strict=True)
    }
    relevant: dict[str, dict[str, int]] = {}
    for user, movie in task.relevant.tolist():
        relevant.setdefault(str(user), {})[str(movie)] = 1
    measures = pytrec_eval.RelevanceEvaluator(relevant, {f"ndcg_cut.{task.top}", f"recall.{task.top}"})
    found = measures.evaluate(run).values()
    ndcg = np.array([one[f"ndcg_cut_{task.top}"] for one in found])
    movies = shown[shown >= 0]
    return RankingQuality(
        ndcg=float(ndcg.mean()),
        ndcg_margin=float(1.96 * ndcg.std() / np.sqrt(ndcg.size)),
        recall=float(np.mean([one[f"recall_{task.top}"] for one in found])),
        shown=int(np.unique(movies).size),
        popularity=float(task.popularity[movies].mean()),
    )


def _pairs(
    parts: Sequence[Examples], counted: NDArray[np.bool_], movies: int, least: float = -np.inf
) -> NDArray[np.int64]:
    """Return the `(n, 2)` users and movies of rows, in the order of users.

    Args:
        parts: The rows.
        counted: `(users,)` whose rows are returned.
        movies: Number of the most popular movies whose rows are returned.
        least: Lowest rating of a row that is returned.
    """
    found = []
    for part in parts:
        for rows in blocks(len(part)):
            user, movie = part.user_index[rows], part.movie_index[rows]
            kept = counted[user] & (movie < movies) & (part.ratings[rows] >= least)
            found.append(np.column_stack([user[kept], movie[kept]]).astype(np.int64))
    pairs = np.concatenate([np.empty((0, 2), np.int64), *found])
    return pairs[pairs[:, 0].argsort(kind="stable")]


def _first_movies(scores: Scores, task: RankingTask) -> Iterator[NDArray[np.int64]]:
    """Yield `(users, top)` movies, best first, for blocks of users; -1 where a user has rated all others.

    Among equal keys, the movie with the most training ratings comes first.
    """
    size = max(_BLOCK // task.movies, 1)
    for start in range(0, task.users.size, size):
        users = task.users[start : start + size]
        keys = scores(users).astype(np.float32)
        first, end = np.searchsorted(task.rated[:, 0], [users[0], users[-1] + 1])
        rated = task.rated[first:end]
        keys[np.searchsorted(users, rated[:, 0]), rated[:, 1]] = -np.inf
        # The order of equal keys is that of their indices, which are popularity ranks.
        best = np.argsort(-keys, axis=1, kind="stable")[:, : task.top]
        yield np.where(np.isneginf(np.take_along_axis(keys, best, axis=1)), -1, best)
