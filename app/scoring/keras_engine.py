"""The engine that runs the Keras model. TensorFlow is imported with the first model."""

import os
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.scoring.scorer import Engine
from training.artefact import Artefact
from training.artefact.engine import with_biases

# Pairs per call into TensorFlow; it bounds the memory of looked-up embeddings.
BLOCK: Final = 16_384
# Calls are padded to a multiple of this number of pairs. TensorFlow computes remainders of its vector
# registers, and matrices of one row, with other instructions that round differently, so a pair would get
# another rating alone than in a batch.
GRAIN: Final = 64
# Defaults that the libraries read on import; values set by the operator take precedence. oneDNN does not
# speed up these models, and it writes to standard error at every log level.
_ENVIRONMENT: Final = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


class KerasEngine(Engine):
    """A Keras model from indices to ratings, traced once for any number of pairs.

    It calls the traced function and not `predict`, which takes tens of milliseconds per call.
    """

    def __init__(self, model: Any) -> None:
        """Trace `model`, whose inputs are int32 `user_index` and `movie_index`, `(n,)` each."""
        import tensorflow as tf

        index = tf.TensorSpec([None], tf.int32)

        @tf.function(input_signature=[index, index], autograph=False)  # type: ignore[untyped-decorator, unused-ignore]
        def rate(user_index: Any, movie_index: Any) -> Any:
            return model({"user_index": user_index, "movie_index": movie_index}, training=False)

        self._rate = rate.get_concrete_function()
        self._constant = tf.constant
        # The function has only weak references to the variables.
        self._model = model

    @property
    def weights_bytes(self) -> int:
        """Bytes of the model's variables."""
        return sum(
            int(np.prod(weight.shape)) * np.dtype(weight.dtype).itemsize for weight in self._model.weights
        )

    @property
    def global_bias(self) -> float:
        """The bias that is added to every pair before the sigmoid; 0 if the model has none."""
        bias = getattr(self._model.get_layer("rating"), "global_bias", None)
        return 0.0 if bias is None else float(bias.numpy())

    def user_vectors(self, user_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the `(n, dim)` embeddings of users, biases included."""
        vectors, bias = self._look_up("user", user_index)
        return vectors if bias is None else with_biases(vectors, bias, 1)

    def movie_vectors(self, movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the `(n, dim)` embeddings of movies, biases included."""
        vectors, bias = self._look_up("movie", movie_index)
        return vectors if bias is None else with_biases(vectors, 1, bias)

    def _look_up(self, side: str, index: NDArray[np.int32]) -> tuple[Any, Any]:
        """Return `(n, dim)` embeddings and `(n,)` biases, None if the model has none."""
        layers = {layer.name: layer for layer in self._model.layers}
        indices, bias = self._constant(index), layers.get(f"{side}_bias")
        vectors = layers[f"{side}_embedding"](indices).numpy()
        return vectors, None if bias is None else bias(indices).numpy()[:, 0]

    def rate(self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]) -> NDArray[np.float32]:
        """Rate pairs of warm ids in blocks, and return `(n,)` ratings."""
        count = user_index.size
        filled = -(-count // GRAIN) * GRAIN
        users, movies = np.zeros((2, filled), dtype=np.int32)
        users[:count], movies[:count] = user_index, movie_index
        ratings = np.empty(filled, dtype=np.float32)
        for start in range(0, filled, BLOCK):
            block = slice(start, start + BLOCK)
            ratings[block] = self._rate(self._constant(users[block]), self._constant(movies[block])).numpy()
        return ratings[:count]


def load_keras_engine(artefact: Artefact) -> KerasEngine:
    """Load the Keras engine of an artefact.

    Raises:
        ArtefactError: Keras cannot load it.
    """
    # Imported here because the serving image has no Keras.
    from training.models.loading import load_indexed_keras_model

    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    return KerasEngine(load_indexed_keras_model(artefact))
