"""Strange files: each is refused with a line and what to do, or read rightly, with a note where it might be wrong."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.training.data.helpers import rated, write
from training.data.readers.ratings import ColumnNames, load_ratings
from training.errors import DataError

HEADER = "userId,movieId,rating,timestamp\n"
OWN = "user,movie,rating\n"
TIMED = "user,movie,rating,time\n"


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, OWN + "1,1,1\n")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("ratings.csv"), io.BytesIO())
    return buffer.getvalue()


def many(rating: str, rows: int = 300) -> str:
    """A file of 1 to 5 stars, and this rating at its end."""
    return OWN + "".join(f"{row},1,{row % 5 + 1}\n" for row in range(rows)) + f"9999,1,{rating}\n"


REFUSED = [
    # name of the case, file, content, line, part of the message
    ("nothing", "ratings.dat", "", None, "empty"),
    ("blank lines only", "x.csv", "\n\n\n", None, "empty"),
    ("header only", "ratings.csv", HEADER, None, "no row below the header"),
    ("header without newline", "ratings.csv", HEADER.strip(), None, "no row below the header"),
    ("delimiter line only", "x.csv", "sep=;\n", None, "no row below the line"),
    ("blank first line", "ratings.dat", "\n1::1::1::1\n", 1, "blank"),
    ("blank line inside", "ratings.dat", "1::1::1::1\n\n2::1::1::1\n", 2, "blank"),
    ("blank line inside, csv", "x.csv", OWN + "1,1,1\n\n2,1,1\n", 3, "blank"),
    ("line of spaces", "u.data", "1\t1\t1\t1\n   \n", 2, "blank"),
    ("line of spaces, blanks", "x.txt", "1 1 1\n   \n2 1 1\n", 2, "blank"),
    ("too few fields", "ratings.dat", "1::1::1::1\n2::1::1\n", 2, "expected 4 fields separated by '::', found 3"),
    ("too many fields", "ratings.dat", "1::1::1::1\n2::1::1::1::1\n", 2, "found 5"),
    ("single colon", "ratings.dat", "1::1::1::1\n2::1:1::1\n", 2, "found 3"),
    ("text between colons", "ratings.dat", "1::1::1::1\n2:x:1::1::1\n", 2, "found 3"),
    ("extra colon", "ratings.dat", "1::1::1::1\n2:::1::1::1\n", 2, "a field contains ':'"),
    ("too few fields, csv", "ratings.csv", HEADER + "1,1,1,1\n2,1,1\n", 3, "expected 4 fields"),
    ("too many fields, csv", "ratings.csv", HEADER + "1,1,1,1,\n", 2, "found 5"),
    ("too many fields, quoted", "x.csv", OWN + '"1",1,1,1\n', 2, "found 4"),
    ("too many fields, tabs", "u.data", "1\t1\t1\t1\n1\t2\t1\t1\t9\n", 2, "found 5"),
    ("too many fields, blanks", "x.txt", "1 1 1\n1 2 1 9\n", 2, "separated by blanks, found 4"),
    ("too few fields, Netflix", "x.txt", "1:\n5,3,2005-09-06\n6,3\n", 3, "a user, a rating and a date"),
    ("no blank after a comma", "x.csv", "user, movie, rating\n" + "1, 2, 3\n" * 100 + "2,3, 4\n", 102, "no blank"),
    ("unknown words", "x.csv", "who,what,much\n1,1,1\n", 1, "has the columns 'who, what, much'"),
    ("no rating among the words", "x.csv", "user,movie,much\n1,1,1\n", 1, "known as the rating; name it: --columns rating=NAME"),
    ("unknown keys", "x.json", '{"who": 1, "what": 1, "stars": 1}\n', 1, "known as the user or the movie"),
    ("header in a ml-100k file", "u.data", "who\twhat\tmuch\twhen\n1\t1\t1\t1\n", 1, "'much' is not a number"),
    ("two user columns", "x.csv", "user,customer,movie,rating\n1,1,1,1\n", 1, "'user' and 'customer'"),
    ("column twice", "x.csv", "user,movie,rating,rating\n1,1,1,1\n", 1, "both be the rating"),
    ("two titles for ids", "x.csv", "user,movie_year,movie_name,rating\n1,1,1,1\n", 1,
     "'movie_year' and 'movie_name' could both be the movie"),
    ("two delimiters alike", "x.csv", "user;movie;rating,user,movie,rating\n1;1;1,1,1,1\n", 1, "use one delimiter"),
    ("missing rating", "x.csv", OWN + "1,1,\n", 2, "rating is missing"),
    ("missing rating in JSON", "x.json", '{"user": 1, "movie": 1, "rating": 1}\n{"user": 1, "movie": 2}\n', 2,
     "rating is missing"),
    ("blank rating", "x.csv", OWN + "1,1, \n", 2, "rating is missing"),
    ("NaN", "x.csv", OWN + "1,1,4\n1,2,NaN\n", 3, "'NaN' is not a number"),
    ("infinity", "x.csv", OWN + "1,1,inf\n", 2, "not a number"),
    ("text", "ratings.dat", "1::1::good::1\n", 1, "'good' is not a number"),
    ("a few words", "x.csv", many("good"), 302, "'good' is not a number from 0 to 5"),
    ("underscore", "x.csv", OWN + "1,1,1_0\n", 2, "not a number"),
    ("arabic digit", "x.csv", OWN + "1,1,٤\n", 2, "not a number"),
    ("hexadecimal", "x.csv", OWN + "1,1,0x1\n", 2, "not a number"),
    ("blank before the number", "x.csv", OWN + "1,1, 4\n", 2, "not a number"),
    ("true", "x.json", '{"user": 1, "movie": 1, "rating": true}\n', 1, "'true' is not a number"),
    ("points and decimal commas", "x.csv", "user;movie;rating\n1;1;4.5\n2;1;3,5\n", 3, "decimal comma; write '3.5'"),
    ("decimal comma, quoted", "x.csv", OWN + '1,1,"3,5"\n', 2, "decimal comma"),
    ("below the scale", "ratings.dat", "1::1::1::1\n1::2::-0.5::1\n", 2, "off the scale, which is 0 to 5"),
    ("above the scale", "u.data", "1\t1\t5.01\t1\n", 1, "off the scale"),
    ("scale of ten", "x.csv", OWN + "1,1,4\n1,2,7\n1,3,10\n", 3, "go from 4 to 10: say --scale 1:10"),
    ("scale of hundred", "x.csv", OWN + "1,1,80\n1,2,100\n", 2, "say --scale 0:100"),
    ("scale around zero", "x.csv", OWN + "1,1,-9.5\n1,2,0\n1,3,8\n", 2, "say --scale -10:10"),
    ("huge", "x.csv", OWN + "1,1,1e999\n", 2, "off the scale"),
    ("a slip", "x.csv", many("55"), 302, "55 stands in 1 of 301 rows, as by a slip"),
    ("times for ratings", "x.csv", OWN + "".join(f"{row},1,{978300760 + row}\n" for row in range(9)), 2,
     "is this the column of ratings?"),
    ("empty user", "x.csv", OWN + ",1,1\n", 2, "user id is empty"),
    ("empty movie", "ratings.dat", "1::::1::1\n", 1, "movie id is empty"),
    ("null user in JSON", "x.json", '[{"user": null, "movie": 1, "rating": 1}]', None, "entry 1: the user id is empty"),
    *((f"{word} for a user", "x.csv", f"{OWN}1,1,1\n{word},1,1\n", 3, "--keep-null-ids")
      for word in ("nan", "NaN", "None", "NULL", "null", "NA", "N/A", "<NA>", "\\N", "NaT")),
    ("1 and 1.0", "x.csv", OWN + "1,7,1\n2,7,1\n1.0,8,1\n", 4, "hold '1' as well as '1.0'"),
    ("5.00 and 5", "x.csv", OWN + "1,5.00,1\n2,5,1\n", 3, "hold '5' as well as '5.00'"),
    ("overlong id", "x.csv", OWN + "1,1,1\n" + "a" * 257 + ",1,1\n", 3, "257 characters"),
    ("blank around an id", "x.csv", OWN + "1, 2,1\n", 2, "movie id ' 2' has blanks around it"),
    ("no-break space around an id", "x.csv", OWN + "1\u00a0,2,1\n", 2, "blanks around it"),
    ("control character in an id", "x.csv", OWN + "a\x07b,2,1\n", 2, "control character"),
    ("NUL in an id", "ratings.dat", "1::1::1::1\n1\x00::2::1::1\n", 2, "control character"),
    ("line separator in an id", "x.csv", OWN + "a\u2028b,2,1\n", 2, "control character"),
    ("newline in an id", "x.csv", OWN + '"a\nb",2,1\n', 2, "control character"),
    ("newlines before an empty id", "x.csv", 'user,movie,rating,note\n1,1,1,"a\n\nb"\n2,1,1,c\n,1,1,c\n', 6, "is empty"),
    ("carriage return alone", "x.csv", OWN + "1,1,1\r2,1,1\n", 2, "carriage return"),
    ("carriage returns alone", "x.csv", (OWN + "1,1,1\n2,1,1\n").replace("\n", "\r"), 1, None),
    ("carriage return beside a quoted newline", "x.csv", 'user,movie,rating,note\n1,1,1,\r2,1,1,"a\nb"\n', 2,
     "carriage return"),
    ("two carriage returns", "x.csv", OWN + "1,1,1\r\r\n", 2, "carriage return"),
    ("cut in the middle of a letter", "x.csv", OWN.encode() + "é,1,1\nJos".encode() + b"\xc3", 3, "not UTF-8"),
    ("latin-1 beside UTF-8", "x.csv", (OWN + "é,1,1\n").encode() + b"caf\xe9,1,1\n", 3, "byte 4 is not UTF-8"),
    ("neither UTF-8 nor Windows-1252", "x.csv", OWN.encode() + b"caf\xe9\x81,1,1\n", 2, "not UTF-8"),
    ("utf-16", "x.csv", (OWN + "1,1,1\n").encode("utf-16"), None, "UTF-16"),
    ("utf-16 without a mark", "x.csv", (OWN + "1,1,1\n").encode("utf-16-le"), None, None),
    ("not text at all", "x.csv", bytes(range(1, 256)) * 10, None, None),
    ("zeros", "x.csv", bytes(1000), None, None),
    ("damaged zip", "ratings.csv", b"PK\x03\x04....", None, "zip"),
    ("zip of two", "x.zip", zipped("a.csv", "b.csv"), None, "2 files (a.csv, b.csv); unpack it"),
    ("zip of none", "x.zip", b"PK\x05\x06" + bytes(18), None, None),
    ("Excel", "x.xlsx", zipped("[Content_Types].xml", "xl/workbook.xml"), None, "save the sheet as 'CSV UTF-8"),
    ("old Excel", "x.xls", b"\xd0\xcf\x11\xe0" + bytes(600), None, "save the sheet as 'CSV UTF-8"),
    ("OpenDocument", "x.ods", zipped("mimetype", "content.xml"), None, "save the sheet as CSV"),
    ("SQLite", "x.db", b"SQLite format 3\x00" + bytes(100), None, "export the table"),
    ("Arrow", "x.arrow", b"ARROW1\x00\x00" + bytes(100), None, "save it as Parquet"),
    ("pickle", "x.pkl", b"\x80\x04\x95" + bytes(100), None, "never opened"),
    ("tar", "x.tar", tarred(), None, "tar archive; unpack it"),
    ("packed tar", "x.tar.gz", gzip.compress(tarred()), None, "tar archive; unpack it"),
    ("damaged gzip", "ratings.csv", b"\x1f\x8b\x08....", None, "gzip"),
    ("gzip cut off", "x.gz", gzip.compress(many("5").encode())[:-20], None, "packed with gzip, and damaged"),
    ("zstd cut off", "x.zst", b"\x28\xb5\x2f\xfd\x00", None, "packed with zstd, and damaged"),
    ("bzip2 cut off", "x.bz2", b"BZh91AY&SY", None, "packed with bzip2, and damaged"),
    ("packed again and again", "x.gz", gzip.compress(gzip.compress(gzip.compress(OWN.encode()))), None, "3 times"),
    ("quote left open", "x.csv", OWN + '1,"1,1\n2,1,1\n', 2, "a quoted field is not closed"),
    ("text after a quote", "x.csv", OWN + '1,1,1\n"2"3,1,1\n', 3, "text follows its end"),
    ("Python for JSON", "x.json", "{'user': 1, 'movie': 1, 'rating': 1}\n", 1, "json.dumps"),
    ("JSON with a fault", "x.json", '{"user": 1, "movie": 1, "rating": 1}\n{"user": 1, "movie"\n', 2, "the line is not JSON"),
    ("JSON with NaN", "x.json", '{"user": 1, "movie": 1, "rating": NaN}\n', 1, None),
    ("JSON of numbers", "x.json", "[1, 2, 3]", 1, "not of objects"),
    ("JSON in an object", "x.json", json.dumps({"ratings": [{"user": 1}]}), 1, "has the columns 'ratings'"),
    ("JSON with an object for the user", "x.json", '{"user": {"id": 1}, "movie": 1, "rating": 1}\n', 1, "write its id"),
    ("JSON with a list for the movie", "x.json", '[{"user": 1, "movie": [1], "rating": 1}]', 1, "write its id"),
    ("JSON with true for the user", "x.json", '{"user": true, "movie": 1, "rating": 1}\n', 1, "write its id"),
    ("JSON with an object for the rating", "x.json", '{"user": 1, "movie": 1, "rating": {"all": 3}}\n', 1, "is not a number"),
    ("JSON with a key twice", "x.json", '{"user": 1, "user": 7, "movie": 1, "rating": 3}\n', None, None),
    ("JSON with keys that differ by case", "x.json", '{"user": 1, "User": 7, "movie": 1, "rating": 3}\n', 1, "could both be the user"),
    ("JSON with an empty object", "x.json", '{"user": 1, "movie": 1, "rating": 1}\n{}\n', 2, "user id is empty"),
    ("JSON array with text behind it", "x.json", '[{"user": 1, "movie": 1, "rating": 1}] x\n', None, "cannot be read as JSON"),
    ("the end of a file of DOS", "x.csv", OWN + "1,1,1\n\x1a", 3, "found 1"),
    ("comment on top", "x.csv", "# made by x\n" + OWN + "1,1,1\n", 1, "has the columns '#, made, by, x'"),
    ("single quotes", "x.csv", "user,movie,rating\n'1','1','3'\n", 2, "is not a number"),
    ("blanks before pipes", "x.txt", "user | movie | rating\n1 | 1 | 3\n", 2, "has blanks around it"),
    ("carets", "x.csv", "user^movie^rating\n1^1^3\n", 1, "not a known layout"),
    ("header twice", "x.csv", OWN + "1,1,1\n" + OWN + "2,1,1\n", 3, "'rating' is not a number"),
    ("percent", "x.csv", OWN + "1,1,80%\n", 2, "'80%' is not a number"),
    ("fraction", "x.csv", OWN + "1,1,4/5\n", 2, "'4/5' is not a number"),
    ("drawn stars", "x.csv", OWN + "1,1,★★★\n", 2, "is not a number"),
    ("no ratings at all", "x.csv", "user,item\n1,1\n2,1\n", 1, "known as the rating"),
    ("a matrix", "x.csv", "user,m1,m2\n1,5,\n2,,4\n", 1, "known as the movie or the rating"),
    ("deep JSON", "x.json", "[" * 100_000, 1, None),
    ("pair twice", "ratings.dat", "1::1::1::1\n2::1::1::1\n1::1::4::9\n", 3, "first on line 1"),
    ("pair twice, csv", "x.csv", OWN + "2,3,1\n1,3,1\n2,3,1\n", 4, "user_2 rates movie_3 a second time, first on line 2"),
    ("pair three times", "x.csv", OWN + "9,9,1\n1,1,1\n1,1,1\n9,9,1\n9,9,2\n", 4, "first on line 3; 2 pairs are"),
    ("two pairs twice", "x.csv", OWN + "9,9,1\n1,1,1\n9,9,1\n1,1,1\n", 4, "user_9 rates movie_9"),
    ("pair twice, JSON", "x.json", '[{"user":"a","movie":1,"rating":1},{"user":"a","movie":1,"rating":1}]', None,
     "entry 2: a rates movie_1 a second time, first on entry 1"),
    ("the first of two errors", "x.csv", OWN + "1,1,4\n1,2,x\n,3,1\n", 3, "'x'"),
    ("one endless line", "ratings.dat", "1::1::1::1\n" + "9" * 2**21, 2, "longer than"),
    ("one endless note", "x.csv", 'user,movie,rating,note\n1,1,1,"' + "9" * 2**21 + '"\n', 2, None),
    ("pages of a web site", "x.csv", "<!DOCTYPE html>\n<html><body>Not found</body></html>\n", 1, "has the columns '<!DOCTYPE, html>'"),
    ("Git LFS pointer", "x.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", 1, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "line", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_file_is_refused_with_its_line(
    tmp_path: Path, name: str, content: str | bytes, line: int | None, message: str | None
) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(DataError) as caught:
        load_ratings(path)
    text = str(caught.value)
    if message is not None:
        assert message in text
        assert caught.value.line == line
    assert text.startswith(f"{path}:")
    assert len(text.splitlines()) == 1
    assert len(text) < len(str(path)) + 400
    assert text.isprintable()


ONE = [("user_1", "movie_1", 1.0)]
TWO = [("user_1", "movie_1", 1.0), ("user_2", "movie_1", 2.0)]
LATIN = "read as Latin-1"
HEADLESS = "there is no header"

READ = [
    # name of the case, file, content, what is read, part of a note
    ("blank line at the end", "ratings.csv", HEADER + "1,1,1,1\n\n", ONE, None),
    ("blank lines at the end, CRLF", "x.csv", OWN + "1,1,1\r\n\r\n\r\n", ONE, None),
    ("tabs where colons belong", "ratings.dat", "1\t1\t1\t1\n2\t1\t2\t1\n", TWO, None),
    ("commas where tabs belong", "u.data", "1,1,1,1\n2,1,2,2\n", TWO, HEADLESS),
    ("csv without header", "ratings.csv", "1,1,1.0,964982703\n2,1,2.0,964981247\n", TWO, HEADLESS),
    ("three fields without header", "x.csv", "a,b,1\n", [("a", "b", 1.0)], HEADLESS),
    ("header in a ml-1m file", "ratings.dat", "userId::movieId::rating::timestamp\n1::1::1::1\n2::1::2::2\n", TWO, None),
    ("extra columns", "x.csv", "note,user,is_read,movie,rating\nx,1,0,1,1\n,2,1,1,2\n", TWO, None),
    ("empty column name", "x.csv", ",user,movie,rating\n0,1,1,1\n1,2,1,2\n", TWO, None),
    ("trailing delimiter in header and rows", "x.csv", "user,movie,rating,\n1,1,1,\n2,1,2,\n", TWO, None),
    ("mixed line ends", "x.csv", OWN + "1,1,1\r\n2,1,2\n", TWO, None),
    ("CRLF and quoted newlines", "x.csv", 'user,movie,rating,note\r\n1,1,1,"a\nb"\r\n2,1,2,"c\r\nd"\r\n', TWO, None),
    ("quoted carriage return", "x.csv", 'user,movie,rating,note\n1,1,1,"a\rb"\n2,1,2,c\n', TWO, None),
    ("quoted newline", "x.csv", 'user,movie,rating,note\n1,1,1,\n2,1,2,"a\nb"\n', TWO, None),
    ("quoted header with byte order mark", "x.csv", '\ufeff"user","movie","rating"\n"1","1","1"\n2,1,2\n', TWO, None),
    ("backslash before a quote", "x.csv", 'user,movie,rating\n"a\\"b",x,1\n', [('a"b', "x", 1.0)], None),
    ("backslash that is none", "x.csv", 'user,movie,rating\n"a\\b",x,1\n', [("a\\b", "x", 1.0)], None),
    ("quote inside a field", "x.csv", 'user,movie,rating\nthe "b,x,1\n', [('the "b', "x", 1.0)], None),
    ("quotes and commas in ids", "x.csv", OWN + 'a b,"x,y",1\n"say ""hi""",z,2\n',
     [("a b", "x,y", 1.0), ('say "hi"', "z", 2.0)], None),
    ("latin-1 in an id", "x.csv", (OWN + "1,1,1\nJosé,1,1\n").encode("latin-1"),
     [("1", "movie_1", 1.0), ("José", "movie_1", 1.0)], LATIN),
    ("latin-1 in another column", "x.csv", b"user,movie,rating,note\n1,1,1,caf\xe9\n2,1,2,\n", TWO, LATIN),
    ("Windows-1252", "x.csv", OWN.encode() + b"\x93a\x94,b,1\n", [("“a”", "b", 1.0)], LATIN),
    ("decimal commas", "x.csv", "user;movie;rating\n1;1;1,0\n2;1;2\n", TWO, None),
    ("decimal commas and tabs", "x.tsv", "user\tmovie\trating\n1\t1\t1,0\n2\t1\t2,0\n", TWO, None),
    ("leading zeros", "x.csv", OWN + "007,1,1\n7,1,2\n", [("007", "movie_1", 1.0), ("7", "movie_1", 2.0)], None),
    ("UUIDs", "x.csv", OWN + "8c5b9c4e-0f7b-4d53-9d0e-1f6a5c0b9f11,1,1\n",
     [("8c5b9c4e-0f7b-4d53-9d0e-1f6a5c0b9f11", "movie_1", 1.0)], None),
    ("20 digits", "x.csv", OWN + "12345678901234567890,1,1\n", [("12345678901234567890", "movie_1", 1.0)], None),
    ("20 digits in JSON", "x.json", '{"user": 12345678901234567890, "movie": "01", "rating": 1.0}\n',
     [("12345678901234567890", "01", 1.0)], None),
    ("all ids with .0", "x.csv", OWN + "1.0,1,1\n2.0,1,2\n", [("1.0", "movie_1", 1.0), ("2.0", "movie_1", 2.0)], None),
    ("names like nothing", "x.csv", OWN + "Nan Goldin,1,1\nnone at all,1,2\n",
     [("Nan Goldin", "movie_1", 1.0), ("none at all", "movie_1", 2.0)], None),
    ("other scripts", "x.csv", OWN + "\u200dزن\u200cها,京,1\n", [("\u200dزن\u200cها", "京", 1.0)], None),
    ("numbers in all spellings", "x.csv", OWN + "1,1,1e0\n2,1,+2.\n", TWO, None),
    ("path-like and SQL-like ids", "x.csv", OWN + "'; DROP TABLE entries; --,../../etc/passwd,1\n",
     [("'; DROP TABLE entries; --", "../../etc/passwd", 1.0)], None),
    ("SQL-like column", "x.csv", 'user,movie,rating,"a"" FROM x; --"\n1,1,1,\n2,1,2,\n', TWO, None),
    ("SQL-like key", "x.json", '{"us\'er": 0, "user": 1, "movie": 1, "rating": 1, "\\"": 2}\n', ONE, None),
    ("JSON with blank lines", "x.json", '\n{"user": 1, "movie": 1, "rating": 1}\n\n', None, None),
    ("JSON over several lines", "x.json", '{"user": 1,\n "movie": 1,\n "rating": 1}\n{"user":2,"movie":1,"rating":2}\n',
     TWO, None),
    ("JSON with other keys at times", "x.json",
     '{"user": 1, "movie": 1, "rating": 1}\n{"x": [1, {"y": 2}], "user": 2, "movie": 1, "rating": 2}\n', TWO, None),
    ("word that was looked for", "x.csv", "user_name,Movie-Title,Stars given\nann,Heat,5\n",
     [("ann", "Heat", 5.0)], "columns: user=user_name, movie=Movie-Title, rating=Stars given"),
    ("exact names before beginnings", "x.csv", "movie_title,movie_id,user_name,user_id,rating_count,rating\na,1,b,1,9,1\n",
     ONE, None),
    ("zeros beside stars", "x.csv", OWN + "".join(f"1,{movie},{movie}\n" for movie in range(5)), None,
     "0 stands in 20.0 % of the rows; where that means 'not rated', say --not-rated 0"),
    ("zip with a Mac's folder", "x.zip", zipped("__MACOSX/._a.csv", "a.csv"), ONE, None),
    ("Netflix with CRLF and empty blocks", "x.txt", "1:\r\n1,1,2005-09-06\r\n2,2,2005-09-06\r\n2:\r\n", TWO, None),
    ("blanks and quotes", "x.csv", 'user, movie, rating\n1, "a, b", 3\n2, "c", 4\n',
     [("user_1", "a, b", 3.0), ("user_2", "c", 4.0)], None),
    ("two JSON objects on a line", "x.json", '{"user":1,"movie":1,"rating":1}{"user":2,"movie":1,"rating":2}\n', TWO, None),
    ("ids that look like the same number", "x.csv", OWN + "1e3,1,3\n1000,1,4\n+1,1,3\n-0,1,3\n",
     [("1e3", "movie_1", 3.0), ("1000", "movie_1", 4.0), ("+1", "movie_1", 3.0), ("-0", "movie_1", 3.0)], None),
    ("ids that differ by case or accents", "x.csv", OWN + "Bob,1,3\nbob,1,4\ne\u0301,1,3\n\u00e9,1,4\n",
     [("Bob", "movie_1", 3.0), ("bob", "movie_1", 4.0), ("e\u0301", "movie_1", 3.0), ("\u00e9", "movie_1", 4.0)], None),
    ("upper case", "x.csv", "USER_ID,ITEM_ID,RATING,TIMESTAMP\n1,1,1,5\n2,1,2,6\n", TWO, None),
    ("gzip in a zip", "x.bin", gzip.compress(zipped("a.csv")), ONE, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "expected", "note"), [case[1:] for case in READ], ids=[case[0] for case in READ]
)
def test_a_file_is_read_rightly(
    tmp_path: Path,
    name: str,
    content: str | bytes,
    expected: list[tuple[str, str, float]] | None,
    note: str | None,
) -> None:
    path = write(tmp_path, name, content)
    if expected is None and note is None:
        with pytest.raises(DataError):
            load_ratings(path)
        return
    table = load_ratings(path)
    if expected is not None:
        assert rated(table) == expected
    said = (
        [one for one in table.notes if not one.startswith("columns: ")] if note is None else list(table.notes)
    )
    assert said == [] if note is None else any(note in one for one in said)


