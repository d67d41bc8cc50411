"""LitServe with plain NumPy on the same tables."""
# mypy: ignore-errors

import io
import os
import zipfile

import h5py
import litserve as ls
import numpy as np


class Api(ls.LitAPI):  # noqa: D101
    def setup(self, device):  # noqa: ANN001, ANN201, ARG002, D102
        with zipfile.ZipFile("models_store/baseline/model.keras") as archive:
            file = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
        layers = file["layers"]
        self.users = {f"user_{n}": i for i, n in enumerate(layers["id_lookup/vars/numbers"][()].tolist())}
        self.movies = {f"movie_{n}": i for i, n in enumerate(layers["id_lookup_1/vars/numbers"][()].tolist())}
        self.tables = layers["embedding/vars/0"][()], layers["embedding_1/vars/0"][()]

    def decode_request(self, request):  # noqa: ANN001, ANN201, D102
        return self.users[request["user_id"]], self.movies[request["movie_id"]]

    def predict(self, pair):  # noqa: ANN001, ANN201, D102
        return float(5 / (1 + np.exp(-self.tables[0][pair[0]] @ self.tables[1][pair[1]])))

    def encode_response(self, output):  # noqa: ANN001, ANN201, D102
        return {"rating": output}


if __name__ == "__main__":
    ls.LitServer(Api(), accelerator="cpu").run(port=int(os.environ["PORT"]), generate_client_file=False)
