"""Small files in every layout that can be read, and what the command line says about each.

All of them are made up here; only the layouts are those of the data sets that are named.
`python -m tests.training.data.readers.samples` renews the table of docs/data.md.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

from tests.conftest import REPOSITORY

PAGE: Final = REPOSITORY / "docs" / "data.md"
BEGINNING: Final = "<!-- layouts: written by tests/training/data/readers/samples.py -->\n"
END: Final = "<!-- end of layouts -->\n"

# User, item, stars, second: numbers, and texts with what texts may have.
NUMBERS: Final = [
    (1, 1193, 5, 978300760), (1, 661, 3, 978302109), (1, 914, 4, 978301968), (2, 1357, 5, 978298709),
    (2, 661, 1, 978299000), (2, 914, 2, 978299620), (3, 1193, 4, 978298147), (3, 661, 2, 978298151),
    (3, 914, 5, 978298201), (4, 1193, 3, 978294008),
]  # fmt: skip
TEXTS: Final = [
    ("A2IBPI20UZIR0U", "0000031852", 5, 1252800000), ("A2IBPI20UZIR0U", "B00004SQFD", 2, 1252972800),
    ("A14VAT5EAX3D9S", "0000031852", 4, 1252886400), ("A14VAT5EAX3D9S", "034545104X", 1, 1252886401),
    ("AH2L9G3DQHHAJ", "B00004SQFD", 3, 1019865600), ("AH2L9G3DQHHAJ", "034545104X", 5, 1019865601),
    ("A3SGXH7AUHU8GW", "0000031852", 5, 1303862400), ("A3SGXH7AUHU8GW", "B00004SQFD", 4, 1303862401),
    ("A1D87F6ZCVE5NK", "034545104X", 2, 1346976000), ("A1D87F6ZCVE5NK", "0000031852", 3, 1346976001),
]  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A data set of ten ratings.

    Attributes:
        like: Whose layout it is.
        files: Path within a folder -> content.
        result: What the command line says about it.
        data: What to give for `--data`, within the folder; the only file by default.
        options: Further options of the command line.
        shown: Its first line or two, where the file itself shows none.
    """

    like: str
    files: Mapping[str, str | bytes]
    result: str
    data: str = ""
    options: str = ""
    shown: str = ""

    def write(self, folder: Path) -> Path:
        """Write the files; returns what to give for `--data`."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / self.where

    @property
    def where(self) -> str:
        """What to give for `--data`."""
        return self.data or next(iter(self.files))

    @property
    def row(self) -> str:
        """Its row of the table."""
        content = next(iter(self.files.values()))
        text = self.shown or (content if isinstance(content, str) else content.decode("latin-1"))
        lines = [
            line
            for line in text.replace("\ufeff", "").replace("\t", "⇥").replace("|", "\\|").splitlines()[:2]
            if line
        ]
        shown = " ⏎ ".join(f"`{line[:70]}{'...' * (len(line) > 70)}`" for line in lines)
        command = f"`--data {self.where}{f' {self.options}' if self.options else ''}`"
        return f"| {self.like} | {shown} | {command} | {self.result} |\n"


def lines(
    rows: Iterable[tuple[Any, ...]], delimiter: str, header: str = "", end: str = "\n", fields: int = 4
) -> str:
    """Rows with a delimiter between their first fields."""
    whole = [delimiter.join(map(str, row[:fields])) + end for row in rows]
    return (header + end if header else "") + "".join(whole)


def objects(user: str, item: str, stars: str, time: str) -> list[dict[str, Any]]:
    """The texts as JSON objects with these keys."""
    return [
        {"review_id": f"r{place}", user: row[0], item: row[1], stars: float(row[2]), time: row[3]}
        for place, row in enumerate(TEXTS)
    ]


def zipped(name: str, content: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def parquet(rows: list[tuple[Any, ...]]) -> bytes:
    buffer = io.BytesIO()
    columns = [list(column) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, names=["user", "item", "rating", "timestamp"]), buffer)
    return buffer.getvalue()


def jester() -> str:
    """A line for each of ten users: how many jokes they rated, and all 100, where 99 is for none."""
    rated = [
        [f"{(joke * user) % 19 - 9.25:.2f}" if joke % (user + 10) == 0 else "99" for joke in range(1, 101)]
        for user in range(1, 11)
    ]
    return "".join(",".join([str(sum(rating != "99" for rating in row)), *row]) + "\n" for row in rated)


def netflix(movies: Iterable[int]) -> str:
    blocks = [
        f"{movie}:\n" + "".join(f"{user},{stars},2005-09-{user + 10}\n" for user, item, stars, _ in NUMBERS if item == movie)
        for movie in movies
    ]  # fmt: skip
    return "".join(blocks)


PLAIN: Final = lines(NUMBERS, ",", "user,movie,rating", fields=3)
OF_NUMBERS: Final = "10 ratings, 4 users, 4 rated movies, mean 3.4000"
OF_TEXTS: Final = "10 ratings, 5 users, 3 rated movies, mean 3.4000"
BOOK_CROSSING: Final = (
    '"User-ID";"ISBN";"Book-Rating"\n'
    + "".join(f'"{user}";"{item}";"{2 * stars}"\n' for user, item, stars, _ in TEXTS)
    + '"276725";"034545104X";"0"\n"276726";"Cidad\u00e3o";"10"\n"276729";"\\"052\\"";"8"\n'
)
REVIEWS: Final = "".join(
    f'{place},{item},{user},"Ann ""the"" critic",{stars},{time},"Fine,\nall in all"\n'
    for place, (user, item, stars, time) in enumerate(TEXTS)
)
TSV: Final = "".join(
    f'US\t{user}\tR{place}\t{item}\t361\tYu "Gi" Oh\t{stars}\t2015-08-{place + 10}\n'
    for place, (user, item, stars, _) in enumerate(TEXTS)
)
GOODREADS: Final = "".join(
    f"{user},{item},{int(stars > 1)},{0 if stars == 1 else stars},0\n" for user, item, stars, _ in NUMBERS
)
TWEETS: Final = [
    (user, f"0{item}", 2 * stars - 2 * (stars == 1), time) for user, item, stars, time in NUMBERS
]
YELP: Final = objects("user_id", "business_id", "stars", "date")
AMAZON: Final = objects("reviewerID", "asin", "overall", "unixReviewTime")

SAMPLES: Final = [
    Sample("MovieLens 1M, 10M", {"ml-1m/ratings.dat": lines(NUMBERS, "::")},
           f"ml-1m (ml-1m): {OF_NUMBERS}", data="ml-1m"),
    Sample("MovieLens 100K", {"ml-100k/u.data": lines(NUMBERS, "\t")},
           f"ml-100k (ml-100k): {OF_NUMBERS}", data="ml-100k"),
    Sample("MovieLens latest, 20M, 25M, 32M",
           {"ml-32m/ratings.csv": lines(NUMBERS, ",", "userId,movieId,rating,timestamp")},
           f"ml-32m (ml-csv): {OF_NUMBERS}", data="ml-32m"),
    Sample("your own, usual words", {"mine.csv": PLAIN}, f"mine (csv): {OF_NUMBERS}"),
    Sample("your own, other words",
           {"sales.csv": lines(TEXTS, ";", "Kunde;EAN code;Sterne;bought")},
           f"sales (csv): {OF_TEXTS}",
           options='--columns "user=Kunde,movie=EAN code,rating=Sterne,time=bought"'),
    Sample("no header (Amazon 2014)", {"ratings_Books.csv": lines(TEXTS, ",")},
           f"ratings_Books (csv): {OF_TEXTS}"),
    Sample("no header, another order (Amazon 2018)",
           {"Books.csv": lines([(item, user, stars, time) for user, item, stars, time in TEXTS], ",")},
           f"Books (csv): {OF_TEXTS}", options="--columns user=2,movie=1,rating=3,time=4"),
    Sample("typed header (RecBole)",
           {"ml.inter": lines(NUMBERS, "\t", "user_id:token\titem_id:token\trating:float\ttimestamp:float")},
           f"ml (csv): {OF_NUMBERS}"),
    Sample("Book-Crossing: Latin-1, 0 for not rated",
           {"BX-Book-Ratings.csv": BOOK_CROSSING.encode("latin-1")},
           "BX-Book-Ratings (csv): 12 ratings, 7 users, 5 rated movies, mean 7.1667",
           options="--scale 1:10 --not-rated 0"),
    Sample("Jester, a line a rating",
           {"jester_ratings.dat": lines([(user, item, stars * 2 - 5.5) for user, item, stars, _ in NUMBERS], "\t\t")},
           "jester_ratings (csv): 10 ratings, 4 users, 4 rated movies, mean 1.3000",
           options="--scale -10:10"),
    Sample("Jester, a line a user, 99 for not rated", {"jester-data-1.csv": jester()},
           "jester-data-1 (jester): 63 ratings, 10 users, 54 rated movies, mean -1.0913",
           options="--scale -10:10 --not-rated 99", shown="9,99,99,99,99,99,99,99,99,99,99,-7.25,99,..."),
    Sample("Amazon reviews, JSON lines",
           {"reviews.json.gz": gzip.compress("".join(f"{json.dumps(one)}\n" for one in AMAZON).encode())},
           f"reviews (json): {OF_TEXTS}", shown=json.dumps(AMAZON[0])),
    Sample("Amazon reviews, CSV with line ends in quotes",
           {"Reviews.csv": f"Id,ProductId,UserId,ProfileName,Score,Time,Text\n{REVIEWS}"},
           f"Reviews (csv): {OF_TEXTS}"),
    Sample("Amazon reviews, tabs",
           {"amazon.tsv": "marketplace\tcustomer_id\treview_id\tproduct_id\tproduct_parent\tproduct_title\t"
                          f"star_rating\treview_date\n{TSV}"},
           f"amazon (csv): {OF_TEXTS}"),
    Sample("Goodreads: 0 for not rated",
           {"goodreads_interactions.csv": f"user_id,book_id,is_read,rating,is_reviewed\n{GOODREADS}"},
           "goodreads_interactions (csv): 9 ratings, 4 users, 4 rated movies, mean 3.6667",
           options="--not-rated 0"),
    Sample("Yelp, JSON lines", {"review.json": "".join(f"{json.dumps(one)}\n" for one in YELP)},
           f"review (json): {OF_TEXTS}"),
    Sample("a JSON array", {"reviews.json": json.dumps(YELP, indent=1)}, f"reviews (json): {OF_TEXTS}",
           shown=f"[{json.dumps(YELP[0])}, ..."),
    Sample("Netflix Prize",
           {"netflix/combined_data_1.txt": netflix([661, 914]), "netflix/combined_data_2.txt": netflix([1193, 1357])},
           f"netflix (netflix): {OF_NUMBERS}", data="netflix"),
    Sample("MovieTweetings: 0 is a rating", {"tweets.dat": lines(TWEETS, "::")},
           "tweets (ml-1m): 10 ratings, 4 users, 4 rated movies, mean 6.6000", options="--scale 0:10"),
    Sample("FilmTrust, Epinions: blanks",
           {"filmtrust.txt": "".join(f"{user} {item}  {stars} \n" for user, item, stars, _ in NUMBERS)},
           f"filmtrust (csv): {OF_NUMBERS}"),
    Sample("Yahoo!: tabs, no header", {"train.txt": lines(NUMBERS, "\t", fields=3)}, f"train (csv): {OF_NUMBERS}"),
    Sample("HetRec",
           {"user_ratedmovies.dat": lines([(*row[:3], 29, 10, 2006) for row in NUMBERS], "\t",
                                          "userID\tmovieID\trating\tdate_day\tdate_month\tdate_year", fields=6)},
           f"user_ratedmovies (csv): {OF_NUMBERS}"),
    Sample("LibraryThing", {"librarything.tsv": lines(TEXTS, "\t", "user\twork\tstars\tunixtime")},
           f"librarything (csv): {OF_TEXTS}"),
    Sample("a spreadsheet's: `sep=`, decimal commas",
           {"excel.csv": "\ufeffsep=;\r\n" + lines([(user, item, f"{stars - 1},5") for user, item, stars, _ in NUMBERS],
                                                   ";", "user;movie;rating", "\r\n", 3)},
           "excel (csv): 10 ratings, 4 users, 4 rated movies, mean 2.9000"),
    Sample("blanks after the commas, a blank line at the end",
           {"blanks.csv": lines(NUMBERS, ", ", "user, movie, rating", fields=3) + "\n"}, f"blanks (csv): {OF_NUMBERS}"),
    Sample("pipes", {"pipes.txt": lines(NUMBERS, "|", "user|movie|rating", fields=3)}, f"pipes (csv): {OF_NUMBERS}"),
    Sample("a folder of parts, CSV (Spark)",
           {"out/part-00000-a.csv": lines(NUMBERS[:4], ",", "userId,movieId,rating", fields=3),
            "out/part-00001-a.csv": "",
            "out/part-00002-a.csv": lines(NUMBERS[4:], ",", "userId,movieId,rating", fields=3), "out/_SUCCESS": ""},
           f"out (csv): {OF_NUMBERS}", data="out"),
    Sample("Parquet", {"r.parquet": parquet(NUMBERS)}, f"r (parquet): {OF_NUMBERS}",
           shown="columns user, item, rating, timestamp"),
    Sample("a folder of parts, Parquet (Spark)",
           {"lake/part-00000.snappy.parquet": parquet(NUMBERS[:4]), "lake/_SUCCESS": "",
            "lake/part-00001.snappy.parquet": parquet(NUMBERS[4:])},
           f"lake (parquet): {OF_NUMBERS}", data="lake", shown="columns user, item, rating, timestamp"),
    Sample("a folder of partitions, Parquet (Hive, DuckDB, Polars)",
           {"lake/year=2000/0.parquet": parquet(NUMBERS[:4]), "lake/year=2001/0.parquet": parquet(NUMBERS[4:]),
            "lake/_temporary/0.parquet": b""},
           f"lake (parquet): {OF_NUMBERS}", data="lake", shown="columns user, item, rating, timestamp"),
    Sample("numbered files, or those of a pattern",
           {"days/day-1.csv": lines(NUMBERS[:4], ",", "user,movie,rating", fields=3),
            "days/day-2.csv": lines(NUMBERS[4:], ",", "user,movie,rating", fields=3), "days/notes.txt": ""},
           f"days (csv): {OF_NUMBERS}", data="days/day-*.csv", shown="any of these"),
    Sample("gzip", {"mine.csv.gz": gzip.compress(PLAIN.encode())}, f"mine (csv): {OF_NUMBERS}", shown="any of these"),
    Sample("bzip2", {"mine.csv.bz2": bz2.compress(PLAIN.encode())}, f"mine (csv): {OF_NUMBERS}", shown="any of these"),
    Sample("xz", {"mine.csv.xz": lzma.compress(PLAIN.encode())}, f"mine (csv): {OF_NUMBERS}", shown="any of these"),
    Sample("zstd", {"mine.csv.zst": zstd.compress(PLAIN.encode())}, f"mine (csv): {OF_NUMBERS}", shown="any of these"),
    Sample("zip with one member", {"mine.zip": zipped("mine.csv", PLAIN)}, f"mine (csv): {OF_NUMBERS}",
           shown="any of these"),
    Sample("rated again and again",
           {"again.csv": PLAIN + "1,1193,1\n"}, f"again (csv): {OF_NUMBERS}", options="--repeats first"),
]  # fmt: skip


def table() -> str:
    """The table of docs/data.md."""
    head = "| like | its first lines | `python -m training split ...` | prints |\n| --- | --- | --- | --- |\n"
    return head + "".join(sample.row for sample in SAMPLES)


def written_table() -> str:
    """The table as the page has it."""
    return PAGE.read_text("utf-8").partition(BEGINNING)[2].partition(END)[0]


if __name__ == "__main__":
    before, _, rest = PAGE.read_text("utf-8").partition(BEGINNING)
    PAGE.write_text(before + BEGINNING + table() + END + rest.partition(END)[2], "utf-8")
