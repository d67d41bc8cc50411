"""Every advice that a refusal gives works when it is followed, on the command line."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.training.data.helpers import write
from training.cli.app import app
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
     ["--not-rated 99,55", "--scale 0:100 --not-rated none"]),
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
        header = iter(content.splitlines()[0].split(",")[-advice.count("NAME") :])
        followed = re.sub("NAME", lambda _: next(header), advice)
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
