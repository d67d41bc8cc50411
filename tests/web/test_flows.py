"""The flows of the page, each tested in a browser."""

from __future__ import annotations

import csv
import io
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.web.browser import TIMEOUT, Visitor, visiting


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
    result = page.locator("#view-predict [data-result]")
    expect(result.get_by_text("An example: the user with the most ratings")).to_be_visible()
    choose(page, "User", "41", "user_41")
    expect(result.get_by_role("heading", level=3)).to_contain_text("as user 41 would rate it")
    expect(result.get_by_text("An example")).to_have_count(0)
    choose(page, "Movie", "miserables 1995", "Misérables, Les (1995)")
    expect(result.get_by_role("heading", level=3)).to_have_text(
        "Misérables, Les (1995), as user 41 would rate it"
    )
    expect(result.get_by_text(re.compile(r"They differ by up to \d\.\d\d\."))).to_be_visible()
    assert result.locator(".predictions > li").count() >= MODELS
    assert re.search(r"\?user=user_41&movie=movie_73$", page.url)
    page.reload()
    expect(result.get_by_role("heading", level=3)).to_have_text(
        "Misérables, Les (1995), as user 41 would rate it"
    )


def test_predict_shows_how_sure_each_model_is(visitor: Visitor) -> None:
    page = visitor.open("/?user=1&movie=1193")
    result = page.locator("#view-predict [data-result]")
    expect(result.locator(".note").first).to_have_text(
        "Most likely 4 or 5, with a probability of 91 %. 80 % interval (the line in the bar): 4 to 5."
    )
    answer = page.request.get(f"{visitor.url}/compare?user_id=1&movie_id=1193&interval=0.8").json()
    expected = {f"{one['low']:g} to {one['high']:g}" for one in answer["predictions"]}
    lines = result.locator(".predictions .interval")
    expect(lines).to_have_count(len(answer["predictions"]))
    assert {line.get_attribute("title") for line in lines.all()} == expected
    # A user without training ratings gets a wider one.
    page = visitor.open("/?user=nobody&movie=1193")
    expect(result.locator(".note").first).to_contain_text("80 % interval")


@pytest.mark.long
def test_predict_follows_the_address_and_the_history(visitor: Visitor) -> None:
    page = visitor.open("/?user=1&movie=1193")
    heading = page.locator("#view-predict [data-result] h3")
    expect(heading).to_have_text("One Flew Over the Cuckoo's Nest (1975), as user 1 would rate it")
    page.get_by_role("button", name="Random").locator("visible=true").click()
    expect(heading).not_to_contain_text("as user 1 would")
    page.go_back()
    expect(heading).to_contain_text("as user 1 would")
    expect(page.get_by_role("combobox", name="User").first).to_have_value("1")


def test_page_opens_with_an_answer_and_says_what_it_is(visitor: Visitor) -> None:
    page = visitor.open()
    answer = page.locator("#view-predict .answer")
    expect(answer.locator(".figure")).to_have_text(re.compile(r"^\d\.\d\d of 5$"))
    expect(answer.locator(".sentence")).to_contain_text("The model compact predicts that user 4169 would")
    expect(answer.locator(".sentence")).to_contain_text(
        "off by 0.65 on average, as measured on 150,226 ratings"
    )
    # The default model comes first, then the others from the most accurate to the least.
    names = answer.locator(".predictions .name").all_inner_texts()
    assert [name.split()[0] for name in names] == [
        "compact",
        "accurate",
        "tiny",
        "baseline",
        "memory_efficient",
    ]
    assert "default" in names[0] and page.url.endswith("/")
    page.get_by_role("link", name="What else would user 4169 like?").click()
    expect(page.get_by_role("tab", name="Recommend")).to_be_focused()
    expect(page.locator("#view-recommend .list > li")).to_have_count(10)
    page.get_by_role("tab", name="Predict").click()
    expect(answer.get_by_text("An example")).to_be_visible()


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        (
            "user=999999&movie=1193",
            "User 999999 has no rating in the training data, so this is only what an average user",
        ),
        (
            "user=1&movie=nothing",
            "nothing has no rating in the training data, so this is only what user 1 gives an average",
        ),
        ("user=999999&movie=nothing", "Neither user 999999 nor nothing has a rating in the training data"),
    ],
)
def test_cold_pair_has_one_sentence_and_one_number(visitor: Visitor, pair: str, sentence: str) -> None:
    page = visitor.open(f"/?{pair}")
    answer = page.locator("#view-predict .answer")
    expect(answer.locator(".sentence")).to_contain_text(sentence)
    expect(answer.locator(".rating")).to_have_count(1)
    expect(page.get_by_role("link", name=re.compile("^What else"))).to_have_count(int("user=1" in pair))


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


