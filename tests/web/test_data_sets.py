"""A store with models of two data sets: nothing of one is shown as if it belonged to the other."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped, unused-ignore]
from playwright.sync_api import Browser, expect

from tests.app.processes import running
from tests.app.test_rating_scale import store_of
from tests.conftest import REPOSITORY
from tests.web.browser import Visitor, visiting


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = store_of(tmp_path_factory.mktemp("mixed"), tapes=2)
    for name in ("compact", "tiny"):
        shutil.copytree(REPOSITORY / "models_store" / name, store / name)
    with running(store, log_level="warning") as server:
        yield server.url


def test_models_of_each_data_set_stand_under_its_name(visitor: Visitor) -> None:
    page = visitor.open("/?view=models")
    tables = page.get_by_role("table", name=re.compile("^All models on"))
    expect(tables).to_have_count(2)
    names = [table.locator("tbody th").all_inner_texts() for table in tables.all()]
    assert names == [["compact default", "tiny"], ["tapes"]]
    assert "ml-1m" in str(tables.first.get_attribute("aria-label"))
    assert "ml-1m" not in str(tables.last.get_attribute("aria-label"))
    headings = page.locator("#view-models .data-set-name").all_inner_texts()
    assert len(headings) == 2 and headings[0] == "ml-1m"


def test_every_view_shows_one_data_set_at_a_time(visitor: Visitor) -> None:
    page = visitor.open("/?user=1&movie=1193")
    names = page.locator("#view-predict .predictions .name")
    expect(names).to_have_text(["compact default", "tiny"])
    page.get_by_label("Data set").select_option(index=1)
    # A user of one data set is nobody in the other: the page begins again with an example.
    expect(page.locator("#view-predict .sentence")).to_contain_text("The model tapes predicts")
    expect(page.get_by_text("An example: the user with the most ratings")).to_be_visible()
    assert "data=" in page.url and "user=1" not in page.url
    page.get_by_role("tab", name="Recommend").click()
    lists = page.locator("#view-recommend section.card")
    expect(lists.get_by_role("heading")).to_have_text(["tapes"])
    expect(page.get_by_role("button", name=re.compile("^Compare"))).to_have_count(0)
    page.get_by_role("tab", name="New user").click()
    page.get_by_role("radiogroup", name=re.compile("^Rating of")).first.get_by_role(
        "radio", name="4 of 5"
    ).click()
    expect(page.locator("#view-new-user section.card").get_by_role("heading")).to_have_text(["tapes"])
    page.get_by_role("tab", name="Evaluate").click()
    page.get_by_label("Or paste lines").fill("user,movie,rating\n1,1,5\n2,1,3")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    errors = page.get_by_role("table", name="Errors on your 2 ratings")
    expect(errors.locator("tbody th")).to_have_text(["tapes"])
    page.reload()
    expect(page.get_by_label("Data set")).not_to_have_value("ml-1m")


def test_fields_find_movies_of_the_shown_data_set_only(visitor: Visitor) -> None:
    page = visitor.open()
    answer = page.locator("#view-predict .answer")
    expect(answer).to_be_visible()
    field = page.get_by_role("combobox", name="Movie", exact=True)
    field.fill("café")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    field.fill("toy story")
    expect(page.get_by_role("option", name="Toy Story (1995)")).to_be_visible()
    page.get_by_label("Data set").select_option(index=1)
    expect(answer.locator(".sentence")).to_contain_text("The model tapes predicts")
    field.fill("toy story")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    field.fill("café")
    expect(page.get_by_role("option", name="Café, Das (1999)")).to_be_visible()
    # The same id is another movie there, also in an address and in the grid of a new user.
    data = page.get_by_label("Data set").input_value()
    page = visitor.open(f"/?user=1&movie=1&data={data}")
    expect(answer.get_by_role("heading", level=3)).to_have_text("Café, Das (1999), as user 1 would rate it")
    page = visitor.open(f"/?view=new-user&data={data}")
    cards = page.locator("#view-new-user .grid .about")
    expect(cards).to_have_count(12)
    known = page.request.get(f"{visitor.url}/movies", params={"model": "tapes", "limit": 12}).json()["items"]
    assert [card.locator("span").first.inner_text() for card in cards.all()] == [
        movie["title"] or movie["movie_id"] for movie in known
    ]


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["predict", "recommend", "new-user", "models", "evaluate"])
def test_every_view_of_a_mixed_store_passes_the_accessibility_scan(
    browser: Browser, service: str, scheme: str, view: str
) -> None:
    with visiting(browser, service, color_scheme=scheme) as visitor:
        page = visitor.open(f"/?view={view}")
        for place in range(2):
            page.get_by_label("Data set").select_option(index=place)
            expect(page.locator(".loading")).to_have_count(0)
            page.wait_for_load_state("networkidle")
            found = Axe().run(page).response["violations"]
            assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []
