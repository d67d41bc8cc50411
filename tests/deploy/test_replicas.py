"""`deploy/replicas.nginx.conf` with a real nginx: no request fails while replicas are killed and replaced."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
import yaml

from app.settings import Settings
from tests.app.processes import command, free_port, listens, wait_until_ready
from tests.conftest import REPOSITORY
from tests.deploy.load import Load
from tests.reliability.clients import wait_until

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CONF = (REPOSITORY / "deploy" / "replicas.nginx.conf").read_text("utf-8")
SHIPPED = REPOSITORY / "models_store"


def test_compose_file_and_nginx_agree() -> None:
    compose = yaml.safe_load((REPOSITORY / "deploy" / "replicas.compose.yml").read_text("utf-8"))
    services = compose["services"]
    settings = Settings.model_construct()  # the defaults, whatever the environment has
    replicas = [name for name in services if name.startswith("replica")]
    assert [services[name]["networks"]["replicas"]["ipv4_address"] for name in replicas] == re.findall(
        rf"server ([\d.]+):{settings.port} ", CONF
    )
    assert services["proxy"]["ports"][0].endswith(f":{re.findall(r'listen (.+);', CONF)[0]}")
    idle = re.search(r"upstream [^}]*keepalive_timeout (\d+)s", CONF)
    assert idle is not None and int(idle[1]) < settings.idle_seconds
    assert f"client_max_body_size {settings.max_body_bytes // 2**20}m;" in CONF
    for name in replicas:
        # Requests in flight have their time before the container is killed.
        assert int(services[name]["stop_grace_period"].removesuffix("s")) > int(
            services[name]["environment"]["RATINGS_SHUTDOWN_SECONDS"]
        )


class Replica:
    """A replica of the service on a port of its own, which can be stopped and started again."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, store: Path, stack: ExitStack) -> None:
        """Start a process and wait until it is ready."""
        self.process = command(store, port=self.port, shutdown_seconds=10)
        stack.callback(self.process.communicate)
        stack.callback(self.process.kill)
        wait_until_ready(self.process, self.url)

    def stop(self, number: signal.Signals) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)


@contextmanager
def proxied(folder: Path, replicas: list[Replica]) -> Iterator[str]:
    """Run nginx in front of two replicas, and yield its address."""
    port = free_port()
    conf = CONF.replace("/tmp/", f"{folder}/").replace("/dev/stdout", f"{folder}/access.log")
    conf = conf.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    for address, replica in zip(("10.77.0.11:8000", "10.77.0.12:8000"), replicas, strict=True):
        assert address in conf
        conf = conf.replace(address, f"127.0.0.1:{replica.port}")
    (folder / "nginx.conf").write_text(conf, "utf-8")
    arguments = ["-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"), "-g", "daemon off;"]
    process = subprocess.Popen([str(NGINX), *arguments])
    try:
        wait_until(lambda: listens(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def wait_until_used(replica: Replica, log: Path) -> None:
    """Wait until nginx sends requests to a replica again, which it does some seconds after a failure."""
    before = len(log.read_text("utf-8"))
    wait_until(lambda: f"[127.0.0.1:{replica.port}] [200]" in log.read_text("utf-8")[before:])


@pytest.mark.long
@pytest.mark.skipif(NGINX is None, reason="needs nginx: apt-get install nginx-light")
def test_no_request_fails_while_replicas_are_killed_and_replaced(tmp_path: Path) -> None:
    new_store = tmp_path / "store"
    shutil.copytree(SHIPPED, new_store, ignore=shutil.ignore_patterns("accurate"))
    replicas = [Replica(), Replica()]
    with ExitStack() as stack:
        for replica in replicas:
            replica.start(SHIPPED, stack)
        url = stack.enter_context(proxied(tmp_path, replicas))
        log = tmp_path / "access.log"
        with Load(url) as load:
            wait_until(lambda: load.requests > 200)
            assert replicas[0].stop(signal.SIGKILL) == -signal.SIGKILL
            killed = load.requests
            wait_until(lambda: load.requests > killed + 500)
            replicas[0].start(SHIPPED, stack)
            for replica in replicas:
                assert replica.stop(signal.SIGTERM) == 0
                replica.start(new_store, stack)
                wait_until_used(replica, log)
        assert not load.failures, load.failures[:5]
        # Requests were sent to a replica that did not run, and then to the other.
        assert re.search(r"\[127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+\] \[502, 200\]", log.read_text("utf-8"))
        for replica in replicas:
            models = httpx2.get(f"{replica.url}/models").json()["models"]
            assert "accurate" not in {model["name"] for model in models}
        for path in ("/metrics", "/admin/reload"):
            assert httpx2.get(f"{url}{path}").status_code == 404
