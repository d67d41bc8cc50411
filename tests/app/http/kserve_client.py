"""Call a service with KServe's SDK, in whose environment this runs: `python kserve_client.py URL`.

It prints the responses as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

USERS, MOVIES = ["user_1", "user_2", "nobody"], [1193, 661, 1193]


def request(binary: bool) -> InferRequest:
    """Return a request for three pairs, with binary or JSON tensors."""
    users = InferInput("user_id", [3], "BYTES")
    users.set_data_from_numpy(np.array(USERS, object), binary_data=binary)
    movies = InferInput("movie_id", [3], "INT64")
    movies.set_data_from_numpy(np.array(MOVIES, np.int64), binary_data=binary)
    return InferRequest(
        "compact",
        [users, movies],
        parameters={"on_unknown": "fallback"},
        request_outputs=[
            RequestedOutput("rating", {"binary_data": binary}),
            RequestedOutput("known_user", {"binary_data": binary}),
        ],
    )


async def main(url: str) -> dict[str, Any]:
    """Return what the calls of the SDK return."""
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        found: dict[str, Any] = {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "models": [await client.is_model_ready(url, name) for name in ("compact", "nope")],
        }
        for name, binary in (("binary", True), ("json", False)):
            answer = await client.infer(url, request(binary), "compact")
            found[name] = {output.name: output.as_numpy().tolist() for output in answer.outputs}
        try:
            await client.infer(url, request(True), "nope")
        except Exception as error:
            found["error"] = str(error)
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(sys.argv[1]))) + "\n")
