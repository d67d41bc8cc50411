"""MLServer with the baseline in plain NumPy: one process, with the access log, which is on by default."""
# mypy: ignore-errors

import asyncio
import os
import socket

import numpy as np
from baseline_numpy import Baseline
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Ratings(MLModel):  # noqa: D101
    async def load(self) -> bool:  # noqa: D102
        self.model = Baseline()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:  # noqa: D102
        ids = {each.name: StringCodec.decode_input(each)[0] for each in payload.inputs}
        rating = np.array([self.model.rate(ids["user_id"], ids["movie_id"])])
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("rating", rating)])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    settings = Settings(
        parallel_workers=0,
        host="127.0.0.1",
        http_port=int(os.environ["PORT"]),
        grpc_port=_free_port(),
        metrics_port=_free_port(),
    )
    server = MLServer(settings)
    asyncio.run(server.start([ModelSettings(name="baseline", implementation=Ratings)]))
