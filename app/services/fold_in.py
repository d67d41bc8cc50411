"""Fold-in of users of loaded models (`training.artefact.engine.fold_in` describes the method)."""

from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from app.contract.errors import NoFoldIn
from app.scoring.scorer import RatingScorer, VectorEngine
from training.artefact.engine import Prior

# Movies that stand for those that a user rated, if the artefact has no ratings.
SAMPLE: Final = 1024


class FoldIn:
    """Fits users of loaded models; a model's prior is computed on first use."""

    def __init__(self) -> None:
        self._priors: WeakKeyDictionary[RatingScorer, Prior] = WeakKeyDictionary()

    def has_prior(self, scorer: RatingScorer) -> bool:
        """Whether the prior of a model is already computed."""
        return scorer in self._priors

    def prior(self, scorer: RatingScorer) -> Prior:
        """Return the prior of a model.

        Raises:
            NoFoldIn: The engine does not expose embeddings.
        """
        found = self._priors.get(scorer)
        if found is None:
            found = Prior.of_model(vector_engine(scorer), scorer.users.warm, scorer.manifest)
            self._priors[scorer] = found
        return found

    def prior_of_user(self, scorer: RatingScorer, user: int) -> Prior:
        """Return the prior of a warm user, whose mean is the trained vector.

        How sure the vector is depends on the movies that the user rated. If the artefact has no ratings, a
        sample of all movies stands for as many ratings as users have on average.

        Raises:
            NoFoldIn: The engine does not expose embeddings.
        """
        prior, engine = self.prior(scorer), vector_engine(scorer)
        vector = engine.user_vectors(np.array([user], np.int32))[0]
        movies = scorer.movies.warm
        if scorer.given is not None:
            rated = scorer.given.of_user(user)[0]
            return prior.of_trained(vector, engine.movie_vectors(rated[rated < movies]))
        sample = np.unique(np.linspace(0, movies - 1, min(movies, SAMPLE)).astype(np.int32))
        average = scorer.manifest.split.train_rows / scorer.users.warm
        return prior.of_trained(vector, engine.movie_vectors(sample), average)


def vector_engine(scorer: RatingScorer) -> VectorEngine:
    """Return the engine of a model if it exposes its embeddings.

    Raises:
        NoFoldIn: It does not expose them.
    """
    if not isinstance(scorer.engine, VectorEngine):
        raise NoFoldIn(scorer.name)
    return scorer.engine
