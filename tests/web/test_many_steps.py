"""A scale with negative ratings and many steps: a list in place of stars."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.app.processes import running
from tests.app.test_rating_scale import store_of
from tests.artefact_edits import rewrite_manifest
from tests.web.browser import Visitor


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of ratings from -10 to 10 in halves, of books."""
    store = store_of(tmp_path_factory.mktemp("jokes"), jokes=3)

    def change(manifest: dict[str, object]) -> None:
        manifest["rating_scale"] = {"low": -10, "high": 10, "step": 0.5}

    rewrite_manifest(store / "jokes", change)
    with running(store, log_level="warning") as server:
        yield server.url


def test_ratings_are_chosen_from_a_list(visitor: Visitor) -> None:
    page = visitor.open("/?view=new-user")
    field = page.get_by_role("combobox", name=re.compile("^Rating of")).first
    expect(field).to_have_value("")
    assert field.locator("option").count() == 1 + 41
    expect(page.get_by_role("radiogroup")).to_have_count(0)
    field.select_option("-7.5")
    lists = page.locator("#view-new-user .list > li")
    expect(lists.first).to_contain_text("on -10 to 10")
    assert page.url.endswith(":-7.5")
    page.get_by_role("button", name=re.compile("^Remove the rating")).first.click()
    expect(field).to_have_value("")


def test_a_prediction_has_a_number_and_no_stars(visitor: Visitor) -> None:
    page = visitor.open("/?user=4&movie=1")
    expect(page.locator("#view-predict .figure")).to_contain_text("on -10 to 10")
    expect(page.locator("#view-predict .gauge")).to_have_count(0)
