"""The page with slow responses, errors, phones, dark mode, keyboards and screen readers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped, unused-ignore]
from playwright.sync_api import Browser, Page, Route, expect

from tests.app.processes import running
from tests.conftest import REPOSITORY
from tests.web.browser import Visitor, visiting

VIEWS = {
    "predict": "/?user=1&movie=1193",
    "recommend": "/?view=recommend&user=1&without=movie_260",
    "compared": "/?view=recommend&user=1&compare=all",
    "cold": "/?user=999999&movie=1193",
    "new-user": "/?view=new-user&rated=1193:5,2858:4,480:2",
    "new-user-empty": "/?view=new-user",
    "models": "/?view=models",
    "evaluate": "/?view=evaluate",
}
PHONE = {"width": 360, "height": 740}


def settled(page: Page) -> None:
    """Wait until nothing is loading."""
    expect(page.locator(".loading")).to_have_count(0)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_timeout(50)


def open_view(visitor: Visitor, view: str) -> Page:
    page = visitor.open(VIEWS[view])
    if view == "evaluate":
        page.get_by_label("Or paste lines").fill("user,movie,rating\n1,1193,5\n1,661,2\n2,1193,3\n999999,1,4")
        page.get_by_role("button", name="Evaluate", exact=True).click()
        expect(page.get_by_role("table", name="Errors on your 4 ratings")).to_be_visible()
    settled(page)
    return page


@pytest.fixture(params=["light", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("dark", "phone"))])
def visitor_of_any_kind(request: pytest.FixtureRequest, browser: Browser, service: str) -> Iterator[Visitor]:
    context = {"viewport": PHONE} if request.param == "phone" else {"color_scheme": request.param}
    with visiting(browser, service, **context) as visitor:
        yield visitor
        assert (visitor.foreign_requests, visitor.console_errors) == ([], [])


@pytest.mark.parametrize(
    "view", ["predict", *(pytest.param(view, marks=pytest.mark.long) for view in VIEWS if view != "predict")]
)
def test_every_view_passes_the_accessibility_scan(visitor_of_any_kind: Visitor, view: str) -> None:
    page = open_view(visitor_of_any_kind, view)
    found = Axe().run(page).response["violations"]
    violations = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]
    assert violations == []


@pytest.mark.long
@pytest.mark.parametrize("view", VIEWS)
def test_no_view_is_wider_than_a_phone(browser: Browser, service: str, view: str) -> None:
    with visiting(browser, service, viewport={"width": 320, "height": 740}) as visitor:
        page = open_view(visitor, view)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.long
def test_theme_follows_the_system(browser: Browser, service: str) -> None:
    def ground(page: Page) -> int:
        colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3])

    with visiting(browser, service, color_scheme="dark") as visitor:
        page = open_view(visitor, "models")
        assert ground(page) < 150
        page.emulate_media(color_scheme="light")
        assert ground(page) > 600
        settled(page)


def test_tabs_work_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open()
    page.get_by_role("tab", name="Predict").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Recommend")).to_be_focused()
    expect(page.get_by_role("heading", name="Which movies would this user like?")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="Evaluate")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Predict")).to_be_focused()
    page.go_back()
    expect(page.get_by_role("heading", name="How accurate are the models")).to_be_visible()


@pytest.mark.long
def test_suggestions_report_no_match_and_close_on_escape(visitor: Visitor) -> None:
    page = visitor.open()
    field = page.get_by_role("combobox", name="Movie", exact=True)
    field.fill("zzzzz")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("Escape")
    expect(page.get_by_text("Nothing found")).not_to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "false")


def test_loading_is_announced(visitor: Visitor) -> None:
    waiting: list[Route] = []
    visitor.page.route(re.compile("/compare"), lambda route: waiting.append(route))
    page = visitor.open(VIEWS["predict"])
    expect(page.get_by_role("status").filter(has_text="Requesting predictions")).to_be_visible()
    expect(page.locator("#view-predict [data-result]")).to_have_attribute("aria-busy", "true")
    for route in waiting:
        route.continue_()
    expect(page.locator(".predictions")).to_be_visible()
    expect(page.locator("#view-predict [data-result]")).not_to_have_attribute("aria-busy", "true")
    settled(page)


def test_problem_of_the_service_is_shown_with_its_text(browser: Browser, service: str) -> None:
    with visiting(browser, service) as visitor:
        page = visitor.open("/?view=recommend&user=nobody")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The user has no training rating")
        expect(alert).to_contain_text("user 'nobody' has no training rating")
        assert all("404" in error for error in visitor.console_errors)


@pytest.mark.parametrize(
    ("view", "call"),
    [
        ("predict", "/compare"),
        *(
            pytest.param(view, call, marks=pytest.mark.long)
            for view, call in [
                ("recommend", "/recommend"),
                ("new-user", "/predict/new-user"),
                ("models", "/compare"),
                ("evaluate", "/compare"),
            ]
        ),
    ],
)
def test_error_is_shown_with_a_retry_button(browser: Browser, service: str, view: str, call: str) -> None:
    problem = {"title": "Stopping", "detail": "the service stops; send the request again", "status": 503}
    with visiting(browser, service) as visitor:
        page = visitor.page
        page.route(
            re.compile(f"{call}(\\?|$)"),
            lambda route: route.fulfill(
                status=503, content_type="application/problem+json", body=json.dumps(problem)
            ),
        )
        visitor.open(VIEWS[view])
        if view == "evaluate":
            page.get_by_label("Or paste lines").fill("user,movie,rating\n1,1193,5")
            page.get_by_role("button", name="Evaluate", exact=True).click()
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("send the request again")
        page.unroute_all()
        alert.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(
            page.locator(f"#view-{view} [data-result] :is(.predictions, .list, .cards, table)").first
        ).to_be_visible()


def test_unreachable_service_is_reported(browser: Browser, service: str) -> None:
    with visiting(browser, service) as visitor:
        page = visitor.open()
        expect(page.locator(".predictions")).to_be_visible()
        page.route(re.compile("/(compare|users)"), lambda route: route.abort())
        page.get_by_role("button", name="Random").first.click()
        expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached")


def test_api_description_makes_no_foreign_request(browser: Browser, service: str) -> None:
    with visiting(browser, service) as visitor:
        page = visitor.open("/docs")
        expect(page.get_by_text("/predict/new-user").first).to_be_visible()
        assert visitor.foreign_requests == []


def test_page_asks_once_for_an_api_key(browser: Browser) -> None:
    store, key = REPOSITORY / "models_store", "a-key-for-the-page-01"
    with (
        running(store, log_level="warning", api_keys=key) as server,
        visiting(browser, server.url) as visitor,
    ):
        page = visitor.open("/?user=1&movie=1193")
        dialog = page.get_by_role("dialog", name="API key")
        expect(dialog).to_be_visible()
        assert Axe().run(page).response["violations"] == []
        dialog.get_by_label("API key").fill("not-the-key-of-the-page")
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("This API key is not valid")
        dialog.get_by_label("API key").fill(key)
        dialog.get_by_role("button", name="Continue").click()
        expect(page.locator(".predictions li")).to_have_count(5)
        page.get_by_role("tab", name="Models").click()
        settled(page)
        page.reload()
        settled(page)
        expect(dialog).to_have_count(0)
        expect(page.locator(".problem")).to_have_count(0)


@pytest.mark.long
def test_cancelled_key_dialog_shows_the_problem(browser: Browser) -> None:
    store = REPOSITORY / "models_store"
    with (
        running(store, log_level="warning", api_keys="a-key-for-the-page-01") as server,
        visiting(browser, server.url) as visitor,
    ):
        page = visitor.open("/?view=models")
        expect(page.get_by_role("dialog", name="API key")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#view-models .problem")).to_contain_text("An API key is required")
