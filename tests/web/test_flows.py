"""The flows of the page, each tested in a browser."""

from __future__ import annotations

import csv
import io
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.browser import TIMEOUT, Visitor


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true; the policy of the page forbids the `eval` of `wait_for_function`."""
    deadline = time.monotonic() + TIMEOUT
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


MODELS = 2  # at least; the store may have more


def choose(page: Page, label: str, text: str, option: str) -> None:
    """Type into a combobox, and select a suggestion by keyboard."""
    field = page.get_by_role("combobox", name=label, exact=True).locator("visible=true")
    field.fill(text)
    options = page.get_by_role("option").locator("visible=true")
    expect(options.filter(has_text=option).first).to_be_visible()
    place = next(i for i, found in enumerate(options.all_inner_texts()) if option in found)
    for _ in range(place + 1):
        field.press("ArrowDown")
    field.press("Enter")


def test_predict_works_by_keyboard_and_finds_titles_without_accents(visitor: Visitor) -> None:
    page = visitor.open()
    expect(page.get_by_text("Choose a user and one of the movies.")).to_be_visible()
    choose(page, "User", "41", "user_41")
    expect(page.get_by_text("Now choose the movie.")).to_be_visible()
    choose(page, "Movie", "miserables 1995", "Misérables, Les (1995)")
    result = page.locator("#view-predict [data-result]")
    expect(result.get_by_role("heading")).to_have_text("Misérables, Les (1995), as user_41 would rate it")
    expect(result.get_by_text(re.compile(r"Spread \d\.\d\d"))).to_be_visible()
    expect(result.get_by_text("User and movie are in the training data")).to_be_visible()
    assert result.locator(".predictions > li").count() >= MODELS
    assert re.search(r"\?user=user_41&movie=movie_73$", page.url)
    page.reload()
    expect(result.get_by_role("heading")).to_have_text("Misérables, Les (1995), as user_41 would rate it")


@pytest.mark.long
def test_predict_follows_the_address_and_the_history(visitor: Visitor) -> None:
    page = visitor.open("/?user=1&movie=1193")
    heading = page.locator("#view-predict [data-result] h3")
    expect(heading).to_have_text("One Flew Over the Cuckoo's Nest (1975), as user 1 would rate it")
    page.get_by_role("button", name="Random").locator("visible=true").click()
    expect(heading).to_contain_text(", as user_")
    page.go_back()
    expect(heading).to_contain_text("as user 1 would")
    expect(page.get_by_role("combobox", name="User").first).to_have_value("1")


def test_cold_pair_is_marked(visitor: Visitor) -> None:
    page = visitor.open("/?user=999999&movie=1193")
    expect(page.get_by_text("Cold pair: estimated from averages")).to_be_visible()
    expect(page.get_by_text("Unknown user").first).to_be_visible()


@pytest.mark.long
def test_movie_number_in_the_address_selects_that_movie(visitor: Visitor) -> None:
    page = visitor.open("/?user=1&movie=1")
    expect(page.locator("#view-predict h3")).to_have_text("Toy Story (1995), as user 1 would rate it")


def test_title_with_markup_is_shown_as_text(visitor: Visitor) -> None:
    title = "<img src=x onerror='throw 1'> \"quoted\" & </h3>"

    def answer(route: Route) -> None:
        route.fulfill(json={"items": [{"movie_id": "movie_1193", "title": title, "genres": ["<b>"]}]})

    visitor.page.route(re.compile("/movies"), answer)
    page = visitor.open("/?user=1&movie=1193")
    expect(page.locator("#view-predict h3")).to_have_text(f"{title}, as user 1 would rate it")
    field = page.get_by_role("combobox", name="Movie", exact=True)
    field.fill("quoted")
    expect(page.get_by_role("option", name=title)).to_be_visible()
    assert page.locator("main img").count() == 0


@pytest.mark.long
def test_link_to_new_user_works_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open()
    page.get_by_role("button", name="Become a new user").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="New user")).to_be_focused()
    expect(page.get_by_text("Rate at least one movie")).to_be_visible()


@pytest.mark.long
def test_invalid_ratings_in_the_address_are_ignored(visitor: Visitor) -> None:
    page = visitor.open("/?view=new-user&rated=1193:5,1193:3,480:9,661:x,2858,:4,2028:4.5")
    stars = page.get_by_role("combobox", name=re.compile("^Rating of"))
    expect(stars).to_have_count(2)
    assert [one.input_value() for one in stars.all()] == ["3", "4.5"]
    expect(page.locator("#view-new-user .columns > section").first.locator("li")).to_have_count(10)


def test_recommend_shows_models_side_by_side_and_excludes_movies(visitor: Visitor) -> None:
    page = visitor.open("/?view=recommend&user=1")
    columns = page.locator("#view-recommend .columns > section")
    expect(columns.first.locator("li")).to_have_count(10)
    assert columns.count() >= MODELS
    expect(page.get_by_text("in every list")).to_be_visible()
    best = columns.first.locator("li").first.locator("span > span").first.inner_text()
    choose(page, "Exclude (optional)", best, best)
    expect(page.get_by_role("button", name=f"Stop excluding {best}")).to_be_visible()
    expect(columns.first).not_to_contain_text(best)
    assert "without=movie_" in page.url
    page.get_by_label("How many").select_option("5")
    expect(columns.first.locator("li")).to_have_count(5)
    page.get_by_role("button", name=f"Stop excluding {best}").click()
    expect(columns.first).to_contain_text(best)


@pytest.mark.long
def test_excluded_movies_in_the_address_get_their_titles(visitor: Visitor) -> None:
    page = visitor.open("/?view=recommend&user=1&without=1,movie_260,nothing")
    chips = page.get_by_role("list", name="Excluded").get_by_role("button")
    expect(chips).to_have_text(["Toy Story (1995) ✕", re.compile("^Star Wars: Episode IV"), "nothing ✕"])
    chips.first.click()
    assert re.search("without=movie_260,nothing$", page.url)


def test_new_user_gets_predictions_from_a_few_ratings(visitor: Visitor) -> None:
    page = visitor.open()
    page.get_by_role("tab", name="New user").click()
    expect(page.get_by_text("Rate at least one movie")).to_be_visible()
    page.get_by_label("Or rate one of these:").get_by_role("button").first.click()
    columns = page.locator("#view-new-user .columns > section")
    expect(columns.first.locator("li")).to_have_count(10)
    choose(page, "Movie you know", "toy story 2", "Toy Story 2 (1999)")
    stars = page.get_by_label("Rating of Toy Story 2 (1999)")
    expect(stars).to_have_value("4")
    before = columns.first.inner_text()
    stars.select_option("0.5")
    expect(columns.first).not_to_have_text(before, use_inner_text=True)
    choose(page, "And what about", "casablanca", "Casablanca (1942)")
    expect(page.locator("[data-other-result] .predictions > li").first).to_contain_text("of 5")
    address = page.url
    assert re.search(r"rated=movie_\d+:4,movie_3114:0\.5$", address)
    page.goto("about:blank")
    page.goto(address)
    expect(page.get_by_label("Rating of Toy Story 2 (1999)")).to_have_value("0.5")
    page.get_by_role("button", name="Remove Toy Story 2 (1999)").click()
    expect(page.get_by_label("Rating of Toy Story 2 (1999)")).to_have_count(0)


def test_models_are_shown_as_table_charts_and_csv(visitor: Visitor) -> None:
    page = visitor.open("/?view=models")
    table = page.get_by_role("table", name=re.compile("All models on"))
    expect(table).to_be_visible()
    assert table.locator("tbody tr").count() >= MODELS
    figures = page.locator("#view-models figure")
    names = ["Error against bytes", "Memory", "Error", "Scoring time", "Learning curves"]
    expect(figures.locator("figcaption")).to_contain_text(names)
    for name in names:
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Download {name} as CSV", exact=True).click()
        rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text())))
        assert len(rows) > MODELS and rows[0][0] == "Model"
    by_error = page.locator("figure", has=page.locator("figcaption", has_text="Error against bytes"))
    by_error.locator("summary").click()
    points = by_error.locator("tbody tr").all()
    joined = {point.locator("th").inner_text(): point.locator("td").last.inner_text() for point in points}
    # `memory_efficient` is dominated by other models, `tiny` and `accurate` are not.
    assert joined["memory_efficient"] == "no" and joined["tiny"] == joined["accurate"] == "yes"
    page.locator("summary").filter(has_text="Memory").click()
    expect(page.get_by_role("table", name="Memory")).to_be_visible()


@pytest.mark.long
def test_chart_shows_values_on_hover(visitor: Visitor) -> None:
    page = visitor.open("/?view=models")
    caption = page.locator("figcaption", has_text=re.compile("^Memory"))
    chart = page.locator("figure", has=caption).locator("canvas")
    chart.scroll_into_view_if_needed()
    until(page, "globalThis.Chart && Object.keys(Chart.instances).length > 4")
    before = chart.screenshot()
    box = chart.bounding_box()
    assert box is not None
    chart.hover(position={"x": box["width"] / 3, "y": box["height"] / 3})
    until(
        page,
        "Object.values(Chart.instances).some(chart => chart.tooltip?.opacity > 0"
        " && / (KB|MB|B)$/.test(chart.tooltip.body[0].lines[0]))",
    )
    assert chart.screenshot() != before


@pytest.mark.long
def test_popularity_chart_shows_the_blocks_of_the_artefact(visitor: Visitor) -> None:
    def with_popularity(route: Route) -> None:
        body = route.fetch().json()
        ranges = [(1, 1, 2900), (2, 10, 20_000), (11, 400, 400_000), (401, 3706, 420_000)]
        for model in body["models"]:
            model["popularity"] = {
                "movie_ratings": [
                    dict(zip(("first", "last", "ratings"), one, strict=True)) for one in ranges
                ],
                "movie_blocks": [400, 3306] if model["name"] == "memory_efficient" else None,
            }
        route.fulfill(json=body)

    visitor.page.route(re.compile("/models$"), with_popularity)
    page = visitor.open("/?view=models")
    figure = page.locator("figure").filter(has=page.locator("figcaption", has_text="Popularity"))
    expect(figure).to_contain_text("the blocks of memory_efficient")
    figure.locator("summary").click()
    rows = figure.locator("tbody tr")
    expect(rows).to_have_count(4)
    assert rows.nth(2).locator("th, td").all_inner_texts() == ["11–400", "1025.6", ""]