def test_link_to_new_user_works_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open()
    page.get_by_role("link", name="Rate a few movies yourself").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="New user")).to_be_focused()
    expect(page.get_by_text("Rate at least one movie")).to_be_visible()


@pytest.mark.long
def test_invalid_ratings_in_the_address_are_ignored(visitor: Visitor) -> None:
    page = visitor.open("/?view=new-user&rated=1193:5,1193:3,480:9,661:x,2858,:4,2028:4.5")
    chosen = page.get_by_role("radio", checked=True)
    expect(chosen).to_have_count(2)
    assert [one.input_value() for one in chosen.all()] == ["3", "4.5"]
    expect(page.locator("#view-new-user .list > li")).to_have_count(10)


def test_recommend_shows_what_is_likely_until_ratings_are_wanted(visitor: Visitor) -> None:
    page = visitor.open("/?view=recommend&user=1")
    answer = page.request.get(f"{visitor.url}/recommend?user_id=1&rank_by=likely").json()
    likely = next(movie["title"] for movie in answer["items"] if movie["title"])
    result, order = page.locator("#view-recommend [data-result]"), page.locator("#recommend-order")
    expect(result.locator(".sentence")).to_have_text(
        "What user 1 is likely to choose and like, as predicted by compact."
    )
    expect(result.locator("li").first).to_contain_text(likely)
    order.select_option("Predicted rating")
    expect(result.locator(".sentence")).to_contain_text("What user 1 would rate highest")
    expect(result.locator("li").first).to_contain_text("Schindler's List (1993)")
    assert page.url.endswith("&order=rating")
    page.go_back()
    expect(order).to_have_value("likely")
    expect(result.locator("li").first).to_contain_text(likely)
    # Models are compared by their ratings.
    page.get_by_role("button", name="Compare 5 models").click()
    expect(order).to_be_hidden()
    expect(result.locator("section.card").first).to_contain_text("Schindler's List (1993)")


def test_new_user_is_shown_what_is_likely_until_ratings_are_wanted(visitor: Visitor) -> None:
    page = visitor.open("/?view=new-user&rated=movie_260:5,movie_1196:5")
    result = page.locator("#view-new-user [data-result]")
    expect(result.locator(".sentence")).to_contain_text("What you would choose and like")
    expect(result.locator("li").first).to_contain_text("Star Wars: Episode VI")
    page.locator("#new-user-order").select_option("rating")
    expect(result.locator(".sentence")).to_contain_text("What you would rate highest")
    assert page.url.endswith("&order=rating")


def test_recommend_shows_the_default_model_and_compares_on_request(visitor: Visitor) -> None:
    page = visitor.open("/?view=recommend&user=1&order=rating")
    lists = page.locator("#view-recommend section.card")
    expect(lists.locator("li")).to_have_count(10)
    expect(lists.get_by_role("heading")).to_have_text("compact default")
    first = lists.locator("li").first
    expect(first).to_contain_text("Schindler's List (1993)Drama, War4.65 of 5")
    compare = page.get_by_role("button", name="Compare 5 models")
    expect(compare).to_have_attribute("aria-expanded", "false")
    compare.focus()
    page.keyboard.press("Enter")
    expect(lists).to_have_count(5)
    names = lists.get_by_role("heading").all_inner_texts()
    assert names == ["compact default", "accurate", "tiny", "baseline", "memory_efficient"]
    expect(page.get_by_text("in every list.")).to_be_visible()
    assert page.url.endswith("&compare=all")
    only = page.get_by_role("button", name="Show compact only")
    expect(only).to_be_focused()
    page.keyboard.press("Enter")
    expect(lists).to_have_count(1)
    page.go_back()
    expect(lists).to_have_count(5)


