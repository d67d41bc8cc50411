"""The Open Inference Protocol: its calls, its errors, and what the layers around the routes do for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.scoring.registry import Registry
from app.settings import Settings
from tests.app.fakes import fake_registry
from tests.app.problems import assert_inference_error
from tests.app.scraping import scrape

KEY, ADMIN = "a-key-of-twenty-characters", "an-admin-key-of-this-test"
SHOP = "https://shop.example"
PAIRS = {
    "inputs": [
        {"name": "user_id", "shape": [1], "datatype": "BYTES", "data": ["user_1"]},
        {"name": "movie_id", "shape": [1], "datatype": "INT64", "data": [1]},
    ]
}


@pytest.fixture(scope="module")
def guarded() -> Iterator[TestClient]:
    settings = Settings.model_validate({"api_keys": KEY, "cors_origins": SHOP})
    with TestClient(create_app(settings, fake_registry())) as client:
        yield client


def test_health_and_metadata(client: TestClient) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    about = client.get("/openapi.json").json()["info"]
    assert client.get("/v2").json() == {
        "name": about["title"],
        "version": about["version"],
        "extensions": ["binary_tensor_data"],
    }
    assert client.get("/v2/models/half/ready").json() == {"name": "half", "ready": True}
    assert client.get("/v2/models/half").json() == {
        "name": "half",
        "platform": "keras",
        "inputs": [
            {"name": "user_id", "datatype": "BYTES", "shape": [-1]},
            {"name": "movie_id", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [
            {"name": "rating", "datatype": "FP32", "shape": [-1]},
            {"name": "known_user", "datatype": "BOOL", "shape": [-1]},
            {"name": "known_movie", "datatype": "BOOL", "shape": [-1]},
        ],
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v2/models/nope", 404, "unknown_model"),
        ("GET", "/v2/models/nope/ready", 404, "unknown_model"),
        ("POST", "/v2/models/nope/infer", 404, "unknown_model"),
        ("GET", "/v2/", 404, "route_not_found"),
        ("GET", "/v2/nope", 404, "route_not_found"),
        ("GET", "/v2/models/half/versions/1", 404, "route_not_found"),
        ("GET", "/v2/models/half/infer", 405, "method_not_allowed"),
        ("POST", "/v2/health/live", 405, "method_not_allowed"),
        ("GET", "/v2?verbose=1", 400, "invalid_request"),
        ("GET", "/v2/models/half?verbose=1", 400, "invalid_request"),
        ("POST", "/v2/models/half/infer?model=half", 400, "invalid_request"),
    ],
)
def test_errors_have_the_shape_of_the_protocol(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path, json=PAIRS if method == "POST" else None)
    assert_inference_error(answer, status, code)


def test_paths_that_only_begin_alike_keep_problem_documents(client: TestClient) -> None:
    for path in ("/v20", "/v2x/models", "/models/v2"):
        assert client.get(path).headers["content-type"] == "application/problem+json"


def test_missing_model_is_not_ready() -> None:
    registry = fake_registry("baseline")
    app = create_app(Settings(), registry)
    with TestClient(app) as client:
        registry.expected = ("baseline", "half")
        answer = client.get("/v2/health/ready")
        assert assert_inference_error(answer, 503, "not_ready") == "not_ready: not ready: half"
        assert answer.headers["retry-after"]
        assert client.get("/v2/health/live").status_code == 200


def test_unexpected_error_has_the_shape_of_the_protocol() -> None:
    class Broken(Registry):
        def get(self, name: str | None = None) -> Any:
            raise RuntimeError("secret")

    registry = Broken(fake_registry().models.values(), "baseline", ["baseline"])
    with TestClient(create_app(Settings(metrics=False), registry), raise_server_exceptions=False) as client:
        answer = client.get("/v2/models/half")
    assert "secret" not in assert_inference_error(answer, 500, "internal_error")


def test_probes_are_open_and_all_other_paths_need_a_key(guarded: TestClient) -> None:
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/health/ready?from=kubelet"):
        assert guarded.get(path).status_code == 200
    for method, path in (
        ("GET", "/v2"),
        ("GET", "/v2/models/half"),
        ("GET", "/v2/models/half/ready"),
        ("POST", "/v2/models/half/infer"),
        ("GET", "/v2/nope"),
        ("GET", "/v2/health/nope"),
    ):
        answer = guarded.request(method, path)
        assert_inference_error(answer, 401, "key_missing")
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        unknown = guarded.request(method, path, headers={"authorization": "Bearer nobody"})
        assert_inference_error(unknown, 401, "key_unknown")
    headers = {"authorization": f"Bearer {KEY}"}
    assert guarded.post("/v2/models/half/infer", json=PAIRS, headers=headers).status_code == 200
    document = guarded.get("/openapi.json").json()["paths"]["/v2/models/{name}/infer"]["post"]
    assert document["responses"]["401"]["content"].keys() == {"application/json"}


def test_pages_of_an_allowed_origin_may_send_and_read_binary_tensors(guarded: TestClient) -> None:
    preflight = {
        "origin": SHOP,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type, inference-header-content-length",
    }
    assert guarded.options("/v2/models/half/infer", headers=preflight).status_code == 200
    answer = guarded.get("/v2/health/live", headers={"origin": SHOP})
    assert "inference-header-content-length" in answer.headers["access-control-expose-headers"].lower()


@pytest.mark.parametrize("prefix", ["", "/stars"])
def test_calls_work_below_a_path_prefix(prefix: str) -> None:
    with TestClient(create_app(Settings(root_path="/stars"), fake_registry())) as client:
        assert client.get(f"{prefix}/v2/health/ready").status_code == 200
        assert client.post(f"{prefix}/v2/models/half/infer", json=PAIRS).status_code == 200
        assert_inference_error(client.get(f"{prefix}/v2/models/nope"), 404, "unknown_model")


def test_requests_and_pairs_are_counted() -> None:
    with TestClient(create_app(Settings(), fake_registry())) as client:
        cold = json.loads(json.dumps(PAIRS).replace("user_1", "user_4"))
        for fields, status in ((PAIRS, 200), (cold, 404)):
            assert client.post("/v2/models/half/infer", json=fields).status_code == status
        found = scrape(client.get)
        route = "/v2/models/{name}/infer"
        for answered in ("200", "404"):
            assert found("stars_http_requests_total", route=route, method="POST", status=answered) == 1
        assert found("stars_pairs_total", model="half", ids="known") == 1
        assert found("stars_pairs_total", model="half", ids="cold") == 1
        assert found("stars_batch_pairs_count", model="half") == 2
