"""The shipped baseline in plain NumPy, for servers that bring no model runtime."""
# mypy: ignore-errors

import io
import zipfile

import h5py
import numpy as np


class Baseline:
    """Predicts ratings of pairs of ids that the model knows."""

    def __init__(self):  # noqa: ANN204
        with zipfile.ZipFile("models_store/baseline/model.keras") as archive:
            file = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
        layers = file["layers"]
        self.users, self.movies = (
            {f"{side}_{number}": index for index, number in enumerate(layers[name][()].tolist())}
            for side, name in (("user", "id_lookup/vars/numbers"), ("movie", "id_lookup_1/vars/numbers"))
        )
        self.tables = layers["embedding/vars/0"][()], layers["embedding_1/vars/0"][()]

    def rate(self, user_id, movie_id):  # noqa: ANN001, ANN201
        """Return the predicted stars of one pair."""
        user, movie = self.tables[0][self.users[user_id]], self.tables[1][self.movies[movie_id]]
        return float(5 / (1 + np.exp(-user @ movie)))
