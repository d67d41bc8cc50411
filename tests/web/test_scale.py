"""The page speaks of the scale of the models' ratings: bars, choices and texts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.app.processes import running
from tests.app.test_rating_scale import store_of
from tests.web.browser import Visitor


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of ratings from 1 to 10, in place of the service of the shipped models."""
    with running(store_of(tmp_path_factory.mktemp("books"), books=3), log_level="warning") as server:
        yield server.url


def test_predictions_and_bars_are_on_the_scale(visitor: Visitor) -> None:
    page = visitor.open("/?user=4&movie=1")
    expect(page.get_by_text(re.compile("how a user would rate any movie, from 1 to 10."))).to_be_visible()
    given = page.locator(".given")
    # Three of nine steps above the lowest rating.
    expect(given).to_contain_text("4.00 of 10")
    share = given.locator(".bar").evaluate("bar => bar.style.getPropertyValue('--share')")
    assert float(share.removesuffix("%")) == pytest.approx(100 / 3)
    expect(page.locator(".predictions > li").last).to_contain_text(re.compile(r"\d\.\d\d of 10"))


def test_choices_of_a_new_user_are_the_steps_of_the_scale(visitor: Visitor) -> None:
    page = visitor.open("/?view=new-user&rated=1:8,2:10")
    stars = page.get_by_role("radiogroup", name=re.compile("^Rating of")).first
    expect(stars.get_by_role("radio", checked=True)).to_have_value("8")
    radios = stars.get_by_role("radio").all()
    assert [one.input_value() for one in radios] == [str(rating) for rating in range(1, 11)]
    expect(page.locator("[data-result] li").first).to_contain_text("of 10")


def test_store_without_titles_has_its_own_words(visitor: Visitor) -> None:
    page = visitor.open("/?view=new-user")
    expect(
        page.get_by_text("The models here know no titles, so movies are shown by their ids.")
    ).to_be_visible()
    expect(page.get_by_role("radiogroup", name=re.compile("^Rating of")).first).to_be_visible()


def test_evaluation_takes_the_ratings_of_the_scale(visitor: Visitor) -> None:
    page = visitor.open("/?view=evaluate")
    page.get_by_label("Or paste lines").fill("user,book,rating\n1,11,10\n2,12,7\n3,13,11\n")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    expect(page.get_by_label("Highest rating")).to_have_value("10")
    page.get_by_role("button", name="Evaluate with these columns").click()
    expect(page.get_by_text("1 row: the rating is off the scale 1 to 10 (line 4: “11”).")).to_be_visible()
    page.get_by_role("button", name="Evaluate the other 2").click()
    expect(page.get_by_role("columnheader", name="RMSE / width")).to_be_visible()
    expect(page.get_by_text("converted linearly")).to_have_count(0)


def test_scale_of_many_steps_has_a_list_in_place_of_stars(visitor: Visitor) -> None:
    def on_another_scale(route: Route) -> None:
        html = route.fetch().text()
        html = html.replace(
            'data-low="1" data-high="10" data-step="1"', 'data-low="-10" data-high="10" data-step="0.5"'
        )
        route.fulfill(body=html, content_type="text/html")

    movie: dict[str, object] = {"movie_id": "movie_1", "title": None, "genres": [], "rating": -2.5}
    answer = {"model": "books", "predictions": [], "items": [movie]}
    visitor.page.route(re.compile(r"/\?view"), on_another_scale)
    visitor.page.route(re.compile("/predict/new-user"), lambda route: route.fulfill(json=answer))
    page = visitor.open("/?view=new-user")
    field = page.get_by_role("combobox", name=re.compile("^Rating of")).first
    expect(field.locator("option")).to_have_count(1 + 41)
    expect(page.get_by_role("radiogroup")).to_have_count(0)
    field.select_option("-7.5")
    expect(page.locator("#view-new-user .list > li")).to_contain_text("-2.50 on -10 to 10")
    expect(page.locator("#view-new-user .gauge")).to_have_count(0)
    assert page.url.endswith(":-7.5")
