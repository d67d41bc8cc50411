"""`deploy/nginx.conf` with a real nginx, TLS and service: only ports, paths and two figures are changed."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import expect

from app.contract.paths import HEALTH
from tests.app.processes import Running, free_port, listens, running
from tests.conftest import REPOSITORY
from tests.reliability.clients import wait_until
from tests.reliability.sockets import read_until
from tests.web.browser import chromium, launched, visiting

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.long
if NGINX is None:
    pytest.skip("needs nginx: apt-get install nginx-light", allow_module_level=True)

CONF = (REPOSITORY / "deploy" / "nginx.conf").read_text("utf-8")
PAIR = {"user_id": 1, "movie_id": 1193}
KEY = "a-key-of-twenty-characters"
AUTHORIZED = {"authorization": f"Bearer {KEY}"}


@dataclass(frozen=True)
class Proxy:
    """nginx, as it runs for a test."""

    folder: Path
    port: int
    plain_port: int

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"https://localhost:{self.port}"

    def tls(self) -> ssl.SSLContext:
        """What trusts its certificate, and no other."""
        return ssl.create_default_context(cafile=self.folder / "ratings.crt")

    def client(self, address: str | None = None) -> httpx2.Client:
        """A client, from a loopback address of its own if one is given."""
        transport = httpx2.HTTPTransport(verify=self.tls(), local_address=address)
        return httpx2.Client(base_url=self.url, transport=transport, timeout=20)


def write_conf(folder: Path, upstream: str, changes: dict[str, str]) -> Proxy:
    """The file with the ports, paths and figures of a test, and a certificate for localhost."""
    proxy = Proxy(folder, free_port(), free_port())
    conf = CONF
    for old, new in {
        # Where the master process is not root's, nginx warns of it.
        "user www-data;": "",
        "listen 443 ssl": f"listen 127.0.0.1:{proxy.port} ssl",
        "listen 80": f"listen 127.0.0.1:{proxy.plain_port}",
        "server_name ratings.example": "server_name localhost",
        "server 127.0.0.1:8000": f"server {upstream}",
        "/etc/nginx/tls/": f"{folder}/",
        "/run/": f"{folder}/",
        "/var/log/nginx/": f"{folder}/",
        **changes,
    }.items():
        assert old in conf, old
        conf = conf.replace(old, new)
    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        conf = conf.replace("http {", f"http {{\n    {name}_temp_path {folder}/{name};", 1)
    (folder / "nginx.conf").write_text(conf, encoding="utf-8")
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = f"-keyout {folder}/ratings.key -out {folder}/ratings.crt -addext subjectAltName=DNS:localhost"
    subprocess.run(["openssl", "req", *f"{options} {files}".split()], check=True, capture_output=True)
    return proxy


def command(proxy: Proxy, *arguments: str) -> list[str]:
    """A command of nginx with the file of `proxy`, without other processes and users."""
    files = ["-c", str(proxy.folder / "nginx.conf"), "-e", str(proxy.folder / "error.log")]
    return [str(NGINX), *files, "-g", "daemon off; master_process off;", *arguments]


@contextmanager
def proxied(folder: Path, server: Running, changes: dict[str, str] | None = None) -> Iterator[Proxy]:
    """nginx in front of `server`."""
    proxy = write_conf(folder, "{}:{}".format(*server.address()), changes or {})
    process = subprocess.Popen(command(proxy))
    try:
        wait_until(lambda: listens(proxy.port))
        yield proxy
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    keys = {"api_keys": KEY, "admin_keys": "an-admin-key-of-this-test"}
    with running(REPOSITORY / "models_store", **keys) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(server: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with proxied(
        tmp_path_factory.mktemp("nginx"), server, {"client_header_timeout 10s": "client_header_timeout 1s"}
    ) as proxy:
        yield proxy


def test_nginx_takes_the_file(tmp_path: Path) -> None:
    done = subprocess.run(
        command(write_conf(tmp_path, "127.0.0.1:8000", {}), "-t"), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_calls_and_the_page_are_answered_over_tls(server: Running, proxy: Proxy) -> None:
    direct = httpx2.post(f"{server.url}/predict", json=PAIR, headers=AUTHORIZED)
    with proxy.client() as client:
        answer = client.post("/predict", json=PAIR, headers={**AUTHORIZED, "x-request-id": "mine"})
        assert (answer.status_code, answer.content) == (200, direct.content)
        assert answer.headers["x-request-id"] == "mine"
        assert answer.headers["server"] == "nginx"
        server.read_until("POST /predict 200 ", times=2)
        # Of nginx, as 32 digits, where the client sends none: both logs have it.
        named = client.get("/models", headers=AUTHORIZED).headers["x-request-id"]
        assert len(named) == 32
        server.read_until(named)
        assert client.get("/").headers["content-type"].startswith("text/html")
        batch = {"user_ids": [1] * 50_000, "movie_ids": [1193] * 50_000}
        assert len(client.post("/predict/batch", json=batch, headers=AUTHORIZED).json()["ratings"]) == 50_000
    wait_until(lambda: named in (proxy.folder / "access.log").read_text("utf-8"))


def test_no_log_of_nginx_has_a_query(proxy: Proxy) -> None:
    with proxy.client() as client:
        client.get("/predict?user_id=4711&movie_id=1193", headers={"x-request-id": "with-a-query"})
    log = proxy.folder / "access.log"
    wait_until(lambda: "with-a-query" in log.read_text("utf-8"))
    assert "GET /predict 401 " in log.read_text("utf-8")
    assert "4711" not in log.read_text("utf-8")


def test_plain_http_is_sent_to_tls(proxy: Proxy) -> None:
    answer = httpx2.get(f"http://127.0.0.1:{proxy.plain_port}/models?x=1")
    assert answer.status_code == 308
    assert answer.headers["location"] == "https://127.0.0.1/models?x=1"


def test_a_path_prefix_is_taken_off(server: Running, proxy: Proxy) -> None:
    with proxy.client() as client:
        assert client.get("/stars").headers["location"] == f"{proxy.url}/stars/"
        assert client.get("/stars/").text == client.get("/").text
        assert client.get("/stars/page/main.js").status_code == 200
        answer = client.post("/stars/predict", json=PAIR, headers={**AUTHORIZED, "x-request-id": "prefix"})
        assert answer.status_code == 200
    server.read_until("POST /predict 200 ")


@pytest.fixture(scope="module")
def prefixed_server() -> Iterator[Running]:
    with running(REPOSITORY / "models_store", root_path="/stars", log_level="warning") as server:
        yield server


@pytest.mark.parametrize("is_kept", [False, True], ids=["removed", "kept"])
def test_page_and_docs_work_in_a_browser_below_the_prefix(
    prefixed_server: Running, tmp_path: Path, is_kept: bool
) -> None:
    if chromium() is None and not os.environ.get("CI"):
        pytest.skip("no Chromium is installed (apt-get install chromium-headless-shell), and this is not CI")
    kept = {"proxy_pass http://ratings/;": "proxy_pass http://ratings;", "return 308 /stars/": "return 404"}
    with (
        proxied(tmp_path, prefixed_server, kept if is_kept else {}) as proxy,
        launched() as browser,
        visiting(browser, f"{proxy.url}/stars", ignore_https_errors=True) as visitor,
    ):
        page = visitor.open("/?user=1&movie=1193")
        expect(page.locator("#view-predict").get_by_text("One Flew Over").first).to_be_visible()
        expect(page.locator(".loading")).to_have_count(0)
        page.get_by_role("tab", name="Models").click()
        expect(page.locator("canvas").first).to_be_visible()
        expect(page.locator(".loading")).to_have_count(0)
        page.reload()
        expect(page.locator("canvas").first).to_be_visible()
        page.get_by_role("link", name="API description").click()
        expect(page.locator(".servers select")).to_have_value("/stars")
        page.locator("#operations-models-get_models button").first.click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
        # The visitor records every request outside of the prefix.
        assert (visitor.foreign_requests, visitor.console_errors) == ([], [])


def test_repeated_prefix_does_not_reach_what_is_not_public(prefixed_server: Running, tmp_path: Path) -> None:
    assert httpx2.get(f"{prefixed_server.url}/stars/metrics").status_code == 200
    with proxied(tmp_path, prefixed_server) as proxy, proxy.client("127.0.0.2") as client:
        assert client.get("/stars/models").status_code == 200
        for count in range(4):
            for address in ("/metrics", "//metrics", "/%6detrics", "/x/../metrics"):
                assert client.get(f"{proxy.url}{'/stars' * count}{address}").status_code in (403, 404)


@pytest.mark.parametrize("path", ["/admin/reload", "/metrics", "/stars/admin/reload", "/stars/metrics"])
def test_operators_calls_are_for_this_machine_alone(proxy: Proxy, path: str) -> None:
    with proxy.client("127.0.0.2") as other, proxy.client() as own:
        assert other.get(path).status_code in (403, 404)
        # The service asks for a key.
        assert own.get(path).status_code == (404 if path.startswith("/stars") else 401)
        assert other.get("/healthz").status_code == 200


def test_a_caller_beyond_the_rate_gets_429_and_others_and_probes_do_not(
    server: Running, tmp_path: Path
) -> None:
    # So slow a rate that the burst is all there is, however fast this machine is.
    with (
        proxied(tmp_path, server, {"rate=50r/s": "rate=1r/m"}) as proxy,
        proxy.client() as busy,
        proxy.client("127.0.0.2") as other,
    ):
        statuses = [busy.get("/models", headers=AUTHORIZED).status_code for _ in range(110)]
        assert statuses == [200] * 101 + [429] * 9
        assert busy.get("/stars/models", headers=AUTHORIZED).status_code == 429
        assert other.get("/models", headers=AUTHORIZED).status_code == 200
        assert {busy.get(path).status_code for path in HEALTH} == {200}


def test_a_caller_has_twenty_requests_at_once(server: Running, tmp_path: Path) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n"
    with proxied(tmp_path, server) as proxy, ExitStack() as stack:
        for number in range(21):
            connection = stack.enter_context(connected(proxy))
            connection.sendall(head)
            if number == 20:
                assert read_until(connection, b"</html>\r\n").startswith(b"HTTP/1.1 429 ")


@pytest.mark.parametrize("coded", [False, True])
def test_a_client_that_sends_too_large_a_body_and_closes_gets_413(proxy: Proxy, coded: bool) -> None:
    size = 9_000_000
    framing = b"Transfer-Encoding: chunked" if coded else b"Content-Length: %d" % size
    head = b"POST /predict/batch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%b\r\n\r\n" % framing
    body = b"%x\r\n" % size + b" " * size + b"\r\n0\r\n\r\n" if coded else b" " * size
    with connected(proxy) as connection:
        connection.sendall(head + body)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413 ")


def test_half_a_head_is_cut_off(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        connection.sendall(b"GET /models HTTP/1.1\r\nHost: ")
        assert read_until(connection) == b""


def connected(proxy: Proxy) -> ssl.SSLSocket:
    """A TLS connection."""
    plain = socket.create_connection(("127.0.0.1", proxy.port), timeout=20)
    return proxy.tls().wrap_socket(plain, server_hostname="localhost")
