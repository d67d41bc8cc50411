"""Search for movies by parts of their titles."""

from __future__ import annotations

from typing import Any

import pytest

from app.scoring.catalogue import Catalogue, fold

TITLES = {
    "movie_1": {"title": "Star Wars: Episode IV - A New Hope (1977)", "genres": ["Action", "Sci-Fi"]},
    "movie_2": {"title": "Misérables, Les (1995)", "genres": ["Drama"]},
    "movie_3": {"title": "Starman (1984)", "genres": []},
    "movie_4": {"title": "Mostar Bridge (2001)", "genres": []},
    "movie_5": {"title": "Børning (2014)", "genres": []},
    "movie_6": {"title": "Hope Floats in Star City (1998)", "genres": []},
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.of_ids([*TITLES, "movie_1193"], TITLES)


def found(catalogue: Catalogue, query: str, limit: int = 10) -> list[str]:
    return [entry.movie_id for entry in catalogue.search(query, limit)]


@pytest.mark.parametrize("query", ["miserables", "MISÉRABLES", "  les Mise\u0301rables ", "mis 1995"])
def test_accents_case_and_order_of_words_do_not_matter(catalogue: Catalogue, query: str) -> None:
    assert found(catalogue, query) == ["movie_2"]


def test_letter_without_decomposition_is_found(catalogue: Catalogue) -> None:
    assert found(catalogue, "borning") == ["movie_5"]


def test_beginnings_of_titles_come_first_then_beginnings_of_words_then_the_rest(catalogue: Catalogue) -> None:
    assert found(catalogue, "star") == ["movie_1", "movie_3", "movie_6", "movie_4"]
    assert found(catalogue, "star", limit=2) == ["movie_1", "movie_3"]


def test_every_word_must_occur(catalogue: Catalogue) -> None:
    assert found(catalogue, "star hope") == ["movie_1", "movie_6"]
    assert found(catalogue, "star hopeless") == []


def test_punctuation_is_ignored(catalogue: Catalogue) -> None:
    assert found(catalogue, "star wars episode iv a new hope") == ["movie_1"]
    assert found(catalogue, "???") == found(catalogue, "")


def test_an_id_finds_its_movie_with_and_without_a_title(catalogue: Catalogue) -> None:
    assert found(catalogue, "movie_1193") == ["movie_1193"]
    assert found(catalogue, "1193") == ["movie_1193"]
    (entry,) = catalogue.search("1193", 1)
    assert (entry.title, entry.genres) == (None, ())


def test_an_id_comes_before_the_many_titles_that_hold_its_words() -> None:
    years = {f"movie_{n}": {"title": f"Film {n} (1999)", "genres": []} for n in range(100, 120)}
    titles: dict[str, dict[str, Any]] = {
        **years,
        "movie_1": {"title": "Toy Story (1995)"},
        "movie_9": {"title": "1 Night"},
    }
    catalogue = Catalogue.of_ids(titles, titles)
    assert found(catalogue, "movie_1", 2) == ["movie_1", "movie_100"]
    # A title that begins with the number is the more likely match.
    assert found(catalogue, "1", 3) == ["movie_9", "movie_1", "movie_100"]
    assert found(catalogue, "119", 3) == ["movie_119"]


def test_empty_query_returns_all_movies_in_order(catalogue: Catalogue) -> None:
    assert found(catalogue, "", 3) == ["movie_1", "movie_2", "movie_3"]
    assert len(catalogue) == 7


def test_unknown_movie_has_no_title(catalogue: Catalogue) -> None:
    assert catalogue.entry("movie_9").title is None


@pytest.mark.parametrize(
    ("text", "folded"), [("Ærø ÇA  Straße", "aero ca strasse"), ("a_b-c:d", "a b c d"), ("", "")]
)
def test_folding_removes_accents_case_and_punctuation(text: str, folded: str) -> None:
    assert fold(text) == folded == fold(folded)