def test_nothing_is_cut_off_on_a_phone_when_models_are_compared(browser: Browser, service: str) -> None:
    with visiting(browser, service, viewport={"width": 390, "height": 844}) as visitor:
        page = visitor.open("/?view=recommend&user=1&compare=all")
        lists = page.locator("#view-recommend section.card")
        expect(lists).to_have_count(5)
        boxes = [box for one in lists.all() if (box := one.bounding_box())]
        assert len(boxes) == 5 and all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_recommend_excludes_movies(visitor: Visitor) -> None:
    page = visitor.open("/?view=recommend&user=1")
    column = page.locator("#view-recommend section.card").first
    expect(column.locator("li")).to_have_count(10)
    best = column.locator("li").first.locator("span > span").first.inner_text()
    choose(page, "Exclude (optional)", best, best)
    expect(page.get_by_role("button", name=f"Stop excluding {best}")).to_be_visible()
    expect(column).not_to_contain_text(best)
    assert "without=movie_" in page.url
    page.get_by_label("How many").select_option("5")
    expect(column.locator("li")).to_have_count(5)
    page.get_by_role("button", name=f"Stop excluding {best}").click()
    expect(column).to_contain_text(best)


def test_movies_without_a_title_are_left_out_until_they_are_wanted(visitor: Visitor) -> None:
    # A movie that the shipped models rate highly, and whose title is unknown.
    page = visitor.page
    answer = page.request.get(f"{visitor.url}/recommend?user_id=1&n=50&model=memory_efficient").json()
    bare = [movie["movie_id"] for movie in answer["items"] if movie["title"] is None]
    assert bare
    page = visitor.open("/?view=recommend&user=1&n=50&compare=all")
    column = page.get_by_role("region", name="memory_efficient", exact=True)
    expect(column.locator("li")).to_have_count(50)
    expect(column).not_to_contain_text(re.compile(r"movie_\d"))
    field = page.get_by_role("combobox", name="Exclude (optional)")
    field.fill(bare[0].removeprefix("movie_")[:3])
    expect(page.get_by_role("option").locator("visible=true").first).to_be_visible()
    expect(page.get_by_role("option", name=bare[0], exact=True)).to_have_count(0)
    # A whole id finds the movie in any case.
    field.fill(bare[0])
    expect(page.get_by_role("option", name=bare[0], exact=True)).to_be_visible()
    field.press("Escape")
    page.get_by_role("button", name="Show them").click()
    expect(page.get_by_label("Show movies without a title")).to_be_checked()
    expect(column).to_contain_text(bare[0])
    assert page.url.endswith("&untitled=show")


@pytest.mark.long
def test_excluded_movies_in_the_address_get_their_titles(visitor: Visitor) -> None:
    page = visitor.open("/?view=recommend&user=1&without=1,movie_260,nothing")
    chips = page.get_by_role("list", name="Excluded").get_by_role("button")
    expect(chips).to_have_text(["Toy Story (1995) ✕", re.compile("^Star Wars: Episode IV"), "nothing ✕"])
    chips.first.click()
    assert re.search("without=movie_260,nothing$", page.url)


