"""Which column of a header holds what, and how a person says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.data.files.columns import ColumnNames, match_columns
from training.errors import SettingsError

FILE = Path("x.csv")


def found(header: str, columns: ColumnNames | None = None) -> dict[str, str]:
    names = header.split(",")
    return {role: names[place] for role, place in match_columns(names, columns, FILE).items()}


@pytest.mark.parametrize(
    ("header", "user", "movie", "rating", "time"),
    [
        ("userId,movieId,rating,timestamp", "userId", "movieId", "rating", "timestamp"),
        ("User ID,Movie-ID,RATING,Time", "User ID", "Movie-ID", "RATING", "Time"),
        ("Customer ID,ASIN,Stars,Date", "Customer ID", "ASIN", "Stars", "Date"),
        ("User-ID,ISBN,Book-Rating", "User-ID", "ISBN", "Book-Rating", None),
        ("user_id,book_id,is_read,rating,is_reviewed", "user_id", "book_id", "rating", None),
        ("review_id,user_id,business_id,stars,date", "user_id", "business_id", "stars", "date"),
        ("user_id:token,item_id:token,rating:float", "user_id:token", "item_id:token", "rating:float", None),
        ("userID,movieID,rating,date_day,date_month", "userID", "movieID", "rating", None),
        # Amazon's reviews of 2014 and 2023.
        ("reviewerID,asin,reviewerName,overall,unixReviewTime,reviewTime", "reviewerID", "asin", "overall",
         "unixReviewTime"),
        ("rating,title,text,asin,parent_asin,user_id,timestamp", "user_id", "asin", "rating", "timestamp"),
        ("username,anime_id,my_score", "username", "anime_id", "my_score", None),
        ("review_profilename,beer_beerid,review_overall", "review_profilename", "beer_beerid",
         "review_overall", None),
        # Exact names before beginnings, and ids before titles.
        ("movie_title,movie_id,user_name,user_id,rating_count,rating", "user_id", "movie_id", "rating", None),
        ("user,title,rating", "user", "title", "rating", None),
        ("users,movie_title,year,rated,ratings", "users", "movie_title", "ratings", None),
        ("user,movie,rating_count,rating_new", "user", "movie", "rating_new", None),
    ],
)  # fmt: skip
def test_words_are_understood(header: str, user: str, movie: str, rating: str, time: str | None) -> None:
    times = {} if time is None else {"timestamp": time}
    assert found(header) == {"user": user, "movie": movie, "rating": rating, **times}


@pytest.mark.parametrize(
    "header",
    ["is_read,user,movie", "user,movie,rating_count", "user,movie,rating_date", "user,movie,average_rating"],
)
def test_what_is_no_rating_is_not_taken_for_one(header: str) -> None:
    assert "rating" not in found(header)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b,c", ColumnNames("a", "b", "c")),
        ("a, b ,c,d", ColumnNames("a", "b", "c", "d")),
        ("user=a,movie=b,rating=c,time=d", ColumnNames("a", "b", "c", "d")),
        ("rating=c, Movie = b", ColumnNames(movie="b", rating="c")),
        ('"movie=x,y"', ColumnNames(movie="x,y")),
        ('user=a,"movie=say ""hi"""', ColumnNames("a", 'say "hi"')),
        ("time=when", ColumnNames(timestamp="when")),
        ("user=a=b,movie=m,rating=r", ColumnNames("a=b", "m", "r")),
    ],
)
def test_columns_are_named_by_role_or_in_order(text: str, expected: ColumnNames) -> None:
    assert ColumnNames.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "a", "a,b", "a,b,c,d,e", "user=a,user=b", "user=a,b,c=d,e,f", '"user=a', "who=a"]
)
def test_what_names_no_columns_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="--columns"):
        ColumnNames.parse(text)


@pytest.mark.parametrize(
    "names",
    [
        {"user": "a", "movie": "a", "rating": "b"},
        {"user": "", "movie": "a", "rating": "b"},
        {"user": "a", "movie": "b", "rating": "c", "timestamp": "c"},
    ],
)
def test_names_that_cannot_be_told_apart_are_refused(names: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        ColumnNames(**names)


def test_a_role_without_a_name_is_found_by_its_words() -> None:
    assert found("who,movie,stars,time", ColumnNames(user="who")) == {
        "user": "who", "movie": "movie", "rating": "stars", "timestamp": "time"
    }  # fmt: skip
    # Three names say that there is no time.
    assert "timestamp" not in found("who,movie,stars,time", ColumnNames("who", "movie", "stars"))
