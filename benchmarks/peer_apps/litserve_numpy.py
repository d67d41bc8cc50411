"""LitServe with the baseline in plain NumPy: one model worker, one HTTP worker, with the access log."""
# mypy: ignore-errors

import os

import litserve as ls
from baseline_numpy import Baseline


class Api(ls.LitAPI):  # noqa: D101
    def setup(self, device):  # noqa: ANN001, ANN201, ARG002, D102
        self.model = Baseline()

    def decode_request(self, request):  # noqa: ANN001, ANN201, D102
        return request["user_id"], request["movie_id"]

    def predict(self, pair):  # noqa: ANN001, ANN201, D102
        return self.model.rate(*pair)

    def encode_response(self, output):  # noqa: ANN001, ANN201, D102
        return {"rating": output}


if __name__ == "__main__":
    server = ls.LitServer(Api(), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        num_api_servers=1,
        generate_client_file=False,
        access_log=True,
    )
