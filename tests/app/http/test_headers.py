"""What every answer carries: an id, headers that keep browsers from guessing, and CORS if asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.contract.errors import BadSetting
from app.main import create_app
from app.settings import Settings, load_settings
from tests.app.fakes import fake_registry
from tests.app.problems import assert_problem

KEY = "a-key-of-twenty-characters"
SHOP = "https://shop.example"
PAIR = {"user_id": 1, "movie_id": 1}


@pytest.fixture(scope="module")
def guarded() -> Iterator[TestClient]:
    app = create_app(Settings.model_validate({"api_keys": KEY, "cors_origins": SHOP}), fake_registry())
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", "/predict"), ("GET", "/predict?user_id=1&movie_id=1"), ("POST", "/predict/batch")),
        *(("GET", "/nope"), ("PUT", "/predict"), ("HEAD", "/models"), ("GET", "/"), ("GET", "/page/main.js")),
        *(
            ("GET", "/docs"),
            ("GET", "/docs/files/swagger-ui.css"),
            ("GET", "/openapi.json"),
            ("GET", "/metrics"),
        ),
    ],
)
def test_every_answer_says_what_it_is_once(
    client: TestClient, guarded: TestClient, method: str, path: str
) -> None:
    for answer in (
        client.request(method, path, json=PAIR if method == "POST" else None),
        guarded.request(method, path),
    ):
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
        assert answer.headers.get_list("cross-origin-resource-policy") == ["same-origin"]
        assert len(answer.headers.get_list("x-request-id")) == 1
        assert "server" not in answer.headers and "x-powered-by" not in answer.headers


@pytest.mark.parametrize("sent", ["7", "a" * 64, "0f8fad5b-d9cb-469f-a165-70867728950e", "job.7_x"])
def test_a_plain_request_id_is_kept(client: TestClient, sent: str) -> None:
    for answer in (
        client.post("/predict", json=PAIR, headers={"X-Request-ID": sent}),
        client.get("/nope", headers={"x-request-id": sent}),
    ):
        assert answer.headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "a" * 65, "a b", 'a"b', "a\\b", "a,b", "é", "<x>", "user@x"])
def test_another_is_replaced_by_one_of_ours(client: TestClient, sent: str) -> None:
    headers = {b"x-request-id": sent.encode("latin-1")}
    made = {client.get("/healthz", headers=headers).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3 and sent not in made
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]+", one) for one in made)


def test_two_processes_make_different_ids() -> None:
    ids = set()
    for _ in range(2):
        with TestClient(create_app(Settings(), fake_registry())) as client:
            ids.add(client.get("/healthz").headers["x-request-id"])
    assert len(ids) == 2


def test_pages_from_elsewhere_may_not_call_by_default(client: TestClient) -> None:
    answer = client.get("/models", headers={"origin": SHOP})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    preflight = {"origin": SHOP, "access-control-request-method": "POST"}
    assert client.options("/predict", headers=preflight).status_code == 405


def test_pages_of_an_origin_in_the_settings_may(guarded: TestClient) -> None:
    preflight = {
        "origin": SHOP,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
    }
    answer = guarded.options("/predict", headers=preflight)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    refused = guarded.get("/models", headers={"origin": SHOP})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == SHOP
    called = guarded.post("/predict", json=PAIR, headers={"origin": SHOP, "authorization": f"Bearer {KEY}"})
    assert called.status_code == 200
    assert called.headers["access-control-allow-origin"] == SHOP
    assert "x-request-id" in called.headers["access-control-expose-headers"]


def test_pages_of_other_origins_may_not(guarded: TestClient) -> None:
    for origin in ("https://evil.example", f"{SHOP}.evil.example", "null", SHOP.upper()):
        assert (
            "access-control-allow-origin" not in guarded.get("/healthz", headers={"origin": origin}).headers
        )


def test_a_page_that_may_not_call_so_is_refused_with_a_problem(guarded: TestClient) -> None:
    elsewhere = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    problem = assert_problem(guarded.options("/predict", headers=elsewhere), 400, "preflight_refused")
    assert problem["detail"].endswith(": origin not allowed")
    odd = {"origin": SHOP, "access-control-request-method": "PUT", "access-control-request-headers": "x-odd"}
    answer = guarded.options("/predict", headers=odd)
    assert assert_problem(answer, 400, "preflight_refused")["detail"].endswith(
        ": method, headers not allowed"
    )
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers.get_list("content-type") == ["application/problem+json"]


@pytest.mark.parametrize(
    "value",
    ["shop.example", f"{SHOP}/", f"{SHOP}/page", "https://*.example", "https://A.example", f"{SHOP},"],
)
def test_what_is_no_origin_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("RATINGS_CORS_ORIGINS", value)
    with pytest.raises(BadSetting, match=r"^RATINGS_CORS_ORIGINS: must be origins"):
        load_settings()


def test_origins_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATINGS_CORS_ORIGINS", f"{SHOP}, http://localhost:3000, http://[::1]:80")
    assert load_settings().cors_origins == (SHOP, "http://localhost:3000", "http://[::1]:80")
