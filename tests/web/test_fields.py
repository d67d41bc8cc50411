"""The fields with suggestions, typed into quickly, with a service that answers slowly or late."""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.browser import TIMEOUT, Visitor

TITLES = ["alien", "casablanca", "fargo", "toy story 2"]
DELAYS = [0, 150, 600]


def slow(page: Page, path: str, milliseconds: int) -> None:
    """Delay each response by another time, the first the most, so that older answers come later."""
    delays: list[int] = []

    def answer(route: Route) -> None:
        delays.append(max(milliseconds - 100 * len(delays), milliseconds // 4))
        time.sleep(delays[-1] / 1000)
        route.continue_()

    page.route(re.compile(path), answer)


def query(route: Route) -> str:
    """The text that a search of movies asks for."""
    return parse_qs(urlsplit(route.request.url).query).get("q", [""])[0]


@pytest.mark.parametrize("title", [TITLES[0], *(pytest.param(t, marks=pytest.mark.long) for t in TITLES[1:])])
@pytest.mark.parametrize("key", [60, pytest.param(30, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "delay", [150, *(pytest.param(d, marks=pytest.mark.long) for d in DELAYS if d != 150)]
)
def test_enter_takes_what_is_found_for_what_is_typed(
    visitor: Visitor, title: str, key: int, delay: int
) -> None:
    page = visitor.open("/?user=1&movie=2858")
    heading = page.locator("#view-predict h3")
    expect(heading).to_contain_text("American Beauty")
    best = page.request.get(f"{visitor.url}/movies", params={"q": title}).json()["items"][0]["title"]
    slow(page, "/movies", delay)
    field = page.get_by_role("combobox", name="Movie", exact=True)
    field.click()
    field.press_sequentially(title, delay=key)
    field.press("Enter")
    expect(heading).to_have_text(f"{best}, as user 1 would rate it")
    expect(field).to_have_value(best)
    assert page.locator(".options").locator("visible=true").count() == 0


def test_enter_waits_for_the_answer_and_says_so(visitor: Visitor) -> None:
    held: list[Route] = []
    page = visitor.open("/?user=1&movie=2858")
    heading = page.locator("#view-predict h3")
    expect(heading).to_contain_text("American Beauty")
    page.route(re.compile(r"/movies\?q="), lambda route: held.append(route))
    field = page.get_by_role("combobox", name="Movie", exact=True)
    field.fill("ca")
    wait_for(page, held, 1)
    field.fill("alien")
    field.press("Enter")
    wait_for(page, held, 2)
    expect(field).to_have_attribute("aria-busy", "true")
    # The answer to the older question comes first, and is no answer.
    assert [query(route) for route in held] == ["ca", "alien"]
    held[0].continue_()
    page.wait_for_timeout(200)
    expect(heading).to_contain_text("American Beauty")
    held[1].continue_()
    expect(heading).to_contain_text("Alien (1979)")
    expect(field).not_to_have_attribute("aria-busy", "true")


def test_leaving_the_field_or_typing_on_cancels_enter(visitor: Visitor) -> None:
    held: list[Route] = []
    page = visitor.open("/?user=1&movie=2858")
    heading = page.locator("#view-predict h3")
    expect(heading).to_contain_text("American Beauty")
    page.route(re.compile(r"/movies\?q="), lambda route: held.append(route))
    field = page.get_by_role("combobox", name="Movie", exact=True)
    for key in ("Tab", "s", "Escape"):
        held.clear()
        field.fill("alien")
        field.press("Enter")
        wait_for(page, held, 1)
        field.press(key)
        for route in held:
            route.continue_()
        page.wait_for_timeout(200)
        expect(heading).to_contain_text("American Beauty")


def test_random_user_that_comes_late_does_not_replace_the_one_typed(visitor: Visitor) -> None:
    held: list[Route] = []
    page = visitor.open("/?user=1&movie=2858")
    heading = page.locator("#view-predict h3")
    expect(heading).to_contain_text("as user 1 would")
    page.route(re.compile("order=random"), lambda route: held.append(route))
    page.get_by_role("button", name="Random").locator("visible=true").click()
    wait_for(page, held, 1)
    field = page.get_by_role("combobox", name="User").locator("visible=true")
    field.fill("41")
    field.press("Enter")
    expect(heading).to_contain_text("as user 41 would")
    held[0].continue_()
    page.wait_for_timeout(200)
    expect(heading).to_contain_text("as user 41 would")
    expect(field).to_have_value("41")


def test_example_that_comes_late_leaves_alone_what_is_typed(visitor: Visitor) -> None:
    held: list[Route] = []
    page = visitor.page
    page.route(re.compile("/users"), lambda route: held.append(route))
    visitor.open()
    wait_for(page, held, 1)
    field = page.get_by_role("combobox", name="Movie", exact=True)
    field.fill("alien")
    for route in held:
        route.continue_()
    expect(page.get_by_role("option").first).to_be_visible()
    expect(field).to_have_value("alien")


def test_title_that_comes_late_leaves_alone_what_is_typed(visitor: Visitor) -> None:
    held: list[Route] = []
    page = visitor.page
    page.route(re.compile(r"/movies\?q="), lambda route: held.append(route))
    visitor.open("/?user=1&movie=2858")
    wait_for(page, held, 1)
    field = page.get_by_role("combobox", name="Movie", exact=True)
    field.fill("ali")
    for route in held:
        route.continue_()
    expect(page.locator("#view-predict h3")).to_contain_text("American Beauty")
    expect(field).to_have_value("ali")


def wait_for(page: Page, held: list[Route], count: int) -> None:
    """Wait until `count` requests are held."""
    deadline = time.monotonic() + TIMEOUT
    while len(held) < count:
        assert time.monotonic() < deadline, len(held)
        page.wait_for_timeout(20)
