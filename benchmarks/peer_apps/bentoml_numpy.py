"""BentoML with the baseline in plain NumPy: one worker, with the access log, which is on by default.

The method is a coroutine, so that BentoML needs no thread for each request.
"""
# mypy: ignore-errors

import os
import sys
from pathlib import Path

import bentoml
from baseline_numpy import Baseline


@bentoml.service(workers=1)
class Ratings:  # noqa: D101
    def __init__(self):  # noqa: ANN204
        self.model = Baseline()

    @bentoml.api
    async def predict(self, user_id: str, movie_id: str) -> dict:  # noqa: D102
        return {"rating": self.model.rate(user_id, movie_id)}


if __name__ == "__main__":
    command = ["-m", "bentoml", "serve", "bentoml_numpy:Ratings", "--host", "127.0.0.1"]
    folder = str(Path(__file__).parent)
    os.environ |= {"BENTOML_DO_NOT_TRACK": "True", "PYTHONPATH": folder}
    os.execv(sys.executable, [sys.executable, *command, "--port", os.environ["PORT"]])
