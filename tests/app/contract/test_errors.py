"""Every error is a documented problem."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient

from app.api.dependencies import get_registry
from app.contract import errors
from app.contract.problems import error_response, problem
from app.main import create_app
from app.scoring.probe import ScoringTime
from app.scoring.registry import LoadedModel, Registry
from app.settings import Settings
from tests.app.fakes import fake_registry, fake_scorer
from tests.app.problems import assert_problem
from tests.golden.renew import PROBLEMS, problems_text
from training.artefact import ArtefactDamaged

# One of each kind of request error, with fields of maximum length.
REQUEST_ERRORS = [
    errors.RouteNotFound(),
    errors.MethodNotAllowed(),
    errors.KeyMissing(),
    errors.KeyUnknown(),
    errors.AdminOnly(),
    errors.PreflightRefused("origin"),
    errors.UnreadableBody("the body is not JSON"),
    errors.BodyTooLarge(8),
    errors.TooManyPairs(9, 8),
    errors.WrongContentType("a body must be JSON"),
    errors.InvalidRequest([(("user_id",), "is empty"), (("pairs", 3, "rating"), "must be a valid number")]),
    errors.UnknownModel("nope", ["baseline"]),
    errors.UnknownUser("x"),
    errors.UnknownMovie("y", positions=[1], of=2),
    errors.NoFoldIn("baseline"),
    errors.ReloadRefused("baseline/model.keras: cannot be read"),
    errors.Overloaded(),
    errors.NotReady(["baseline"]),
    errors.Stopping(),
]


def family(base: type[errors.ServiceError]) -> Iterator[type[errors.ServiceError]]:
    """Yield a class of errors and all its subclasses."""
    yield base
    for derived in base.__subclasses__():
        yield from family(derived)


def test_every_kind_of_problem_has_a_unique_code() -> None:
    own = [error for error in family(errors.ServiceError) if "kind" in vars(error)]
    assert len({error.kind.code for error in own}) == len(own)
    for error in family(errors.RequestError):
        assert error.__subclasses__() or error.kind is not errors.ServiceError.kind


def test_every_request_error_has_a_golden_problem() -> None:
    assert {type(error) for error in REQUEST_ERRORS} == {
        error for error in family(errors.RequestError) if not error.__subclasses__()
    }
    assert problems_text() == PROBLEMS.read_text(encoding="utf-8"), "renew with: python -m tests.golden.renew"


@pytest.mark.parametrize("error", REQUEST_ERRORS, ids=lambda error: error.kind.code)
def test_every_problem_has_a_form_in_the_open_inference_protocol(error: errors.RequestError) -> None:
    headers = {"www-authenticate": "Bearer"}
    same = error_response({"path": "/predict"}, error, headers)
    own = error_response({"path": "/stars/v2/models/a", "root_path": "/stars"}, error, headers)
    assert same.body == problem(error).body
    assert orjson.loads(own.body) == {"error": f"{error.kind.code}: {error}"}
    assert own.status_code == (400 if error.kind.status == 422 else error.kind.status)
    for name in ("retry-after", "www-authenticate"):
        assert own.headers.get(name) == same.headers.get(name)


def test_a_problem_stays_small_with_long_values() -> None:
    for error in [
        errors.UnknownModel("é" * 10**6, ["m" * 64] * 1000),
        errors.InvalidRequest([(("x" * 10**5, 1, "y" * 10**5), "z" * 10**5)] * 1000),
        errors.NotReady(["m" * 64] * 1000),
    ]:
        assert len(problem(error).body) < 10_000
    far_too_much = problem(errors.RequestError("detail", models=["m" * 64] * 1000))
    assert orjson.loads(far_too_much.body)["detail"] == "detail"
    assert len(far_too_much.body) < 10_000


@pytest.mark.parametrize("address", ["/nope", "/predict/", "/predict//", "/models/", "/models/a/b", "/redoc"])
def test_unknown_path_returns_a_404_problem(client: TestClient, address: str) -> None:
    assert_problem(client.get(address), 404, "route_not_found")


@pytest.mark.parametrize(
    ("method", "address", "allow"),
    [
        ("DELETE", "/predict", "GET, HEAD, POST"),
        ("PUT", "/compare", "GET, HEAD, POST"),
        ("GET", "/predict/batch", "POST"),
        ("HEAD", "/predict/batch", "POST"),
        ("OPTIONS", "/models", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
def test_wrong_method_returns_405_with_the_allowed_methods(
    client: TestClient, method: str, address: str, allow: str
) -> None:
    response = client.request(method, address)
    assert response.status_code == 405
    assert response.headers["allow"] == allow
    if method != "HEAD":
        assert_problem(response, 405, "method_not_allowed")


def test_head_returns_the_headers_of_get_without_a_body(client: TestClient) -> None:
    for address in ("/models", "/healthz", "/predict?user_id=1&movie_id=1"):
        head, get = client.head(address), client.get(address)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]


def test_unexpected_error_returns_500_without_details() -> None:
    class Broken:
        weights_bytes = 0

        def rate(self, user_index: object, movie_index: object) -> object:
            raise RuntimeError("secret")

    scorer, _ = fake_scorer()
    scorer.engine = Broken()  # type: ignore[assignment]
    registry = Registry([LoadedModel(scorer, ScoringTime(1, 1))], "baseline", ["baseline"])
    with TestClient(create_app(Settings(), registry), raise_server_exceptions=False) as client:
        response = client.get("/predict?user_id=1&movie_id=1")
    assert_problem(response, 500, "internal_error")
    assert "secret" not in response.text


def test_other_http_exceptions_of_the_framework_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Settings(), fake_registry())

    @app.get("/teapot")
    async def brew() -> None:
        raise HTTPException(418, "secret")

    with TestClient(app) as client:
        response = client.get("/teapot")
    assert_problem(response, 500, "internal_error")
    assert "secret" not in response.text
    assert "418: secret" in caplog.text


def test_artefact_that_becomes_unreadable_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Settings(), fake_registry())

    @app.get("/read")
    async def read() -> None:
        raise ArtefactDamaged(Path("store/baseline/model.keras"), "cannot be read")

    with TestClient(app) as client:
        response = client.get("/read")
    assert_problem(response, 503, "model_unusable")
    assert "store" not in response.text
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "a model can no longer be read: store/baseline/model.keras: cannot be read"
    ]


def test_not_ready_names_missing_models_and_sets_retry_after() -> None:
    app = create_app(Settings(), fake_registry())

    async def incomplete() -> Registry:
        return fake_registry("baseline", expected=("baseline", "other"))

    with TestClient(app) as own:
        app.dependency_overrides[get_registry] = incomplete
        response = own.get("/readyz")
    assert assert_problem(response, 503, "not_ready")["models"] == ["other"]
    assert int(response.headers["retry-after"]) > 0


def test_an_empty_registry_is_never_ready() -> None:
    with pytest.raises(errors.NotReady):
        Registry([], "baseline", []).check_ready()
