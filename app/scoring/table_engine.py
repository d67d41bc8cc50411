"""The engine that reads a model's tables as NumPy arrays. It needs no training library."""

import numpy as np
from numpy.typing import NDArray

from app.scoring.scorer import Engine
from training.artefact import Artefact
from training.artefact.engine import RatingTables, read_tables


class TableEngine(Engine):
    """A model as tables that are mapped from the file; compressed tables stay compressed."""

    def __init__(self, tables: RatingTables) -> None:
        self._tables = tables

    @property
    def weights_bytes(self) -> int:
        """Bytes of the tables."""
        return self._tables.nbytes

    def rate(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Rate pairs of warm ids in blocks, and return `(n,)` ratings."""
        return self._tables.rate(user_index, movie_index)

    def rate_one(self, user_index: int, movie_index: int) -> float:
        """Rate one pair of warm ids, bit for bit as `rate` does."""
        return self._tables.rate_one(user_index, movie_index)

    def rate_for(self, user_index: int, movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Rate warm movies for one warm user, bit for bit as `rate` does."""
        return self._tables.rate_for(user_index, movie_index)

    def affinities(self, user_index: int, movies: int) -> NDArray[np.float32]:
        """Return `(movies,)` sort keys that increase with the user's rating."""
        return self._tables.affinities(user_index)[:movies]

    @property
    def global_bias(self) -> float:
        """The bias that is added to every pair before the sigmoid; 0 if the model has none."""
        return float(self._tables.global_bias or 0)

    def user_vectors(self, user_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the `(n, dim)` embeddings of users, biases included."""
        return self._tables.user_vectors(user_index)

    def movie_vectors(self, movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the `(n, dim)` embeddings of movies, biases included."""
        return self._tables.movie_vectors(movie_index)


def load_table_engine(artefact: Artefact) -> TableEngine:
    """Load the table engine of an artefact.

    Raises:
        ArtefactForeign: The model is of a kind that the trainer does not write.
    """
    return TableEngine(read_tables(artefact.archive))