def test_new_user_rates_by_stars_and_the_list_changes(visitor: Visitor) -> None:
    page = visitor.open()
    page.get_by_role("tab", name="New user").click()
    expect(page.get_by_text("Rate at least one movie")).to_be_visible()
    fields = page.get_by_role("radiogroup", name=re.compile("^Rating of"))
    expect(fields).to_have_count(12)
    fields.first.get_by_role("radio", name="4 of 5").click()
    column = page.locator("#view-new-user section.card")
    expect(column.locator("li")).to_have_count(10)
    choose(page, "Find a movie you know", "toy story 2", "Toy Story 2 (1999)")
    expect(fields).to_have_count(13)
    stars = page.get_by_role("radiogroup", name="Rating of Toy Story 2 (1999)")
    expect(stars.get_by_role("radio").first).to_be_focused()
    before = column.inner_text()
    # By keyboard: arrows choose within the group, and the list follows.
    page.keyboard.press("ArrowRight")
    expect(stars.get_by_role("radio", name="0.5 of 5")).to_be_checked()
    expect(stars.get_by_role("radio", name="0.5 of 5")).to_be_focused()
    expect(column).not_to_have_text(before, use_inner_text=True)
    choose(page, "And what about", "casablanca", "Casablanca (1942)")
    expect(page.locator("[data-other-result] .figure")).to_contain_text("of 5")
    address = page.url
    assert re.search(r"rated=movie_3114:0\.5,movie_\d+:4$", address)
    page.goto("about:blank")
    page.goto(address)
    expect(stars.get_by_role("radio", name="0.5 of 5")).to_be_checked()
    expect(fields).to_have_count(14)
    page.get_by_role("button", name="More movies").click()
    expect(fields).to_have_count(26)
    page.get_by_role("button", name="Remove the rating of Toy Story 2 (1999)").click()
    expect(stars.get_by_role("radio", checked=True)).to_have_count(0)
    assert "3114" not in page.url


def test_only_the_newest_ratings_of_a_new_user_count(visitor: Visitor) -> None:
    visitor.page.clock.install(time=0)
    page = visitor.open("/?view=new-user")
    fields = page.get_by_role("radiogroup", name=re.compile("^Rating of"))
    expect(fields).to_have_count(12)
    answers: list[Route] = []
    page.route("**/predict/new-user", lambda route: answers.append(route))

    def rate(field: Locator, *stars: int) -> None:
        """Click stars, a tenth of a second apart by the clock of the page, and wait."""
        for many in stars:
            field.get_by_role("radio", name=f"{many} of 5", exact=True).click()
            page.clock.run_for(100)
        with page.expect_request("**/predict/new-user"):
            page.clock.run_for(1000)

    # A time that the page has not reached yet.
    page.clock.pause_at(24 * 3600)
    rate(fields.first, 1, 2, 3)
    rate(fields.nth(1), 5)
    deadline = time.monotonic() + TIMEOUT
    while len(answers) < 2:
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
    # Ratings in quick succession are one request. The older answer comes last, and is dropped.
    older, newest = answers
    for route, title in ((newest, "The newest"), (older, "An older one")):
        movie = {"movie_id": "movie_1", "title": title, "genres": [], "rating": 4.0}
        with page.expect_request_finished():
            route.fulfill(json={"model": "compact", "predictions": [], "items": [movie]})
        page.clock.run_for(1000)
        expect(page.locator("#view-new-user [data-result] .list")).to_contain_text("The newest")


def test_button_leads_from_the_stars_to_the_list_on_a_phone(browser: Browser, service: str) -> None:
    with visiting(browser, service, viewport={"width": 390, "height": 844}) as visitor:
        page = visitor.open("/?view=new-user")
        button = page.get_by_role("button", name="See the list")
        fields = page.get_by_role("radiogroup", name=re.compile("^Rating of"))
        expect(fields).to_have_count(4)
        expect(button).to_have_count(0)
        fields.first.get_by_role("radio", name="5 of 5", exact=True).click()
        best = page.locator("#view-new-user .list > li").first
        expect(best).not_to_be_in_viewport()
        expect(button).to_be_in_viewport()
        title = best.locator("span > span").first.inner_text()
        expect(button).to_contain_text(f"For you: {title}")
        button.click()
        expect(best).to_be_in_viewport()
        expect(page.locator("#view-new-user [data-result]")).to_be_focused()
        # The button follows the list: without ratings there is neither.
        page.get_by_role("button", name=re.compile("^Remove the rating of")).locator("visible=true").click()
        expect(button).to_have_count(0)
        page.set_viewport_size({"width": 1280, "height": 900})
        fields.first.get_by_role("radio", name="4 of 5", exact=True).click()
        expect(best).to_be_visible()
        expect(button).to_have_count(0)


