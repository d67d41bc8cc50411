"""Other servers for the same task, each in its own environment under `benchmarks/.peers`.

All serve the shipped baseline with one worker, and log one line per request.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.harness import REPOSITORY

_FOLDER: Final = REPOSITORY / "benchmarks" / ".peers"
_SOURCES: Final = REPOSITORY / "benchmarks" / "peer_apps"
_INSTALL_SECONDS: Final = 900
# Largest difference between the ratings of a peer and of the service.
_TOLERANCE: Final = 1e-4
_BODY: Final = '{"user_id":"user_%d","movie_id":"movie_1193"}'
# The body for the service, which must name the model: the peers serve only the baseline.
BASELINE_BODY: Final = _BODY.replace("}", ',"model":"baseline"}')
# The same pair in the V2 inference protocol of MLServer.
_V2_BODY: Final = (
    '{"inputs":[{"name":"user_id","shape":[1],"datatype":"BYTES","data":["user_%d"]},'
    '{"name":"movie_id","shape":[1],"datatype":"BYTES","data":["movie_1193"]}]}'
)


@dataclass(frozen=True)
class Peer:
    """A server to compare with.

    Attributes:
        app: Its script in `peer_apps`; the requirements file there has the same name.
        path: Path of the prediction endpoint.
        body: Request body with one pair, with `%d` for the number of the user.
        ready: Path of the readiness probe.
        rating: Extracts the rating from a response.
    """

    app: str
    path: str = "/predict"
    body: str = _BODY
    ready: str = "/readyz"
    rating: Callable[[Any], float] = lambda response: response["rating"]


PEERS: Final = {
    "FastAPI + tf.function": Peer("fastapi_tensorflow"),
    "LitServe": Peer("litserve_numpy", ready="/health"),
    "BentoML": Peer("bentoml_numpy"),
    "MLServer": Peer(
        "mlserver_numpy",
        path="/v2/models/baseline/infer",
        body=_V2_BODY,
        ready="/v2/models/baseline/ready",
        rating=lambda response: response["outputs"][0]["data"][0],
    ),
}


class PeerUnavailableError(Exception):
    """A peer cannot be measured; the message has the reason."""


def peer_command(name: str) -> list[str]:
    """Return the command that starts a peer, and install the peer if it is missing.

    Raises:
        PeerUnavailableError: The peer cannot be installed.
    """
    app = PEERS[name].app
    return [str(peer_python(name, app)), str(_SOURCES / f"{app}.py")]


def peer_python(name: str, app: str) -> Path:
    """Return the Python of an environment with `peer_apps/<app>.txt` installed, and create it if missing.

    Raises:
        PeerUnavailableError: The environment cannot be created.
    """
    folder = _FOLDER / app
    python, installed = folder / "bin" / "python", folder / "installed.txt"
    wanted = _SOURCES / f"{app}.txt"
    try:
        if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
            print(f"installing {name} ...", flush=True)
            create = [sys.executable, "-m", "venv", "--clear", str(folder)]
            subprocess.run(create, check=True, timeout=_INSTALL_SECONDS)
            install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(wanted)]
            subprocess.run(install, check=True, timeout=_INSTALL_SECONDS, capture_output=True)
            installed.write_bytes(wanted.read_bytes())
    except (subprocess.SubprocessError, OSError) as error:
        raise PeerUnavailableError(f"it cannot be installed ({type(error).__name__})") from error
    return python


def check_rating(name: str, peer_port: int, our_port: int) -> None:
    """Check that a running peer returns the same rating as the service with its baseline.

    Raises:
        PeerUnavailableError: The rating differs, or there is no valid response.
    """
    peer = PEERS[name]
    expected = _post(our_port, "/predict", BASELINE_BODY)["rating"]
    try:
        rating = peer.rating(_post(peer_port, peer.path, peer.body))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise PeerUnavailableError(f"no valid response ({error})") from error
    if not abs(rating - expected) < _TOLERANCE:
        raise PeerUnavailableError(f"it returns {rating}, but the baseline returns {expected}")


def _post(port: int, path: str, body: str) -> Any:
    address = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(address, (body % 1).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
