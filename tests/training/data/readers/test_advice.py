"""Every advice that a refusal gives works when it is followed, on the command line."""

from __future__ import annotations

import gzip
import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.training.data.helpers import write
from tests.training.data.readers.test_strange_files import zipped
from training.cli.app import app
from training.data.readers.ratings import load_ratings
from training.errors import DataError

HEADER = "user,movie,rating\n"


def stars(*others: str, rows: int = 100) -> str:
    """Ratings from 1 to 5, and these."""
    ratings = [str(row % 5 + 1) for row in range(rows)] + list(others)
    return HEADER + "".join(f"u{place},m{place % 7},{rating}\n" for place, rating in enumerate(ratings))


def books(*others: str) -> str:
    ratings = [str(row % 10 + 1) for row in range(100)] + list(others)
    return HEADER + "".join(f"u{place},m{place % 7},{rating}\n" for place, rating in enumerate(ratings))


def renamed(header: str, rows: int = 20) -> str:
    return header + "\n" + "".join(f"u{row},m{row % 7},{row % 5 + 1}\n" for row in range(rows))


CASES = [
    # name of the case, file, content, options, advices that the refusal gives
    ("99 beside stars", "x.csv", stars(*["99"] * 5), "",
     ["--not-rated 99", "--scale 0:100 --not-rated none"]),
    ("-1 beside stars", "x.csv", stars(*["-1"] * 5), "", ["--not-rated -1", "--scale -5:5 --not-rated none"]),
    ("0 beside 1 to 10", "x.csv", books(*["0"] * 50), "",
     ["--scale 1:10 --not-rated 0", "--scale 0:10 --not-rated none"]),
    ("0 beside 1 to 10, on their scale", "x.csv", books(*["0"] * 50), "--scale 1:10",
     ["--not-rated 0", "--scale 0:10 --not-rated none"]),
    ("1 to 10", "x.csv", books(), "", ["--scale 1:10"]),
    ("0 to 10, few zeros", "x.csv", books("0"), "", ["--scale 0:10"]),
    ("percent", "x.csv", HEADER + "".join(f"u{row},m,{row}\n" for row in range(101)), "", ["--scale 0:100"]),
    ("jokes and 99", "x.csv",
     HEADER + "".join(f"u{row},m,{99 if row % 3 else row / 10 - 10:.2f}\n" for row in range(200)), "",
     ["--scale -10:10 --not-rated 99", "--scale -100:100 --not-rated none"]),
    ("7 on a scale to 7", "x.csv", stars(*["7"] * 5), "--scale 1:7", ["--not-rated 7", "--not-rated none"]),
    ("a slip", "x.csv", stars("55", rows=200), "", ["--not-rated 55", "--scale 0:100 --not-rated none"]),
    ("a slip beside what is said", "x.csv", stars("55", *["99"] * 50, rows=200), "--not-rated 99",
     ["--not-rated 99,55", "--scale 0:100 --not-rated 99"]),
    ("0 beside 1 to 10 and missing ratings", "x.csv", books(*["0"] * 50, *[""] * 5), "--not-rated empty",
     ["--scale 1:10 --not-rated empty,0", "--scale 0:10 --not-rated empty"]),
    ("words for nothing", "x.csv", stars(*["NA"] * 5, *[""] * 5), "", ["--not-rated NA,empty"]),
    ("the word none", "x.csv", stars(*["none"] * 5), "", ["""--not-rated '"none"'"""]),
    ("words beside what is said", "x.csv", stars(*["NA"] * 5, *["99"] * 5), "--not-rated 99", ["--not-rated 99,NA"]),
    ("missing in JSON", "x.json",
     "".join(json.dumps({"user": row, "item": row % 3, "stars": None if row % 5 else 4}) + "\n" for row in range(50)),
     "", ["--not-rated empty"]),
    ("unknown words", "x.csv", renamed("who,what,much"), "",
     ["--columns user=NAME,movie=NAME,rating=NAME", "--columns user=1,movie=2,rating=3"]),
    ("one unknown word", "x.csv", renamed("user,movie,much"), "",
     ["--columns rating=NAME", "--columns user=1,movie=2,rating=3"]),
    ("two users", "x.csv", "user,customer,movie,rating\n"
     + "".join(f"u{row},x,m{row % 7},{row % 5 + 1}\n" for row in range(20)), "",
     ["--columns user=user"]),
    ("two users with a comma", "x.csv", '"user_a, b",user_c,movie,rating\n'
     + "".join(f"u{row},x,m{row % 7},{row % 5 + 1}\n" for row in range(20)), "",
     ["""--columns '"user=user_a, b"'"""]),
    ("wrong names", "x.csv", renamed("user,movie,rating"), "--columns who,what,much",
     ["--columns user=1,movie=2,rating=3"]),
    ("null ids", "x.csv", stars().replace("u5,", "NULL,"), "", ["--keep-null-ids"]),
    ("repeated pairs", "x.csv", stars() + "u1,m1,1\n", "",
     ["--repeats last", "--repeats first", "--repeats mean"]),
]  # fmt: skip


