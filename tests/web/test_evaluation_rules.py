"""The Evaluate view has the rules of the command line: functions of both get the same input."""

import itertools
import random
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.web.browser import visiting
from training.data.files.columns import RATING_WORDS, match_columns
from training.data.readers.ratings import load_ratings
from training.data.readers.scale import judge, parse_not_rated
from training.errors import DataError, SettingsError


@pytest.fixture(scope="module")
def page(browser: Browser, service: str) -> Any:
    with visiting(browser, service) as visitor:
        yield visitor.open("/?view=evaluate")


def call(page: Page, module: str, function: str, *arguments: object) -> Any:
    """Call a function that a script of the page exports."""
    return page.evaluate(
        """async ([module, name, given]) => (await import(`/page/evaluation/${module}`))[name](...given)""",
        [module, function, arguments],
    )


# Columns


def test_words_of_headers_are_those_of_the_command_line(page: Page) -> None:
    words = page.evaluate("async () => (await import('/page/evaluation/columns.js')).RATING_WORDS")
    assert {role: tuple(map(tuple, groups)) for role, groups in words.items()} == dict(RATING_WORDS)


def columns_of_the_command_line(header: Sequence[str]) -> dict[str, int] | None:
    try:
        return match_columns(header, None, Path("ratings.csv"))
    except DataError:
        return None


def columns_of_the_page(page: Page, headers: Sequence[Sequence[str]]) -> list[dict[str, int] | None]:
    found = page.evaluate(
        """async (headers) => {
            const { matchColumns } = await import('/page/evaluation/columns.js');
            return headers.map((header) => matchColumns(header));
        }""",
        headers,
    )
    return [None if one["rivals"] else one["places"] for one in found]


HEADERS = [
    "userId,movieId,rating,timestamp",
    "User ID,Movie-Title,movie.id,Star Rating,Date",
    "movie_title,rating,user_id,movie_id",
    "user_id:token,item_id:token,rating:float,timestamp:float",
    "reviewerID,asin,overall,unixReviewTime",
    "Customer ID,ISBN,Book-Rating",
    "user_id,book_id,is_read,rating,is_reviewed",
    "user,movie,rating_count,rating",
    "user,movie,rating_count,ratingNew",
    "user,movie,review_id,review_by,average_rating",
    "user,user_id,movie,rating",
    "userA,userB,movie,rating",
    "user,title,name,score",
    "user,title,item_title,value",
    "STRASSE,user_name,product/productId,stars",
    "review/userId,product/productId,review/score,review/time",
    "who,what,how",
    "a,,rating,",
    " user , item , Rating ",
    "date_day,user,movie,stars,ratedAt,createdAt",
    "customer_name,customer_id,film,score",
]


def test_headers_give_the_same_columns(page: Page) -> None:
    headers = [header.split(",") for header in HEADERS]
    # Each word, and mixtures of words in the spellings that people use.
    words = [word for groups in RATING_WORDS.values() for word in itertools.chain(*groups)]
    headers += [[word, "x"] for word in words]
    chance = random.Random(1)
    spell = (str, str.upper, str.title, "{}_new".format, "{} id".format, "my {}".format, "{}:float".format)
    headers += [
        [chance.choice(spell)(word) for word in chance.sample(words, chance.randint(2, 6))]
        for _ in range(3000)
    ]
    expected = [columns_of_the_command_line(header) for header in headers]
    found = columns_of_the_page(page, headers)
    assert [one for one in zip(headers, found, expected, strict=True) if one[1] != one[2]] == []


# Values that are suspected to mean "not rated"

