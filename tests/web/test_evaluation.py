"""The Evaluate view: which ratings it evaluates, and what it asks before."""

import csv
import json
import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped, unused-ignore]
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect

from tests.app.processes import running
from tests.conftest import REPOSITORY
from tests.web.browser import Visitor, visiting
from tests.web.test_states import settled

MOVIES = (1193, 661, 2858, 1)
LINES = "userId,movieId,rating\n" + "\n".join(
    f"{user},{movie},{1 + (user * movie) % 9 / 2}" for user in range(1, 12) for movie in MOVIES
)


def choose_file(page: Page, content: bytes | str, name: str = "ratings.csv") -> None:
    raw = content.encode() if isinstance(content, str) else content
    field = page.get_by_label("A CSV file with")
    field.set_input_files({"name": name, "mimeType": "text/csv", "buffer": raw})


def paste(page: Page, text: str) -> None:
    page.get_by_label("Or paste lines").fill(text)
    page.get_by_role("button", name="Evaluate", exact=True).click()


def opened(visitor: Visitor, content: bytes | str) -> Page:
    """Open the view with a file."""
    page = visitor.open("/?view=evaluate")
    choose_file(page, content)
    return page


def evaluated(page: Page, rows: int) -> Locator:
    """The table of errors on that many ratings."""
    noun = "rating" if rows == 1 else "ratings"
    table = page.get_by_role("table", name=f"Errors on your {rows:,} {noun}", exact=True)
    expect(table).to_be_visible()
    return table


def column(page: Page, number: int) -> Locator:
    return page.get_by_role("combobox", name=re.compile(f"^Column {number},"))


def accept_columns(page: Page) -> None:
    page.get_by_role("button", name="Evaluate with these columns").click()


def question(page: Page) -> Locator:
    return page.get_by_role("region", name="Question")


def errors_of(table: Locator) -> dict[str, list[float]]:
    """Model -> MSE, RMSE and MAE."""
    cells = [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]
    return {name: [float(figures[place]) for place in (0, 1, 3)] for name, *figures in cells}


# Which files are read without a question


def test_usual_header_is_read_without_a_question(visitor: Visitor) -> None:
    page = visitor.open("/?view=evaluate")
    paste(page, LINES)
    evaluated(page, 44)
    expect(
        page.get_by_text("Columns: user = userId, movie = movieId, rating = rating; scale 0 to 5")
    ).to_be_visible()
    expect(page.get_by_role("heading", name="Which column is which?")).not_to_be_visible()
    expect(page.get_by_text("left out")).to_have_count(0)
    expect(page.locator("#view-evaluate figure")).to_have_count(2)
    expect(page.get_by_role("table", name=re.compile("Largest errors")).locator("tbody tr")).to_have_count(10)


@pytest.mark.long
@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("\ufeffuserId;movieId;rating\r\n1;1193;4,5\r\n1;661;3\r\n\r\n", 2),
        ("sep=;\r\nUser ID;Movie ID;Rating\r\n1;1193;4,5\r\n", 1),
        ('"movie_title","rating","user_id","movie_id"\n"Les ""Misérables"", 1995",5,1,73\n', 1),
        ('user,movie,rating,review\n1,1193,5,"two\nlines"\n1,661,3,"one"\n', 2),
        ('user,movie,rating,review\n1,1193,5,"a \\"quoted\\" word"\n', 1),
        ("\ufeff1::1193::5::978300760\n\n1::661::3::978302109\n", 2),
        ("1\t1193\t5\t978300760\n1\t661\t4.000000e+00\t978302109", 2),
        ("user|movie|rating\n1|1193|5\n", 1),
        ("user, movie, rating\n1, 1193, 5\n", 1),
        ("user_id:token\titem_id:token\trating:float\n1\t1193\t5\n", 1),
        ("Customer ID,Film,Stars\n1,1193,5", 1),
    ],
)
def test_supported_formats_are_read(visitor: Visitor, content: bytes | str, rows: int) -> None:
    page = opened(visitor, content)
    evaluated(page, rows)
    expect(page.get_by_text("left out")).to_have_count(0)


