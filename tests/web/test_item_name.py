"""The page speaks of what `--item-name` called the items in the training, here books."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.processes import running
from tests.app.test_rating_scale import store_of
from tests.artefact_edits import rewrite_manifest
from tests.web.browser import Visitor

# Not the prefix of ids, as in `movie_12`.
MOVIE = re.compile(r"\bmovies?\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of two models of books."""

    def of_books(manifest: dict[str, Any]) -> None:
        manifest["dataset"]["item_name"] = "book"

    store = store_of(tmp_path_factory.mktemp("books"), paper=3, pocket=3)
    for name in ("paper", "pocket"):
        rewrite_manifest(store / name, of_books)
    with running(store, log_level="warning") as server:
        yield server.url


def speaks_of_books(page: Page) -> None:
    """Check every text, name and description that the page shows or announces."""
    expect(page.locator(".loading")).to_have_count(0)
    said = page.locator("body").aria_snapshot()
    assert not MOVIE.findall(said), said
    assert re.search(r"\bbooks?\b", said, re.IGNORECASE)
    assert page.title().endswith("Book ratings")


def test_first_view_and_cold_pairs_speak_of_books(visitor: Visitor) -> None:
    page = visitor.open()
    expect(page.get_by_text("how a user would rate any book, from 1 to 10.")).to_be_visible()
    expect(page.get_by_role("heading", name="What would this user give this book?")).to_be_visible()
    expect(
        page.get_by_text("An example: the user with the most ratings, and a book for them")
    ).to_be_visible()
    expect(page.get_by_role("link", name="Rate a few books yourself")).to_be_visible()
    speaks_of_books(page)
    answer = page.locator("#view-predict .answer .sentence")
    visitor.open("/?user=999999&movie=1")
    expect(answer).to_contain_text("only what an average user gives this book.")
    visitor.open("/?user=1&movie=nothing")
    expect(answer).to_contain_text("only what user 1 gives an average book.")
    visitor.open("/?user=999999&movie=nothing")
    expect(answer).to_contain_text("only what an average user gives an average book.")
    speaks_of_books(page)


def test_recommendations_and_new_user_speak_of_books(visitor: Visitor) -> None:
    page = visitor.open("/?view=recommend&user=1&compare=all&rated=too")
    expect(page.get_by_role("heading", name="Which books would this user like?")).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ books are in every list."))).to_be_visible()
    speaks_of_books(page)
    visitor.open("/?view=new-user")
    expect(page.get_by_text("so books are shown by their ids")).to_be_visible()
    expect(page.get_by_role("list", name="Books to rate")).to_be_visible()
    expect(page.get_by_role("combobox", name="Find a book you know")).to_be_visible()
    speaks_of_books(page)
    page.get_by_role("radio", name="8 of 10").first.click()
    expect(page.get_by_text("What you would rate highest, from your ratings of 1 book.")).to_be_visible()
    speaks_of_books(page)


def test_models_and_evaluation_speak_of_books(visitor: Visitor) -> None:
    page = visitor.open("/?view=models")
    expect(
        page.get_by_text(
            re.compile("None of them predicts better than the averages of users and books alone")
        )
    ).to_be_visible()
    expect(page.get_by_text(re.compile("^User and book biases alone"))).to_be_visible()
    expect(page.locator("figcaption").filter(has_text="Popularity of the books")).to_be_visible()
    speaks_of_books(page)
    visitor.open("/?view=evaluate")
    page.get_by_label("Or paste lines").fill("user,book,rating\n1,11,10\n2,12,7")
    speaks_of_books(page)
    page.get_by_role("button", name="Evaluate", exact=True).click()
    page.get_by_role("button", name="Evaluate with these columns").click()
    expect(page.locator("figcaption").filter(has_text="Error by popularity of the book")).to_be_visible()
    speaks_of_books(page)