def test_three_figures_fill_two_columns_on_a_tablet(browser: Browser, service: str) -> None:
    with visiting(browser, service, viewport={"width": 768, "height": 1024}) as visitor:
        page = visitor.open("/?view=models")
        figures = page.locator(".bars > figure")
        expect(figures).to_have_count(3)
        error, memory, time = (box for one in figures.all() if (box := one.bounding_box()))
        assert memory["y"] == time["y"] > error["y"] + error["height"]
        assert error["width"] == pytest.approx(time["x"] + time["width"] - memory["x"], abs=1)


def test_models_are_shown_as_table_charts_and_csv(visitor: Visitor) -> None:
    page = visitor.open("/?view=models")
    table = page.get_by_role("table", name=re.compile("All models on"))
    expect(table).to_be_visible()
    assert table.locator("tbody tr").count() >= MODELS
    figures = page.locator("#view-models figure")
    names = ["Error", "Memory", "Scoring time", "Error against bytes", "Learning curves"]
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


def test_models_are_ordered_by_error_and_the_best_of_every_column_is_marked(visitor: Visitor) -> None:
    page = visitor.open("/?view=models")
    table = page.get_by_role("table", name=re.compile("All models on ml-1m"))
    expect(table.locator("tbody tr")).to_have_count(5)
    order = ["accurate", "compact default", "tiny", "baseline", "memory_efficient"]
    assert table.locator("tbody th").all_inner_texts() == order
    assert page.locator(".cards h3").all_inner_texts() == order
    marked = [len(row.locator(".best").all()) for row in table.locator("tbody tr").all()]
    # All have the same ranking, so that no size and no nDCG of it is the best.
    assert sum(marked) >= table.locator("thead th").count() - 3
    # A sentence for each figure, also that memory_efficient is no better than biases.
    card = page.get_by_role("region", name="compact", exact=True)
    expect(card).to_contain_text("A prediction is off by 0.65 on average.")
    expect(card).to_contain_text("Its weights take 38.0 KB, 66 times smaller than those of baseline.")
    expect(page.locator(".cards .warning")).to_have_count(1)


def rows_of(table: Locator) -> list[list[str]]:
    """The texts of a table, row by row, its heads first."""
    return [row.locator("th, td").all_inner_texts() for row in table.locator("tr").all()]


def test_models_show_what_takes_their_bytes(visitor: Visitor) -> None:
    page = visitor.open("/?view=models")
    table = page.get_by_role("table", name="Bytes by purpose: weights are 30 % of those of compact")
    expect(table.locator("tbody tr")).to_have_count(5)
    heads, *rows = rows_of(table)
    # The shipped models have no features and no ratings.
    assert heads == ["Model", "Weights", "Ids", "Uncertainty", "Ranking", "File", "Resident"]
    memory = page.request.get(f"{visitor.url}/models/compact").json()["memory"]
    fields = [memory[f"{name}_bytes"] for name in ("weights", "vocabulary", "uncertainty", "ranking", "file")]
    compact = next(row for row in rows if row[0].startswith("compact"))
    assert compact[1:-1] == [
        f"{one / 1e3:.{2 if one < 1e4 else 1 if one < 1e5 else 0}f} KB" for one in fields
    ]
    share = "0.013 % of the test ratings of ml-1m have a user or movie without training ratings."
    expect(page.locator("#view-models .note").filter(has_text=share)).to_be_visible()