@pytest.mark.long
def test_latin_1_is_read_with_a_note(visitor: Visitor) -> None:
    page = opened(visitor, "user,movie,rating\nJos\xe9,1193,5\n".encode("latin-1"))
    evaluated(page, 1)
    expect(page.get_by_text("was read as Latin-1")).to_be_visible()
    expect(page.get_by_role("rowheader", name="José")).to_be_visible()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "The input is empty"),
        *(
            pytest.param(content, message, marks=pytest.mark.long)
            for content, message in [
                ("\ufeff\n \n", "The input is empty"),
                ("sep=;\n", "There is no row below the line that names the delimiter"),
                ("nonsense\n", "Line 1 is “nonsense”"),
                ("1,1193,5\n\x00", "Line 2 has a NUL character"),
                ('user,movie,rating\n1,1193,5\n"1,661,3\n', "On line 3 a quoted field is not closed"),
                (b"\x1f\x8b\x08\x00", "packed with gzip"),
                (b"PK\x03\x04", "an Excel workbook"),
                (b"\xff\xfe1\x00", "UTF-16"),
                (
                    "user,movie,rating\né,1,5\n".encode() + b"\xe9,2,3\n",
                    "Line 3 has bytes that are not UTF-8",
                ),
                ('[{"user": 1}]', "The command line reads JSON"),
            ]
        ),
    ],
)
def test_file_that_cannot_be_read_is_refused_with_its_line(
    visitor: Visitor, content: bytes | str, message: str
) -> None:
    page = opened(visitor, content)
    expect(page.locator("#view-evaluate").get_by_role("alert").filter(has_text=message)).to_be_visible()


@pytest.mark.long
def test_header_without_rows_has_nothing_to_evaluate(visitor: Visitor) -> None:
    page = opened(visitor, "userId,movieId,rating\n")
    expect(page.get_by_text("No rating is left to evaluate")).to_be_visible()


# Columns


def test_unknown_header_is_shown_and_not_read_by_position(visitor: Visitor) -> None:
    page = opened(visitor, "who,book_name,is_read,my_verdict\n1,1193,1,4.5\n2,661,0,3\n")
    expect(page.get_by_role("heading", name="Which column is which?")).to_be_focused()
    expect(page.get_by_text("The header does not name the user or the rating.")).to_be_visible()
    expect(page.get_by_role("table", name="First rows").locator("tbody tr")).to_have_count(2)
    expect(page.get_by_role("table", name="Errors")).to_have_count(0)
    accept_columns(page)
    expect(page.get_by_role("alert")).to_have_text("Choose the column of the user and the rating.")
    column(page, 1).select_option("User")
    column(page, 4).select_option("Rating")
    accept_columns(page)
    evaluated(page, 2)
    expect(page.get_by_text("Columns: user = who, movie = book_name, rating = my_verdict")).to_be_visible()


def test_file_without_a_header_is_shown_before_it_is_evaluated(visitor: Visitor) -> None:
    page = visitor.open("/?view=evaluate")
    paste(page, "1193,1,5\n661,1,3\n")
    expect(page.get_by_text("There is no header.")).to_be_visible()
    expect(page.get_by_role("table", name="Errors")).to_have_count(0)
    column(page, 1).select_option("Movie")
    # A role belongs to one column.
    expect(column(page, 2)).to_have_value("")
    column(page, 2).select_option("User")
    accept_columns(page)
    evaluated(page, 2)
    largest = page.get_by_role("table", name=re.compile("Largest errors"))
    expect(largest.locator("tbody th")).to_have_text(["user_1", "user_1"])


def test_columns_are_chosen_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open("/?view=evaluate")
    paste(page, "1,1193,5\n")
    expect(page.get_by_role("heading", name="Which column is which?")).to_be_focused()
    page.keyboard.press("Tab")  # the region of the table, which scrolls
    page.keyboard.press("Tab")
    expect(column(page, 1)).to_be_focused()
    page.keyboard.press("m")  # Movie
    expect(column(page, 1)).to_have_value("movie")
    expect(column(page, 2)).to_have_value("")
    page.keyboard.press("Tab")
    page.keyboard.press("u")
    page.get_by_label("Lowest rating").press("Enter")
    evaluated(page, 1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("header", "doubt"),
    [
        ("reviewerID,asin,overall", "The words of the header are not the usual ones."),
        ("user,user_id,movie,rating", "The columns “user” and “user_id” could both be the user."),
        ("user,movie,rating;user;movie;rating", "Several delimiters fit the header."),
    ],
)
def test_doubt_about_a_header_is_stated(visitor: Visitor, header: str, doubt: str) -> None:
    page = opened(visitor, f"{header}\n1,1193,5,3\n")
    expect(page.get_by_text(doubt)).to_be_visible()
    expect(page.get_by_text("Nothing is evaluated yet")).to_be_visible()