DISTRIBUTIONS: list[dict[float, int]] = [
    {1: 10, 2: 20, 3: 30, 4: 20, 5: 20},
    {0: 9, 1: 10, 2: 20, 3: 30, 4: 20, 5: 20},
    {1: 10, 2: 20, 3: 30, 4: 20, 5: 20, 99: 5},
    {1: 100, 2: 200, 3: 300, 4: 200, 5: 200, 99: 1},
    {-1: 50, 0: 3, 1: 10, 2: 20, 3: 30, 4: 20, 5: 20},
    {0: 60, **dict.fromkeys(range(1, 11), 20)},
    dict.fromkeys(range(1, 11), 20),
    dict.fromkeys(range(-10, 11), 20),
    {**dict.fromkeys(range(-10, 11), 20), 99: 30},
    dict.fromkeys(range(101), 3),
    dict.fromkeys(range(1, 8), 20),
    {0.5: 3, 1: 2, 1.5: 4, 4.5: 8, 5: 9},
    {5: 10},
    {7: 10},
    {1: 1, 1e7: 1},
    {1: 5, 0: 5},
    {1: 20, 2: 20, 3: 20, 4: 20, 7: 3},
    {1: 20, 2: 20, 3: 20, 4: 20, 5: 20, 7: 3},
    {1: 5, 2: 5, 3: 5, 8: 5, 9: 5, -99: 5, -98: 5},
    {1.5e300: 1, 1: 40, 2: 40, 3: 40},
    {3: 1, 900: 1, 12000: 1, 978300760: 1},
]
SCALES = [(0, 5), (1, 5), (1, 10), (0, 10), (-10, 10), (0, 100)]


def option(advice: dict[str, Any], scale: tuple[float, float], before: Any) -> str:
    """Return the option of the command line that corresponds to a button of the page."""
    low, high = advice["scale"]["low"], advice["scale"]["high"]
    parts = [] if (low, high) == scale else [f"--scale {low:g}:{high:g}"]
    meant = advice["notRated"]
    if meant is not None and meant != before:
        listed = meant if meant == "none" else ",".join(f"{value:.17g}" for value in meant)
        parts.append(f"--not-rated {shlex.quote(listed)}")
    return " ".join(parts)


def judged(page: Page, counts: dict[float, int], scale: tuple[float, float], not_rated: str | None) -> Any:
    return page.evaluate(
        """async ([counts, [low, high], notRated]) => {
            const { judge } = await import('/page/evaluation/not_rated.js');
            return judge(new Map(counts), { low, high }, notRated);
        }""",
        [[[value, rows] for value, rows in counts.items()], list(scale), not_rated],
    )


@pytest.mark.parametrize("counts", DISTRIBUTIONS, ids=lambda counts: str(counts)[:40])
def test_same_values_are_suspected_with_the_same_advice(page: Page, counts: dict[float, int]) -> None:
    said: tuple[None, Literal["none"]] = (None, "none")
    for scale, none in itertools.product(SCALES, said):
        found = judged(page, counts, scale, none)
        expected = judge({float(value): rows for value, rows in counts.items()}, scale, none)
        context = (counts, scale, none, found, expected)
        assert found["ask"] == (expected.problem is not None), context
        message = expected.problem or expected.note or ""
        if "e+" in message or "1e" in message:
            continue  # numbers that the two languages write differently
        # Without a suspicion, the message advises only on the scale.
        before = None if found["suspected"] else none
        advised = [option(advice, scale, before) for advice in found["advice"]]
        if expected.problem is None:
            advised = advised[:1]
        assert all(one in message for one in advised), context
        assert message.count("--not-rated") == sum("--not-rated" in one for one in advised), context
        assert message.count("--scale") == sum("--scale" in one for one in advised), context
        assert bool(found["suspected"]) == ("stand" in message), context


@pytest.mark.long
@pytest.mark.parametrize(("lowest", "step"), [(0, 1e-5), (978300760, 1)], ids=["ratings", "times"])
def test_any_number_of_different_values_is_judged(page: Page, lowest: float, step: float) -> None:
    counts = {lowest + place * step: 1 for place in range(130_000)}
    found = judged(page, counts, (0, 5), None)
    assert (found["ask"], found["suspected"], found["advice"]) == (lowest > 5, [], [])


@pytest.mark.parametrize(
    "text",
    ["99", "-1,99", " 99 , NA ", "empty", '"a,b",1', '"none"', "none", '"99', "99,,1", ",", "1e3", "NA,"],
)
def test_not_rated_is_written_alike(page: Page, text: str) -> None:
    expected: Any
    try:
        expected = parse_not_rated(text)
    except SettingsError:
        expected = None
    found = page.evaluate(
        """async (text) => {
            const { parseNotRated } = await import('/page/evaluation/not_rated.js');
            try { return parseNotRated(text); } catch { return null; }
        }""",
        text,
    )
    assert found == (list(expected) if isinstance(expected, tuple) else expected)


# Whole files