def run(path: Path, *options: str) -> None:
    done = CliRunner().invoke(app, ["split", "--data", str(path), *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("name", "content", "options", "advices"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_an_advice_works(tmp_path: Path, name: str, content: str, options: str, advices: list[str]) -> None:
    path = write(tmp_path, name, content)
    given = shlex.split(options)
    with pytest.raises(DataError) as refused:
        run(path, *given)
    said = str(refused.value)
    for advice in advices:
        assert ("--repeats last, first or mean" if "--repeats" in advice else advice) in said
        followed = advice
        for name in content.splitlines()[0].split(",")[-advice.count("NAME") :]:
            followed = followed.replace("NAME", name, 1)
        # An option that is advised takes the place of the same one that was given.
        kept = [] if advice.split()[0] in given else given
        kept = kept if not kept or "--columns" not in advice else []
        run(path, *kept, *shlex.split(followed))


def test_a_note_s_advice_works_too(tmp_path: Path) -> None:
    zeros = write(tmp_path, "x.csv", stars(*["0"] * 50))
    done = CliRunner().invoke(app, ["split", "--data", str(zeros)])
    assert "say --not-rated 0" in done.stdout
    run(zeros, "--not-rated", "0")
    headless = write(tmp_path, "y.csv", stars().removeprefix(HEADER))
    done = CliRunner().invoke(app, ["split", "--data", str(headless)])
    assert "number them: --columns user=1,movie=2,rating=3" in done.stdout
    run(headless, "--columns", "user=1,movie=2,rating=3")


PLAIN = HEADER + "".join(f"u{place},m{place % 7},{place % 5 + 1}\n" for place in range(20))
NUMBERED = HEADER + PLAIN.removeprefix(HEADER).replace("u", "")
EDITS = [
    # name of the case, file, content, part of the message, the content once the advice is followed
    ("blank line", "x.csv", PLAIN.replace("u5,", "\nu5,"), "the line is blank; remove it", PLAIN),
    ("blanks around an id", "x.csv", PLAIN.replace("u5,", " u5,"), "has blanks around it; remove them", PLAIN),
    ("control character", "x.csv", PLAIN.replace("u5,", "u\x075,"), "holds a control character; remove it", PLAIN),
    ("carriage returns", "x.csv", PLAIN.replace("\n", "\r"), "save the file with Unix or Windows line ends", PLAIN),
    ("UTF-16", "x.csv", PLAIN.encode("utf-16"), "UTF-16 text; save it as UTF-8", PLAIN),
    ("mixed encodings", "x.csv", PLAIN.encode() + "é,x,1\n".encode() + b"\xe9,y,1\n", "save the file as UTF-8",
     PLAIN + "é,x,1\nÉ,y,1\n"),
    ("header on top", "x.csv", "hello\n" + PLAIN, "put a header on top that names a user, a movie and a rating", PLAIN),
    ("two delimiters", "x.csv", "user;movie;rating,user,movie,rating\n1;1;1,1,1,1\n", "use one delimiter", PLAIN),
    ("decimal comma", "x.csv", PLAIN.replace("u5,m5,1", 'u5,m5,"1,0"'), "write '1.0' throughout",
     PLAIN.replace("u5,m5,1", "u5,m5,1.0")),
    ("decimal comma and semicolons", "x.csv", PLAIN.replace("u5,m5,1", 'u5,m5,"1,0"'),
     "a semicolon between the columns and a comma in every rating",
     "".join(f"{line.replace(',', ';')}{',0' * (place > 0)}\n" for place, line in enumerate(PLAIN.splitlines()))),
    ("numbers and decimals as ids", "x.csv", NUMBERED.replace("\n7,m0", "\n1.0,m0"),
     "write whole numbers throughout", NUMBERED.replace("\n7,m0", "\n1,m0")),
    ("null id", "x.csv", PLAIN.replace("u5,", "NULL,"), "leave the row out", PLAIN.replace("u5,m5,1\n", "")),
    ("Python for JSON", "x.json", "".join(f"{{'user': {row}, 'item': 1, 'stars': 3}}\n" for row in range(20)),
     "write each row with json.dumps",
     "".join(json.dumps({"user": row, "item": 1, "stars": 3}) + "\n" for row in range(20))),
    ("zip of two", "x.zip", zipped("a.csv", "b.csv"), "unpack it, and give the file", PLAIN),
    ("packed too often", "x.csv.gz", gzip.compress(gzip.compress(gzip.compress(PLAIN.encode()))), "unpack it first", PLAIN),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "message", "edited"), [case[1:] for case in EDITS], ids=[case[0] for case in EDITS]
)
def test_a_file_that_was_edited_as_advised_is_read(
    tmp_path: Path, name: str, content: str | bytes, message: str, edited: str
) -> None:
    with pytest.raises(DataError) as refused:
        run(write(tmp_path, name, content))
    assert message in str(refused.value)
    run(write(tmp_path, "json.json" if name == "x.json" else "edited.csv", edited))


@pytest.mark.parametrize(
    ("header", "message", "renamed"),
    [
        ("isbn,what", "known as the title; rename its columns to title", "isbn,title"),
        ("what,title", "known as the movie; rename its columns to id", "id,title"),
        ("isbn,asin,title", "could both be the movie; rename or remove the others", "isbn,other,title"),
    ],
)
def test_an_items_file_that_was_edited_as_advised_is_read(
    tmp_path: Path, header: str, message: str, renamed: str
) -> None:
    ratings = write(tmp_path, "x.csv", PLAIN)
    row = "m1" + ",y" * header.count(",") + "\n"
    with pytest.raises(DataError) as refused:
        load_ratings(ratings, items=write(tmp_path, "items.csv", f"{header}\n{row}"))
    assert message in str(refused.value)
    assert "--columns" not in str(refused.value)
    assert load_ratings(ratings, items=write(tmp_path, "items.csv", f"{renamed}\n{row}")).titles


@pytest.mark.parametrize("name", ["ratings [final].csv", "[bold]x.csv", ":smile:.csv", "a  b.csv"])
def test_the_name_of_a_file_is_printed_verbatim(tmp_path: Path, name: str) -> None:
    done = CliRunner().invoke(app, ["split", "--data", str(write(tmp_path, name, PLAIN))])
    assert done.stdout.startswith(f"{name.removesuffix('.csv')} (csv): 20 ratings")
