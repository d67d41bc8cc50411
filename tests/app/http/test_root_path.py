"""A path prefix that a proxy sets, whether the proxy removes it or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urljoin

import pytest
from fastapi.testclient import TestClient

from app.http.middleware import OPERATIONS
from app.main import create_app
from app.settings import Settings
from tests.app.fakes import fake_registry
from tests.app.problems import assert_problem
from tests.app.scraping import scrape

ROOT = "/stars"
KEY, ADMIN = "a-key-of-twenty-characters", "an-admin-key-of-this-test"
PAIR = {"user_id": 1, "movie_id": 1}


def connected(stack: ExitStack, **settings: object) -> TestClient:
    app = create_app(Settings.model_validate(settings), fake_registry())
    return stack.enter_context(TestClient(app, follow_redirects=False, raise_server_exceptions=False))


@pytest.fixture(scope="module")
def prefixed() -> Iterator[TestClient]:
    with ExitStack() as stack:
        yield connected(stack, root_path=f"{ROOT}/")


@pytest.fixture(scope="module")
def guarded() -> Iterator[TestClient]:
    with ExitStack() as stack:
        yield connected(stack, root_path=ROOT, api_keys=KEY, admin_keys=ADMIN)


# What arrives if the proxy removes the prefix, and if it does not.
@pytest.fixture(params=["", ROOT], ids=["removed", "kept"])
def arriving(request: pytest.FixtureRequest) -> str:
    prefix: str = request.param
    return prefix


def test_every_kind_of_request_works(prefixed: TestClient, client: TestClient, arriving: str) -> None:
    fast = {"content-type": "application/json", "x-request-id": "the-same"}
    for body in (b'{"user_id":1,"movie_id":1}', b'{"user_id":"\\u0031","movie_id":1}'):
        answer = prefixed.post(f"{arriving}/predict", content=body, headers=fast)
        plain = client.post("/predict", content=body, headers=fast)
        assert (answer.status_code, answer.content) == (200, plain.content)
        assert answer.headers == plain.headers
    assert prefixed.get(f"{arriving}/models/half").json()["name"] == "half"
    assert prefixed.head(f"{arriving}/readyz").status_code == 200
    assert_problem(prefixed.get(f"{arriving}/nope"), 404, "route_not_found")
    assert_problem(prefixed.get(f"{arriving}/predict?user_id=4&movie_id=1"), 404, "unknown_user")


def test_document_names_the_prefix_as_its_server(prefixed: TestClient, arriving: str) -> None:
    document = prefixed.get(f"{arriving}/openapi.json").json()
    assert document["servers"] == [{"url": ROOT}]
    assert "/predict" in document["paths"]


@pytest.mark.parametrize("address", ["/", "/docs"])
def test_links_of_pages_lead_below_the_prefix(prefixed: TestClient, arriving: str, address: str) -> None:
    html = prefixed.get(f"{arriving}{address}").text
    links = re.findall(r"""(?:href|src)="([^"#]+)"|url: '([^']+)'""", html)
    found = {urljoin(f"{ROOT}{address}", "".join(link)) for link in links}
    assert len(found) >= 3
    for link in found:
        assert link.startswith(f"{ROOT}/")
        seen = link if arriving else link.removeprefix(ROOT)
        assert prefixed.get(seen).status_code == 200, link


def test_page_is_the_same_without_the_slash(prefixed: TestClient, client: TestClient) -> None:
    page = prefixed.get(ROOT)
    assert page.status_code == 200
    assert page.content == prefixed.get(f"{ROOT}/").content == prefixed.get("/").content
    assert page.headers["etag"] != client.get("/").headers["etag"]
    assert re.findall(r'(?:href|src)="(?!/stars/|#)', page.text) == []


def test_only_one_prefix_is_removed_and_only_whole_names(prefixed: TestClient) -> None:
    for path in (
        f"{ROOT}{ROOT}{ROOT}/models",
        f"{ROOT}{ROOT}/models",
        "/starsmodels",
        "/star/models",
        "/Stars/models",
    ):
        assert_problem(prefixed.get(path), 404, "route_not_found")


def test_keys_are_required_below_the_prefix(guarded: TestClient, arriving: str) -> None:
    for path in ("/", "/docs", "/openapi.json", "/page/main.js", "/docs/files/swagger-ui.css", "/healthz"):
        assert guarded.get(f"{arriving}{path}").status_code == 200, path
    for path in ("/models", "/metrics", "/nope"):
        assert guarded.get(f"{arriving}{path}").status_code == 401, path
    assert guarded.get(f"{ROOT}{ROOT}/docs").status_code == 401
    assert guarded.post(f"{arriving}/predict", json=PAIR).status_code == 401
    reading = {"authorization": f"Bearer {KEY}"}
    assert guarded.get(f"{arriving}/models", headers=reading).status_code == 200
    assert_problem(guarded.post(f"{arriving}/admin/reload", headers=reading), 403, "admin_only")


def test_repeated_prefix_does_not_reach_admin() -> None:
    with ExitStack() as stack:
        client = connected(stack, root_path=ROOT, admin_keys=ADMIN)
        for count in range(4):
            assert client.post(f"{ROOT * count}/admin/reload").status_code == (401 if count < 2 else 404)


def test_metrics_name_routes_without_the_prefix() -> None:
    with ExitStack() as stack:
        client = connected(stack, root_path=ROOT)
        for prefix in ("", ROOT):
            client.post(f"{prefix}/predict", json=PAIR)
            client.get(f"{prefix}/models/half")
        found = scrape(client.get)
        for route, method in (("/predict", "POST"), ("/models/{name}", "GET")):
            assert found("stars_http_requests_total", route=route, method=method, status="200") == 2


def test_prefix_that_is_also_an_operation() -> None:
    with ExitStack() as stack:
        client = connected(stack, root_path="/movies")
        operation = client.get("/movies?limit=1").json()
        assert "items" in operation
        assert client.get("/movies/movies?limit=1").json() == operation
        assert client.get("/movies/").text == client.get("/").text
        paths = set(client.get("/openapi.json").json()["paths"]) | {"/metrics"}
        # Settings refuse a prefix that begins like any other path.
        refused = {"admin", "docs", "models", "page", "predict", "v2"}
        assert {path for path in paths if path.split("/")[1] not in refused} == OPERATIONS