def test_models_show_the_errors_of_cold_ratings(browser: Browser, rated_service: str) -> None:
    with visiting(browser, rated_service) as visitor:
        page = visitor.open("/?view=models")
        table = page.get_by_role("table", name=re.compile("^24 % of the test ratings of .* without training"))
        expect(table).to_be_visible()
        heads, *rows = rows_of(table)
        accuracy = page.request.get(f"{rated_service}/models/baseline").json()["accuracy"]
        parts = accuracy["parts"]
        shares = [f"{100 * part['rows'] / accuracy['test_rows']:.2g} %" for part in parts]
        names = ("Warm", "Cold user", "Cold movie", "Both cold")
        assert heads[1:] == [f"{name} ({share})" for name, share in zip(names, shares, strict=True)]
        by_name = {row[0].split()[0]: row[1:] for row in rows}
        assert by_name["baseline"] == [f"{part['mse']:.4f}" for part in parts]
        assert by_name["Biases"] == [f"{part['biases_only_mse']:.4f}" for part in parts]
        assert by_name["Mean"] == [f"{part['global_mean_mse']:.4f}" for part in parts]
        assert visitor.console_errors == []


def test_lengths_of_bars_are_proportional(visitor: Visitor) -> None:
    page = visitor.open("/?view=models")

    def shares(title: str) -> dict[str, float]:
        figure = page.locator("figure", has=page.locator("figcaption", has_text=re.compile(f"^{title}")))
        figure = figure.filter(has=page.locator(".lengths"))
        expect(figure.locator(".lengths > li")).to_have_count(5)
        return {
            row.locator(".name").inner_text().split()[0]: float(
                row.locator(".bar").evaluate("bar => parseFloat(bar.style.getPropertyValue('--share'))")
            )
            for row in figure.locator(".lengths > li").all()
        }

    memory = shares("Memory")
    assert memory["baseline"] == 100 and memory["compact"] == pytest.approx(
        100 * 37_983 / 2_494_976, rel=0.01
    )
    # From the error of the global mean down to the lowest.
    error = shares("Error")
    accuracy = {
        model["name"]: model["accuracy"]
        for model in page.request.get(f"{visitor.url}/models").json()["models"]
    }
    removed = {name: one["global_mean_mse"] - one["mse"] for name, one in accuracy.items()}
    ratio = removed["memory_efficient"] / removed["accurate"]
    assert error["memory_efficient"] / error["accurate"] == pytest.approx(ratio, abs=0.002)
    biases = accuracy["accurate"]["biases_only_mse"]
    expect(page.get_by_text(f"User and movie biases alone: MSE {biases:.3f}")).to_be_visible()


def test_scoring_time_is_that_of_a_request_for_one_pair(visitor: Visitor) -> None:
    page = visitor.open("/?view=models")
    card = page.get_by_role("region", name="compact", exact=True)
    times = page.request.get(f"{visitor.url}/compare").json()["models"]
    compact = next(model for model in times if model["name"] == "compact")
    expect(card).to_contain_text(f"To rate one pair takes {compact['microseconds_single']:.1f} µs.")


@pytest.mark.parametrize("width", [390, pytest.param(768, marks=pytest.mark.long)])
def test_tables_scroll_in_their_own_box(browser: Browser, service: str, width: int) -> None:
    with visiting(browser, service, viewport={"width": width, "height": 900}) as visitor:
        page = visitor.open("/?view=models")
        box = page.get_by_role("region", name=re.compile("All models on"))
        expect(box).to_be_visible()
        assert box.evaluate("box => box.scrollWidth > box.clientWidth")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.long
def test_chart_shows_values_on_hover(visitor: Visitor) -> None:
    page = visitor.open("/?view=models")
    caption = page.locator("figcaption", has_text="Error against bytes")
    chart = page.locator("figure", has=caption).locator("canvas")
    chart.scroll_into_view_if_needed()
    until(page, "globalThis.Chart && Object.keys(Chart.instances).length > 1")
    before = chart.screenshot()
    box = chart.bounding_box()
    assert box is not None
    chart.hover(position={"x": box["width"] / 3, "y": box["height"] / 2})
    until(
        page,
        "Object.values(Chart.instances).some(chart => chart.tooltip?.opacity > 0"
        " && / (KB|MB), 0\\.\\d+$/.test(chart.tooltip.body[0].lines[0]))",
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
