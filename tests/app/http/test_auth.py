"""API keys: loaded from a file or a variable, required for every path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse

from app.contract.errors import BadSetting
from app.contract.paths import HEALTH
from app.http.auth import Keys, load_keys, warn_of_open_access
from app.main import create_app
from app.settings import Settings
from tests.app.fakes import fake_registry
from tests.app.problems import assert_inference_error, assert_problem

OLD, NEW, ADMIN = "old-reading-key-0123", "new/reading+key~4567==", "an.admin_key-890-890"
STRANGER = "a-key-of-nobody-at-all"
PAIR = {"user_id": 1, "movie_id": 1}
OPEN = {
    "/",
    "/page/{name:path}",
    "/healthz",
    "/readyz",
    "/v2/health/live",
    "/v2/health/ready",
    "/docs",
    "/docs/files/swagger-ui.css",
    "/openapi.json",
}


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _app(**settings: str) -> FastAPI:
    app = create_app(Settings.model_validate(settings), fake_registry())
    admin = APIRouter(prefix="/admin")

    @admin.post("/anything")
    async def post_anything() -> PlainTextResponse:
        return PlainTextResponse("done")

    app.include_router(admin)
    return app


def _document(**settings: str) -> dict[str, Any]:
    return create_app(Settings.model_validate(settings), fake_registry()).openapi()


@pytest.fixture(scope="module")
def guarded() -> Iterator[TestClient]:
    with TestClient(_app(api_keys=f"{OLD}, {NEW}", admin_keys=ADMIN)) as client:
        yield client


def _addresses() -> list[tuple[str, str]]:
    found = []
    for routes in (getattr(route, "original_router", None) for route in _app().routes):
        for route in routes.routes if routes else ():
            found += [(method, route.path) for method in sorted(route.methods)]
    assert len(found) > 15
    return [*found, *(("GET", path) for path in ("/docs", "/docs/files/swagger-ui.css", "/openapi.json"))]


@pytest.mark.parametrize(("method", "path"), [*_addresses(), ("GET", "/nope"), ("PUT", "/predict")])
def test_every_path_except_the_open_ones_requires_a_key(guarded: TestClient, method: str, path: str) -> None:
    address = path.replace("{name:path}", "main.js").replace("{name}", "baseline")
    answer = guarded.request(method, address)
    if path in OPEN:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert guarded.request(method, address, headers=_bearer(ADMIN)).status_code not in (401, 403)
        if method != "HEAD":
            check = assert_inference_error if path.startswith("/v2") else assert_problem
            assert check(answer, 401, "key_missing")


@pytest.mark.parametrize("key", [OLD, NEW, ADMIN])
@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_every_key_is_valid_for_both_paths_of_predict(guarded: TestClient, key: str, scheme: str) -> None:
    headers = {"Authorization": scheme + key}
    fast = guarded.post("/predict", json=PAIR, headers=headers)
    slow = guarded.post("/predict", json={**PAIR, "on_unknown": "error"}, headers=headers)
    route = guarded.get("/predict?user_id=1&movie_id=1", headers=headers)
    assert fast.status_code == slow.status_code == route.status_code == 200
    assert fast.content == route.content


@pytest.mark.parametrize(
    "value",
    [
        *(f"Bearer {STRANGER}", f"Bearer {OLD}x", f"Bearer {OLD[:-1]}", f"Bearer {OLD.upper()}", "Bearer "),
        *(OLD, f"Basic {OLD}", f"Bearer{OLD}", f"Bearer {OLD}, Bearer {NEW}", f"Bearer {OLD} {NEW}", ""),
        *(f"Bearer {OLD}\u00e9", "Bearer " + "x" * 10_000),
    ],
)
def test_invalid_key_is_refused_and_not_repeated(guarded: TestClient, value: str) -> None:
    headers = {b"authorization": value.encode("latin-1")}
    for answer in (
        guarded.post("/predict", json=PAIR, headers=headers),
        guarded.get("/models", headers=headers),
        guarded.post("/admin/anything", headers=headers),
    ):
        body = assert_problem(answer, 401, "key_unknown")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert "reading" not in str(body) and "nobody" not in str(body)


def test_two_authorization_headers_are_refused(guarded: TestClient) -> None:
    twice = [("Authorization", f"Bearer {OLD}"), ("Authorization", f"Bearer {OLD}")]
    assert_problem(guarded.get("/models", headers=twice), 401, "key_unknown")


def test_key_in_the_query_is_ignored(guarded: TestClient) -> None:
    assert_problem(guarded.get(f"/models?key={OLD}"), 401, "key_missing")


def test_reading_key_is_refused_for_admin(guarded: TestClient) -> None:
    for address in ("/admin/anything", "/admin", "/admin/", "/admin/nope"):
        answer = guarded.post(address, headers=_bearer(OLD))
        assert_problem(answer, 403, "admin_only")
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert guarded.post("/admin/anything", headers=_bearer(ADMIN)).text == "done"
    assert_problem(guarded.post("/admin/nope", headers=_bearer(ADMIN)), 404, "route_not_found")


@pytest.mark.parametrize(
    "path", ["//admin/anything", "/x/../admin/anything", "/%61dmin/anything", "/admin//anything"]
)
def test_no_other_spelling_of_the_path_reaches_admin(guarded: TestClient, path: str) -> None:
    answer = guarded.post(path, headers=_bearer(OLD))
    assert answer.status_code in (403, 404)


def test_admin_keys_alone_leave_the_rest_open() -> None:
    with TestClient(_app(admin_keys=ADMIN)) as client:
        assert client.post("/predict", json=PAIR).status_code == 200
        assert_problem(client.post("/admin/anything"), 401, "key_missing")
        assert client.post("/admin/anything", headers=_bearer(ADMIN)).text == "done"


def test_no_key_is_required_by_default() -> None:
    with TestClient(create_app(Settings(), fake_registry())) as client:
        assert client.post("/predict", json=PAIR).status_code == 200
        assert client.get("/models", headers=_bearer(STRANGER)).status_code == 200
        assert_problem(client.post("/admin/anything"), 404, "route_not_found")


def test_openapi_states_which_operations_require_a_key() -> None:
    document = _document(api_keys=OLD, admin_keys=ADMIN)
    assert document["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    asking = {
        path for path, calls in document["paths"].items() for call in calls.values() if "security" in call
    }
    assert set(document["paths"]) - asking == HEALTH
    assert {"401", "403"} <= document["paths"]["/admin/reload"]["post"]["responses"].keys()
    assert "403" not in document["paths"]["/predict"]["post"]["responses"]
    only_admin = _document(admin_keys=ADMIN)["paths"]
    assert [path for path, calls in only_admin.items() if "security" in str(calls)] == ["/admin/reload"]
    assert "securitySchemes" not in _document()["components"]


def _file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "keys"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    return path


def test_key_file_has_one_key_per_line(tmp_path: Path) -> None:
    path = _file(tmp_path, f"# for the shop, since May\n{OLD}\n\n  {NEW}  \r\n#{STRANGER}\n")
    keys = load_keys(Settings(api_keys_file=path))
    assert keys.kind(OLD.encode()) == keys.kind(NEW.encode()) == "reading"
    assert keys.kind(STRANGER.encode()) is None
    assert keys.kind(b"") is None


def test_byte_order_mark_before_keys_is_ignored(tmp_path: Path) -> None:
    for content in (f"{OLD}\n{NEW}", f"# for the shop\n{OLD}\n{NEW}"):
        path = _file(tmp_path, content.encode("utf-8-sig"))
        assert load_keys(Settings(api_keys_file=path)) == load_keys(Settings(api_keys=f"\ufeff{OLD},{NEW}"))


def test_only_digests_are_kept() -> None:
    settings = Settings(api_keys=OLD, admin_keys=ADMIN)
    keys = load_keys(settings)
    assert keys.kind(ADMIN.encode()) == "admin"
    for text in (repr(keys), repr(settings), settings.model_dump_json()):
        assert OLD not in text and ADMIN not in text


def test_no_keys_are_loaded_by_default() -> None:
    assert load_keys(Settings()) == Keys()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "contains no key"),
        ("# nothing yet\n\n", "contains no key"),
        (f"{OLD}\nshort\n", "line 2 has 5 characters; a key must have 20 to 200"),
        (f"{OLD}\n{'x' * 201}", "line 2 has 201 characters"),
        ("# old\nwith a blank in its middle", "line 2 is not a valid key"),
        ("sch\u00f6n-und-lang-genug-ist-er", "line 1 is not a valid key"),
        (f"{OLD}\n{NEW}\n{OLD}", "line 3 repeats an earlier key"),
        ("\n".join(f"key-number-{number:09}" for number in range(101)), "line 101 exceeds the limit"),
        (b"\xff" * 30, "not UTF-8"),
        ("x" * 70_000, "has more than"),
    ],
)
def test_invalid_key_file_is_refused_in_one_line_without_its_keys(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    path = _file(tmp_path, content)
    with pytest.raises(BadSetting) as refused:
        load_keys(Settings(api_keys_file=path))
    line = str(refused.value)
    assert line.startswith("RATINGS_API_KEYS_FILE: ") and said in line
    assert "\n" not in line and OLD not in line and len(line) < 300


def test_unreadable_key_file_is_refused_in_one_line(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(BadSetting, match=f"^RATINGS_ADMIN_KEYS_FILE: .*{said}"):
            load_keys(Settings(admin_keys_file=path))


def test_invalid_key_variable_is_refused_in_one_line_without_its_keys() -> None:
    for stated, said in (
        (f"{OLD},", "key 2 has 0"),
        (f"short,{OLD}", "key 1 has 5"),
        (f"{OLD},{OLD}", "key 2"),
    ):
        with pytest.raises(BadSetting, match=f"^RATINGS_API_KEYS: {said}") as refused:
            load_keys(Settings(api_keys=stated))
        assert OLD not in str(refused.value) and "short" not in str(refused.value)


def test_keys_have_one_source_and_each_key_one_kind(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"^RATINGS_API_KEYS: "):
        load_keys(Settings(api_keys=OLD, api_keys_file=_file(tmp_path, NEW)))
    with pytest.raises(BadSetting, match="also in RATINGS_API_KEYS"):
        load_keys(Settings(api_keys=OLD, admin_keys=f"{ADMIN},{OLD}"))


def test_mistyped_key_variable_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATINGS_API_KEY", OLD)
    with pytest.raises(BadSetting, match=r"^RATINGS_API_KEY: not a known setting"):
        load_keys(Settings())


def test_key_file_readable_by_all_users_causes_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = _file(tmp_path, OLD)
    settings = Settings(api_keys_file=path)
    warn_of_open_access(settings, load_keys(settings), "0.0.0.0")
    assert not caplog.messages
    path.chmod(0o604)
    warn_of_open_access(settings, load_keys(settings), "0.0.0.0")
    (message,) = caplog.messages
    assert message.startswith(f"{path} ")