@pytest.mark.long
def test_delimiter_and_header_can_be_corrected(visitor: Visitor) -> None:
    page = opened(visitor, "1,9;1193;5\n2,9;661;3\n")
    delimiter = page.get_by_label("Columns are separated by")
    expect(delimiter).to_have_value(";")
    delimiter.focus()
    delimiter.select_option("Commas")
    expect(delimiter).to_be_focused()
    expect(page.get_by_role("combobox", name=re.compile(r"^Column \d"))).to_have_count(2)
    delimiter.select_option("Semicolons")
    header = page.get_by_label("The first line is a header")
    expect(header).not_to_be_checked()
    header.check()
    expect(page.get_by_role("table", name="First rows").locator("tbody tr")).to_have_count(1)
    expect(column(page, 1)).to_have_accessible_name("Column 1, 1,9")


# Rows that are not ratings

JOKES = "user,movie,rating\n" + "\n".join(f"{n % 40},{n},{n % 11}" for n in range(1, 361))
OFF = sum(n % 11 > 5 for n in range(1, 361))


def test_part_of_a_file_is_evaluated_only_after_a_question(visitor: Visitor) -> None:
    page = opened(visitor, JOKES)
    asked = question(page)
    expect(asked.get_by_role("heading")).to_have_text(
        f"{OFF} of 360 rows cannot be evaluated: the rating is off the scale 0 to 5"
    )
    expect(asked.get_by_role("heading")).to_be_focused()
    expect(asked).to_contain_text("line 7: “6”, line 8: “7”, line 9: “8”")
    expect(page.get_by_role("table", name="Errors")).to_have_count(0)
    asked.get_by_role("button", name=f"Evaluate the other {360 - OFF}", exact=True).click()
    evaluated(page, 360 - OFF)
    expect(page.get_by_role("status").filter(has_text="left out")).to_contain_text(
        f"{OFF} of 360 rows were left out"
    )


@pytest.mark.long
def test_cancelled_question_evaluates_nothing(visitor: Visitor) -> None:
    page = opened(visitor, JOKES)
    question(page).get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Nothing is evaluated yet")).to_be_visible()
    expect(page.get_by_label("Highest rating")).to_be_visible()
    expect(page.get_by_role("table", name="Errors")).to_have_count(0)


def test_advice_of_a_question_is_followed(visitor: Visitor) -> None:
    """Whole numbers from 1 to 10 with zeros for "not rated": the advice takes two settings at once."""
    page = opened(visitor, JOKES)
    advice = "Use the scale 1 to 10, and leave out 0 as “not rated”"
    question(page).get_by_role("button", name=advice, exact=True).click()
    zeros = sum(n % 11 == 0 for n in range(1, 361))
    table = evaluated(page, 360 - zeros)
    notes = page.get_by_role("status").filter(has_text="left out")
    expect(notes).to_contain_text(f"{zeros} rows were left out: their rating means “not rated”")
    expect(notes).to_contain_text("converted linearly to your scale, 1 to 10")
    expect(page.get_by_text("scale 1 to 10; not rated: 0")).to_be_visible()
    # Errors are on the scale of the file: the models themselves answer 0 to 5.
    pairs = [
        {"user_id": str(n % 40), "movie_id": str(n), "rating": (n % 11 - 1) * 5 / 9}
        for n in range(1, 361)
        if n % 11
    ]
    expected = page.request.post(f"{visitor.url}/compare", data={"pairs": pairs}).json()["models"]
    shown = errors_of(table)
    for model in expected:
        assert shown[model["name"]] == [
            pytest.approx(model["mse"] * (9 / 5) ** 2, rel=1e-4),
            pytest.approx(model["rmse"] * 9 / 5, rel=1e-4),
            pytest.approx(model["mae"] * 9 / 5, rel=1e-4),
        ]


def marked(marker: str) -> str:
    """200 ratings of 1 to 5, of which 10 are `marker`."""
    rows = [f"{n % 40},{n},{marker if n % 20 == 0 else n % 5 + 1}" for n in range(1, 201)]
    return "\n".join(["user,movie,rating", *rows])