FILES = [
    "userId,movieId,rating\n1,1193,5\n1,661,3.5\n",
    "\ufeffuserId;movieId;rating\r\n1;1193;4,5\r\n007;661;3\r\n\r\n",
    '\ufeff"user","movie","rating"\n"1","1193","5"\n',
    "sep=;\nuser;movie;rating\n1;1193;4,5\n",
    "1::1193::5::978300760\n1::661::3::978302109\n",
    "1\t1193\t5\t978300760\n",
    "1,1193,5\n1,661,3\n",
    "1;1193;4,5\n",
    "1 1193 5\n1  661\t3\n",
    "1\t\t1193\t\t5\n",
    "user movie rating\n1 1193 5\n",
    'user,movie,rating,review\n1,1193,5,"two\nlines, and ""quotes"""\n1,661,3,"one"\n',
    'user,movie,rating,review\n1,1193,5,"a \\"quoted\\" word"\n',
    'user,movie,rating,review\n1,1193,5,a 5" screen\n',
    "user, movie, rating\n1, 1193, 5\n2, 1193, 4\n",
    "user|movie|rating\n1|1193|5\n",
    "movie_title,rating,user_id,movie_id\nToy Story,5,1,73\n",
    "Customer ID,isbn,stars\n00000000-0000-4000-8000-000000000001,080442957X,5\n",
    "user,movie,rating\n1,1193,+5\n1,661,.5e1\n",
    # Refused, or asked about.
    "user,movie,rating\n1,1193,5\n1,661\n",
    "user,movie,rating\n1,1193,5\n1,661,3,4\n",
    "user,movie,rating\n1,1193,6\n",
    "user,movie,rating\n1,1193,x\n1,661,3\n",
    "user,movie,rating\n1,1193,0x5\n",
    "user,movie,rating\n1,1193,NaN\n",
    "user,movie,rating\n1,1193,\n1,661,3\n",
    "user,movie,rating\n,1193,5\n",
    "user,movie,rating\n1,NULL,5\n",
    "user,movie,rating\n1,1193,5\n1,1193,4\n",
    "user,movie,rating\n1,1193,5\n1.0,661,4\n",
    'user,movie,rating\n1,1193,"4,5"\n',
    "user;movie;rating\n1;1193;4,5\n1;661;4.5\n",
    'user,movie,rating\n"1,1193,5\n',
    'user,movie,rating\n"1"x,1193,5\n',
    "user,movie,rating;user;movie;rating\n1,1193,5;1;2;3\n",
    "user,user_id,movie,rating\n1,1,1193,5\n",
    "who,what,is_read,how\n1,1193,1,5\n",
    "user,movie\n1,1193\n",
    "user,movie,rating\n",
    "nonsense\n",
    "",
]


def read_by_the_command_line(path: Path) -> list[tuple[str, str, float]] | None:
    """The rows, or None for a file that is refused."""
    try:
        table = load_ratings(path)
    except DataError:
        return None
    users = [table.users[int(index)].removeprefix("user_") for index in table.user_index]
    movies = [table.movies[int(index)].removeprefix("movie_") for index in table.movie_index]
    return list(zip(users, movies, map(float, table.ratings), strict=True))


@pytest.mark.long
@pytest.mark.parametrize("text", FILES, ids=lambda text: text[:50].replace("\n", "|"))
def test_whole_file_is_read_alike(page: Page, tmp_path: Path, text: str) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes(text.encode())
    found = page.evaluate(
        """async (text) => {
            const { normalized, recognise, rowsOf } = await import('/page/evaluation/delimited.js');
            const { collect } = await import('/page/evaluation/own_ratings.js');
            try {
                const plain = normalized(text);
                const layout = recognise(plain);
                if (!["user", "movie", "rating"].every((role) => role in layout.places)) return null;
                if (layout.doubt?.startsWith("Several")) return null;
                const { places } = layout;
                const settings = { layout, places, scale: { low: 0, high: 5 }, notRated: null };
                const { rows, problems } = collect(rowsOf(plain, layout), settings);
                if (problems.length || !rows.length) return null;
                return rows.map((row) => [row.user_id, row.movie_id, row.rating]);
            } catch { return null; }
        }""",
        text,
    )
    rows = None if found is None else [(user, movie, float(rating)) for user, movie, rating in found]
    assert rows == read_by_the_command_line(path)
