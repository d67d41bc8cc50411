"""Settings come from the environment; an error names the invalid one."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.contract.errors import BadSetting
from app.settings import Settings, load_settings, service_variables, unknown_variables
from training.artefact.remote.address import StoreAddress


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"RATINGS_{name.upper()}", raising=False)


def test_defaults_are_those_of_a_fresh_clone() -> None:
    settings = load_settings()
    assert (settings.store, settings.host, settings.port) == (Path("models_store"), "127.0.0.1", 8000)
    assert (settings.models, settings.default_model) == (None, None)
    assert (settings.limits.max_body_bytes, settings.limits.max_batch) == (8 * 1024 * 1024, 100_000)


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATINGS_MODELS", "baseline, other")
    monkeypatch.setenv("RATINGS_STORE", "/srv/store")
    monkeypatch.setenv("RATINGS_MAX_BATCH", "7")
    monkeypatch.setenv("RATINGS_MAX_ITEMS", "5")
    monkeypatch.setenv("RATINGS_DEFAULT_MODEL", "")  # as compose passes on what is not set
    settings = load_settings()
    assert settings.models == ("baseline", "other")
    assert settings.store == Path("/srv/store")
    assert settings.limits.max_batch == 7
    assert settings.limits.max_items == 5
    assert settings.default_model is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("PORT", "80_00"),
        ("PORT", " 8000"),
        ("PORT", "+8000"),
        ("PORT", "８０００"),
        ("MAX_BATCH", "1_000"),
        ("PORT", "http://10.0.0.1:80"),
        ("WORKERS", "0"),
        ("WORKERS", "1.5"),
        ("ENGINE", "onnx"),
        ("LOG_LEVEL", "loud"),
        ("MODELS", "baseline,,other"),
        ("MODELS", "baseline,baseline"),
        ("MAX_BODY_BYTES", "8MB"),
        ("MAX_ID_LENGTH", "257"),
        ("MAX_ITEMS", "0"),
        ("MAX_ITEMS", "100001"),
        ("SHUTDOWN_SECONDS", "inf"),
        ("ROOT_PATH", "stars"),
        ("ROOT_PATH", "//stars"),
        ("ROOT_PATH", "/a/../b"),
        ("ROOT_PATH", "/st rs"),
        ("ROOT_PATH", '/"><script>'),
        ("ROOT_PATH", "/st\u00e4rs"),
        ("ROOT_PATH", "/models"),
        ("ROOT_PATH", "/docs/stars"),
        ("PORT", "x" * 10_000),
        ("STORE", "s3://key:a-secret@bucket/prefix"),
        ("STORE", "https://bucket.example/prefix"),
    ],
)
def test_bad_setting_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"RATINGS_{name}", value)
    with pytest.raises(BadSetting) as refused:
        load_settings()
    line = str(refused.value)
    assert line.startswith(f"RATINGS_{name}: ")
    assert "\n" not in line and len(line) < 300
    assert "a-secret" not in line


def test_store_is_a_folder_or_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATINGS_STORE", "s3://bucket/prefix/")
    assert load_settings().store == StoreAddress("s3://bucket/prefix")
    monkeypatch.setenv("RATINGS_STORE", "s3:/bucket/prefix")
    assert load_settings().store == Path("s3:/bucket/prefix")


@pytest.mark.parametrize(
    ("given", "root_path"),
    [("/", ""), ("/stars/", "/stars"), ("/a/b-c_d.e~f", "/a/b-c_d.e~f"), ("/docs-old", "/docs-old")],
)
def test_a_root_path_may_end_with_a_slash(
    monkeypatch: pytest.MonkeyPatch, given: str, root_path: str
) -> None:
    monkeypatch.setenv("RATINGS_ROOT_PATH", given)
    assert load_settings().root_path == root_path


def test_unknown_variables_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATINGS_PROT", "80")
    assert unknown_variables() == ["RATINGS_PROT"]


def test_variables_of_kubernetes_services_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    services = {
        "RATINGS_PORT": "tcp://10.43.0.17:8000",
        "RATINGS_PORT_8000_TCP_ADDR": "10.43.0.17",
        "RATINGS_SERVICE_HOST": "10.43.0.17",
        "RATINGS_SERVICE_PORT_HTTP": "8000",
        "RATINGS_STORE_SERVICE_HOST": "10.43.0.18",
    }
    for name, value in services.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RATINGS_PROT", "8000")
    assert load_settings().port == 8000
    assert service_variables() == sorted(services)
    assert unknown_variables() == ["RATINGS_PROT"]


def test_a_port_that_is_set_is_not_taken_for_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATINGS_PORT", "9000")
    assert load_settings().port == 9000
    assert service_variables() == []


@pytest.mark.parametrize(("given", "host"), [("[::1]", "::1"), ("::1", "::1"), ("localhost", "localhost")])
def test_a_host_may_stand_in_brackets(monkeypatch: pytest.MonkeyPatch, given: str, host: str) -> None:
    monkeypatch.setenv("RATINGS_HOST", given)
    assert load_settings().host == host
