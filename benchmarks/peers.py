"""Other servers with the same job, each in an environment of its own under `benchmarks/.peers`."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Final

from benchmarks.harness import REPOSITORY

_FOLDER: Final = REPOSITORY / "benchmarks" / ".peers"
_SOURCES: Final = REPOSITORY / "benchmarks" / "peer_apps"
_INSTALL_SECONDS: Final = 900


@dataclass(frozen=True)
class Peer:
    """A server to compare with.

    Attributes:
        packages: What is installed for it.
        arguments: What its Python is run with; `{apps}` is the folder of its sources.
        path: Where it takes a pair.
        body: The pair as it wants it.
        ready: Its readiness probe.
    """

    packages: tuple[str, ...]
    arguments: tuple[str, ...]
    path: str = "/predict"
    body: str = '{"user_id":"user_%d","movie_id":"movie_1193"}'
    ready: str = "/readyz"


PEERS: Final = {
    "fastapi + tf.function": Peer(
        ("fastapi", "uvicorn[standard]", "tensorflow-cpu", "keras"), ("{apps}/fastapi_tensorflow.py",)
    ),
    "litserve": Peer(("litserve", "h5py", "numpy"), ("{apps}/litserve_numpy.py",), ready="/health"),
}


def peer_command(name: str) -> list[str] | None:
    """How a peer is run, installed first; None, and a word, where it cannot be."""
    peer = PEERS[name]
    folder = _FOLDER / name.replace(" ", "")
    python = folder / "bin" / "python"
    done = folder / "installed"
    try:
        if not done.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=_INSTALL_SECONDS)
            command = [str(python), "-m", "pip", "install", "--quiet", *peer.packages]
            subprocess.run(command, check=True, timeout=_INSTALL_SECONDS)
            done.touch()
    except (subprocess.SubprocessError, OSError) as error:
        print(f"{name} is left out: it cannot be installed ({type(error).__name__})")
        return None
    return [str(python), *(argument.format(apps=_SOURCES) for argument in peer.arguments)]
