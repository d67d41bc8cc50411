"""The page with a store that includes ratings: actual ratings are shown, and are not recommended."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped, unused-ignore]
from playwright.sync_api import Browser, Page, expect

from tests.web.browser import Visitor, visiting

USER = "user_7"


@pytest.fixture(params=["desktop", pytest.param("phone", marks=pytest.mark.long)])
def rated(request: pytest.FixtureRequest, browser: Browser, rated_service: str) -> Any:
    phone = {"viewport": {"width": 320, "height": 740}, "color_scheme": "dark"}
    with visiting(browser, rated_service, **(phone if request.param == "phone" else {})) as visitor:
        yield visitor
        assert (visitor.foreign_requests, visitor.console_errors) == ([], [])
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(visitor.page).response["violations"]
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []


def given(visitor: Visitor, query: str = "") -> dict[str, float]:
    answer = visitor.page.request.get(f"{visitor.url}/ratings?user_id={USER}&limit=1000{query}").json()
    return {item["movie_id"]: item["rating"] for item in answer["items"]}


def test_actual_rating_is_shown_next_to_the_predictions(rated: Visitor) -> None:
    movie, gave = next(iter(given(rated).items()))
    compared = rated.page.request.get(f"{rated.url}/compare?user_id={USER}&movie_id={movie}")
    predictions = compared.json()["predictions"]
    page = rated.open(f"/?user={USER}&movie={movie}")
    rows = page.locator(".predictions > li")
    expect(rows).to_have_count(1 + len(predictions))
    expect(rows.first).to_contain_text("Actual rating")
    expect(rows.first).to_contain_text(f"{gave:.2f} of 5")
    for row, prediction in zip(rows.all()[1:], predictions, strict=True):
        error = prediction["rating"] - gave
        text = f"{'−' if error < 0 else '+'}{abs(error):.2f} from the actual rating"
        expect(row).to_contain_text(text)


def test_unrated_movie_is_marked(rated: Visitor) -> None:
    movie = next(f"movie_{n}" for n in range(1, 40) if f"movie_{n}" not in given(rated))
    page = rated.open(f"/?user={USER}&movie={movie}")
    expect(page.get_by_text("Not rated by this user")).to_be_visible()
    expect(page.get_by_text("Actual rating")).to_have_count(0)


def listed(page: Page) -> list[str]:
    column = page.locator("#view-recommend section.card").filter(has_text="baseline")
    return [
        str(text) for text in column.locator("li > span:not(.rating) > span:first-child").all_inner_texts()
    ]


def test_rated_movies_are_excluded_until_the_box_is_unchecked(rated: Visitor) -> None:
    gave = given(rated)
    # Only one movie of this store has a title.
    names = {"Café, Das (1999)" if movie == "movie_1" else movie for movie in gave}
    page = rated.open(f"/?view=recommend&user={USER}&n=50&compare=all")
    toggle = page.get_by_label("Exclude rated movies")
    expect(toggle).to_be_checked()
    expect(page.get_by_text("Rated movies are not excluded for memory_efficient")).to_be_visible()
    assert len(listed(page)) == 39 - len(gave.keys() - {"movie_40"})
    assert not names & set(listed(page))
    page.locator("summary").filter(has_text="Ratings by user 7").click()
    shown = page.locator(".past li .rating").all_inner_texts()
    numbers = [float(re.sub("[^0-9.]", "", one.removesuffix("of 5"))) for one in shown]
    assert numbers == sorted(gave.values(), reverse=True)[:20]

    toggle.focus()
    page.keyboard.press("Space")
    expect(page.locator("#view-recommend section.card").first.locator("li")).to_have_count(39)
    assert names - {"movie_40"} <= set(listed(page))
    mark = page.locator("#view-recommend section.card").first.get_by_text(re.compile(r"^rated \d"))
    expect(mark).to_have_count(len(gave.keys() - {"movie_40"}))
    assert "&rated=too" in page.url
    page.reload()
    expect(toggle).not_to_be_checked()
    expect(page.get_by_text("Rated movies are not excluded for")).to_have_count(0)


@pytest.mark.long
def test_store_without_ratings_shows_nothing_about_them(visitor: Visitor) -> None:
    page = visitor.open("/?user=1&movie=1193")
    expect(page.locator(".predictions > li").first).to_be_visible()
    expect(page.get_by_text(re.compile("Actual rating|Not rated"))).to_have_count(0)
    page.get_by_role("tab", name="Recommend").click()
    page.get_by_role("combobox", name="User").locator("visible=true").fill("1")
    page.get_by_role("combobox", name="User").locator("visible=true").press("Enter")
    expect(page.locator("#view-recommend section.card").first.locator("li")).to_have_count(10)
    expect(page.get_by_label("Exclude rated movies")).to_be_hidden()


def test_predictions_are_shown_if_ratings_cannot_be_loaded(browser: Browser, rated_service: str) -> None:
    with visiting(browser, rated_service) as visitor:
        visitor.page.route(re.compile("/ratings"), lambda route: route.abort())
        page = visitor.open(f"/?user={USER}&movie=movie_1")
        expect(page.locator(".predictions > li")).to_have_count(2)
        expect(page.get_by_role("alert")).to_have_count(0)