def test_not_rated_is_a_field(visitor: Visitor) -> None:
    page = opened(visitor, marked("99"))
    expect(question(page)).to_contain_text("10 of 200 rows cannot be evaluated")
    question(page).get_by_role("button", name="Cancel").click()
    page.get_by_label("Not rated").fill("99")
    accept_columns(page)
    evaluated(page, 190)
    expect(page.get_by_text("10 rows were left out: their rating means “not rated”")).to_be_visible()


@pytest.mark.long
def test_scale_is_a_field(visitor: Visitor) -> None:
    page = opened(visitor, marked("8"))
    question(page).get_by_role("button", name="Cancel").click()
    page.get_by_label("Lowest rating").fill("9")
    page.get_by_label("Highest rating").fill("8")
    accept_columns(page)
    expect(page.get_by_role("alert")).to_contain_text("The highest rating must be a larger number")
    page.get_by_label("Lowest rating").fill("1")
    accept_columns(page)
    expect(question(page)).to_contain_text("8 stands in 10 of 200 rows, far from the others")
    question(page).get_by_role("button", name="Count every value as a rating").click()
    evaluated(page, 200)


@pytest.mark.long
@pytest.mark.parametrize("text", ['"99', "99,,1", ","])
def test_invalid_not_rated_field_is_reported(visitor: Visitor, text: str) -> None:
    page = opened(visitor, "1,1193,5\n")
    page.get_by_label("Not rated").fill(text)
    accept_columns(page)
    expect(page.get_by_role("alert").filter(has_text="such as 99 or NA")).to_be_visible()


@pytest.mark.long
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,2", "3 columns are expected (line 4: “2 columns”)"),
        ("1,2,3,4", "3 columns are expected (line 4: “4 columns”)"),
        (",2,3", "the user id is missing (line 4)"),
        ("1,NULL,3", "the movie id is a word for a missing value (line 4: “NULL”)"),
        (f"{'9' * 257},2,3", "the user id is longer than 256 characters (line 4: “999"),
        ("1,\x01,3", "the movie id contains control characters"),
        ("1,2,x", "the rating is not a number (line 4: “x”)"),
        ("1,2,0x5", "the rating is not a number (line 4: “0x5”)"),
        ("1,2,NaN", "the rating is not a number (line 4: “NaN”)"),
        ('1,2,"4,5"', "the rating is not a number (line 4: “4,5”)"),
        ("1,2,", "the rating is missing (line 4)"),
        ("1,2,-1", "the rating is off the scale 0 to 5 (line 4: “-1”)"),
        ("1,661,3", "the user has rated this movie before (line 4: “1, 661”)"),
        ("1.0,2,3", "the same number stands without decimals in other ids (line 4: “1.0”)"),
    ],
)
def test_each_invalid_row_is_reported_with_line_and_value(visitor: Visitor, row: str, reason: str) -> None:
    page = opened(visitor, f"user,movie,rating\n1,1193,5\n1,661,3\n{row}\n2,1193,4\n")
    expect(question(page)).to_contain_text(reason)
    question(page).get_by_role("button", name="Evaluate the other 3", exact=True).click()
    evaluated(page, 3)
    expect(page.get_by_role("status").filter(has_text="1 of 4 rows were left out")).to_contain_text(reason)


@pytest.mark.long
def test_lines_are_counted_through_quoted_newlines(visitor: Visitor) -> None:
    page = opened(visitor, 'user,movie,rating,text\r\n1,1193,5,"two\r\nlines"\r\n\r\n1,661,9,x\r\n')
    expect(question(page)).to_contain_text("line 5: “9”")


@pytest.mark.long
def test_words_for_not_rated_are_recognised(visitor: Visitor) -> None:
    page = opened(visitor, marked("NA"))
    question(page).get_by_role("button", name="Leave out NA as “not rated”", exact=True).click()
    evaluated(page, 190)


@pytest.mark.long
def test_file_without_any_rating_on_the_scale_has_no_rest(visitor: Visitor) -> None:
    page = opened(visitor, "user,movie,rating\n1,1193,50\n1,661,80\n2,1,90\n")
    expect(question(page)).to_contain_text("No other row is left.")
    expect(question(page).get_by_role("button", name=re.compile("other"))).to_have_count(0)
    question(page).get_by_role("button", name="Use the scale 0 to 100, and count every value").click()
    evaluated(page, 3)


