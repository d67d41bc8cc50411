"""The responses with the page and its files, without a browser."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from app.api.dependencies import get_registry
from app.main import create_app
from app.settings import Settings
from app.web.page import CHARTS, load_page
from tests.app.fakes import fake_registry
from tests.app.problems import assert_problem
from training.artefact import DEFAULT_SCALE


def test_page_has_a_strict_content_security_policy(client: TestClient) -> None:
    answer = client.get("/?user=1&movie=1193")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_page_has_no_inline_or_external_resources(client: TestClient) -> None:
    page = client.get("/").text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", page)
    for name in re.findall(r'(?:src|href)="page/([^"]+)"', page):
        assert client.get(f"/page/{name}").status_code == 200


def test_every_file_is_sent_once_and_compressed(client: TestClient) -> None:
    for name in set(load_page()) - {"index.html"}:
        answer = client.get(f"/page/{name}")
        assert answer.status_code == 200 and answer.headers["content-encoding"] == "gzip", name
        assert "content-security-policy" in answer.headers, name
        again = client.get(f"/page/{name}", headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304 and not again.content, name
        plain = client.get(f"/page/{name}", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers and plain.content == answer.content, name


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("gzip;q=0.5, br", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("br", False),
        ("", False),
    ],
)
def test_compression_of_a_file_follows_accept_encoding(
    client: TestClient, accepted: str, packed: bool
) -> None:
    response = client.get("/page/app.css", headers={"accept-encoding": accepted})
    assert ("content-encoding" in response.headers) is packed
    assert response.headers["vary"] == "Accept-Encoding"


def test_plain_and_compressed_forms_have_different_etags(client: TestClient) -> None:
    packed, plain = (
        client.get("/page/app.css", headers={"accept-encoding": coding}).headers["etag"]
        for coding in ("gzip", "identity")
    )
    assert packed != plain
    crossed = {"accept-encoding": "gzip", "if-none-match": plain}
    assert client.get("/page/app.css", headers=crossed).status_code == 200


@pytest.mark.parametrize(
    ("form", "status"), [("{}", 304), ("W/{}", 304), ('"x", {}', 304), ("*", 304), ('"x"', 200), ("", 200)]
)
def test_if_none_match_takes_weak_tags_lists_and_any(client: TestClient, form: str, status: int) -> None:
    etag = client.get("/page/app.css").headers["etag"]
    answer = client.get("/page/app.css", headers={"if-none-match": form.format(etag)})
    assert answer.status_code == status


def test_the_chart_library_comes_from_its_package() -> None:
    assert b"Chart.js" in load_page()[CHARTS].plain or b"Chart=" in load_page()[CHARTS].plain


@pytest.mark.parametrize(
    "name", ["index.html", "page.py", "__init__.py", "nope.js", "..%2Fpage.py", "a/b", "evaluation"]
)
def test_unknown_file_names_are_not_found(client: TestClient, name: str) -> None:
    assert_problem(client.get(f"/page/{name}"), 404, "route_not_found")


def test_our_scripts_are_small_and_set_text_only_as_text() -> None:
    assets = {name: asset for name, asset in load_page().items() if name != CHARTS}
    ours = {name: asset.plain.decode() for name, asset in assets.items()}
    assert sum(map(len, ours.values())) < 155_000
    # What a visitor transfers: docs/page.md.
    assert sum(len(asset.packed) for asset in assets.values()) < 58_000
    for text in ours.values():
        assert "innerHTML" not in text and "insertAdjacentHTML" not in text and "eval(" not in text


@pytest.mark.parametrize(("name", "plural"), [("book", "books"), ("comedy", "comedies"), ("dish", "dishes")])
def test_the_page_uses_the_item_name_of_the_default_model(name: str, plural: str) -> None:
    app = create_app(Settings(), fake_registry())
    app.dependency_overrides[get_registry] = lambda: SimpleNamespace(item_name=name, scale=DEFAULT_SCALE)
    with TestClient(app) as client:
        page = client.get("/").text
    assert f'data-item="{name}" data-items="{plural}"' in page
    assert f"<title>{name.title()} ratings</title>" in page
    assert f"Which {plural} would this user like?" in page
