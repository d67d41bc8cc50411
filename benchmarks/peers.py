"""Other servers with the same job, each in an environment of its own under `benchmarks/.peers`.

All answer for the shipped baseline, with one worker and a line a request in their log.
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
# How far from the service's arithmetic a peer's may be.
_TOLERANCE: Final = 1e-4
_BODY: Final = '{"user_id":"user_%d","movie_id":"movie_1193"}'
# As the service wants it: the peers serve the baseline, and nothing else.
BASELINE_BODY: Final = _BODY.replace("}", ',"model":"baseline"}')
# The same in the protocol that MLServer speaks.
_V2_BODY: Final = (
    '{"inputs":[{"name":"user_id","shape":[1],"datatype":"BYTES","data":["user_%d"]},'
    '{"name":"movie_id","shape":[1],"datatype":"BYTES","data":["movie_1193"]}]}'
)


@dataclass(frozen=True)
class Peer:
    """A server to compare with.

    Attributes:
        app: Its script in `peer_apps`; beside it lies what is installed for it.
        path: Where it takes a pair.
        body: The pair as it wants it, with `%d` for the user's number.
        ready: Its readiness probe.
        rating: The rating in its answer.
    """

    app: str
    path: str = "/predict"
    body: str = _BODY
    ready: str = "/readyz"
    rating: Callable[[Any], float] = lambda answer: answer["rating"]


PEERS: Final = {
    "FastAPI + tf.function": Peer("fastapi_tensorflow"),
    "LitServe": Peer("litserve_numpy", ready="/health"),
    "BentoML": Peer("bentoml_numpy"),
    "MLServer": Peer(
        "mlserver_numpy",
        path="/v2/models/baseline/infer",
        body=_V2_BODY,
        ready="/v2/models/baseline/ready",
        rating=lambda answer: answer["outputs"][0]["data"][0],
    ),
}


class LeftOutError(Exception):
    """A peer cannot be compared with; says why."""


def peer_command(name: str) -> list[str]:
    """How a peer is run, installed first where it is not there yet.

    Raises:
        LeftOutError: It cannot be installed.
    """
    app = PEERS[name].app
    return [str(own_python(name, app)), str(_SOURCES / f"{app}.py")]


def own_python(name: str, app: str) -> Path:
    """The Python of an environment with what `peer_apps/<app>.txt` names, made where it is not there yet.

    Raises:
        LeftOutError: It cannot be made.
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
        raise LeftOutError(f"it cannot be installed ({type(error).__name__})") from error
    return python


def check_rating(name: str, peer_port: int, our_port: int) -> None:
    """Pass when a running peer rates a pair as the service does with its baseline.

    Raises:
        LeftOutError: It does not, or does not answer.
    """
    peer = PEERS[name]
    expected = _post(our_port, "/predict", BASELINE_BODY)["rating"]
    try:
        rating = peer.rating(_post(peer_port, peer.path, peer.body))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise LeftOutError(f"it does not answer ({error})") from error
    if not abs(rating - expected) < _TOLERANCE:
        raise LeftOutError(f"it says {rating}, where the baseline says {expected}")


def _post(port: int, path: str, body: str) -> Any:
    address = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(address, (body % 1).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