# The calls of the API


@pytest.mark.long
def test_errors_are_those_of_the_api(visitor: Visitor) -> None:
    page = visitor.open("/?view=evaluate")
    rows = csv.reader(LINES.splitlines()[1:])
    pairs = [{"user_id": user, "movie_id": movie, "rating": float(stars)} for user, movie, stars in rows]
    expected: list[dict[str, Any]] = page.request.post(
        f"{visitor.url}/compare", data={"pairs": pairs}
    ).json()["models"]
    paste(page, LINES.replace(",", "::"))
    shown = errors_of(evaluated(page, 44))
    assert shown.keys() == {model["name"] for model in expected}
    for model in expected:
        figures = [model[name] for name in ("mse", "rmse", "mae")]
        assert shown[model["name"]] == [pytest.approx(figure, abs=6e-5) for figure in figures]


@pytest.mark.long
def test_large_file_is_sent_in_chunks(visitor: Visitor) -> None:
    page = visitor.open("/?view=evaluate")
    sizes: list[int] = []

    def watch(request: Request) -> None:
        if request.method == "POST":
            sizes.append(len((request.post_data_json or {})["pairs"]))

    page.on("request", watch)
    lines = "\n".join(f"{1 + n % 6000}\t{1 + n // 50}\t{n % 6}\t{n}" for n in range(7000))
    choose_file(page, lines, "ratings.tsv")
    evaluated(page, 7000)
    assert sizes == [5000, 2000]


@pytest.mark.long
def test_chunks_are_reduced_to_the_limit_of_the_service(browser: Browser, service: str) -> None:
    limit = 3
    sizes: list[int] = []

    def answer(route: Route) -> None:
        count = len((route.request.post_data_json or {"pairs": []})["pairs"])
        if count > limit:
            body = {"title": "Too many", "detail": "too many", "code": "too_many_pairs", "limit": limit}
            route.fulfill(status=413, content_type="application/problem+json", body=json.dumps(body))
        else:
            sizes.append(count)
            route.continue_()

    with visiting(browser, service) as visitor:
        page = visitor.open("/?view=evaluate")
        page.route(re.compile("/compare$"), answer)
        paste(page, "user,movie,rating\n" + "\n".join(f"{user},1193,4" for user in range(1, 9)))
        evaluated(page, 8)
        assert sum(sizes) == 8 and max(sizes) <= limit


@pytest.mark.long
def test_key_is_asked_for_once(browser: Browser) -> None:
    key = "a-key-for-the-page-01"
    with (
        running(REPOSITORY / "models_store", log_level="warning", api_keys=key) as server,
        visiting(browser, server.url) as visitor,
    ):
        page = opened(visitor, LINES)
        dialog = page.get_by_role("dialog", name="API key")
        dialog.get_by_label("API key").fill(key)
        page.keyboard.press("Enter")
        evaluated(page, 44)
        expect(dialog).to_have_count(0)


# Accessibility and width

STATES = {
    "columns": "who,isbn,verdict\n1,1193,5\n",
    "question": JOKES,
    "result": f"{LINES}\n1,2,7\n",
}


def opened_in_state(visitor: Visitor, state: str) -> Page:
    page = opened(visitor, STATES[state])
    if state == "columns":
        accept_columns(page)
        expect(page.get_by_role("alert")).to_be_visible()
    else:
        expect(question(page)).to_be_visible()
    if state == "result":
        question(page).get_by_role("button", name="Evaluate the other 44", exact=True).click()
        evaluated(page, 44)
    settled(page)
    return page


@pytest.mark.long
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_state_passes_the_accessibility_scan(
    browser: Browser, service: str, state: str, scheme: Any
) -> None:
    with visiting(browser, service, color_scheme=scheme) as visitor:
        page = opened_in_state(visitor, state)
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []
        assert (visitor.foreign_requests, visitor.console_errors) == ([], [])


@pytest.mark.long
@pytest.mark.parametrize("state", STATES)
def test_no_state_is_wider_than_a_phone(browser: Browser, service: str, state: str) -> None:
    with visiting(browser, service, viewport={"width": 320, "height": 740}) as visitor:
        page = opened_in_state(visitor, state)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