def test_there_are_many() -> None:
    assert len(REFUSED) + len(READ) >= 150


def test_numbers_at_the_ends_of_the_scale_are_legal(tmp_path: Path) -> None:
    content = OWN + "1,1,5\n1,2,0\n1,3,0.0\n1,4,.5\n1,5,5.\n1,6,+2\n1,7,1e0\n"
    assert load_ratings(write(tmp_path, "x.csv", content)).ratings.tolist() == [5, 0, 0, 0.5, 5, 2, 1]


def test_columns_that_are_not_there_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "user,movie,rating\n1,1,1\n")
    with pytest.raises(DataError, match="has the columns 'user, movie, rating', but not 'who'") as caught:
        load_ratings(path, columns=ColumnNames("who", "movie", "rating"))
    assert caught.value.line == 1


def test_named_columns_are_matched_by_case(tmp_path: Path) -> None:
    path = write(tmp_path, "x.csv", "User,movie,rating\n1,1,1\n")
    with pytest.raises(DataError):
        load_ratings(path, columns=ColumnNames("user", "movie", "rating"))


def test_parts_that_differ_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "part-0.csv", TIMED + "1,1,1,1\n")
    second = write(tmp_path, "part-1.csv", OWN + "2,1,1\n")
    with pytest.raises(DataError, match=r"has no times, unlike part-0\.csv"):
        load_ratings(tmp_path)
    write(tmp_path, "part-1.csv", TIMED + "2,1,1,1\n2,2,x,1\n")
    with pytest.raises(DataError, match="'x' is not a number") as caught:
        load_ratings(tmp_path)
    assert (caught.value.path, caught.value.line) == (second, 3)


def test_a_file_that_may_not_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "x.csv", OWN + "1,1,1\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        load_ratings(path)
