"""Unpack files, and convert text to UTF-8, so that a parser can read them."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from backports import zstd

from training.data.files.text_scan import TextScan
from training.errors import DataError

LONGEST_LINE: Final = 2**20
_BLOCK: Final = 2**20
_DEEPEST: Final = 3
PARQUET_MAGIC: Final = b"PAR1"
_SPREADSHEET: Final = (
    "an Excel workbook; in Excel, save the sheet as 'CSV UTF-8 (Comma delimited)', and give that file"
)
_OPENERS: Final[tuple[tuple[bytes, str, Callable[[Path], Any]], ...]] = (
    (b"\x1f\x8b", "gzip", gzip.GzipFile),
    (b"BZh", "bzip2", bz2.BZ2File),
    (b"\xfd7zXZ", "xz", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", "zstd", zstd.ZstdFile),
)
# First bytes of kinds of files that are not read.
_FOREIGN: Final = (
    (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
    (b"\xd0\xcf\x11\xe0", _SPREADSHEET),
    (b"SQLite format 3", "an SQLite database; export the table of ratings as CSV"),
    (b"ARROW1", "an Arrow file; save it as Parquet"),
    (b"\x89HDF", "an HDF5 file; save the ratings as Parquet or CSV"),
    (b"\x80\x04", "a Python pickle, which is never opened; save the ratings as Parquet or CSV"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
)
_TAR: Final = (257, b"ustar")
_BLOCK_LINE: Final = re.compile(rb"^([0-9]+):\n", re.MULTILINE)
_UNPACKING: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError, zipfile.BadZipFile)


@dataclass(frozen=True)
class PlainFile:
    """A file that a parser can read.

    Attributes:
        given: The path that the user gave, for messages.
        path: The plain file: `given`, or a temporary copy.
        latin1: Whether the original was Latin-1.
    """

    given: Path
    path: Path
    latin1: bool = False

    @property
    def is_parquet(self) -> bool:
        """Whether it is Parquet, by its name or its first bytes."""
        named = Path(without_packing(self.given.name)).suffix.lower() in (".parquet", ".pq")
        return named or head_of(self).startswith(PARQUET_MAGIC)


def without_packing(name: str) -> str:
    """Return a file's name without the ending of its compression: `a.csv` for `a.csv.gz`."""
    stem, dot, ending = name.rpartition(".")
    return stem if dot and stem and ending.lower() in ("gz", "bz2", "xz", "zst", "zip") else name


def unpack(given: Path, folder: Path) -> PlainFile:
    """Unpack a file, repeatedly if needed.

    Args:
        given: gzip, bzip2, xz, zstd, zip with one member, or none of these.
        folder: The folder for copies.

    Raises:
        DataError: If it cannot be read or unpacked, or is of a kind that holds no ratings.
    """
    plain = PlainFile(given, given)
    for depth in range(_DEEPEST):
        head = head_of(plain)
        for magic, what in _FOREIGN:
            if head.startswith(magic):
                raise DataError(given, f"this is {what}")
        if head[_TAR[0] :].startswith(_TAR[1]):
            raise DataError(given, "this is a tar archive; unpack it, and give the file or the folder")
        target = folder / f"unpacked{depth}-{len(list(folder.iterdir()))}"
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            _copy(given, "zip", lambda path: _member(given, path), plain.path, target)
        else:
            opener = next((one for one in _OPENERS if head.startswith(one[0])), None)
            if opener is None:
                return plain
            _copy(given, opener[1], opener[2], plain.path, target)
        if plain.path != given:
            plain.path.unlink()
        plain = PlainFile(given, target)
    raise DataError(given, f"is packed more than {_DEEPEST} times; unpack it first")


def as_text(plain: PlainFile, scan: TextScan, folder: Path) -> PlainFile:
    """Return the file as UTF-8 text with one kind of line end; a copy if it is not.

    A file that is not UTF-8 is read as Windows-1252, which is Latin-1 with letters in place of 27 control
    characters, unless a letter beyond ASCII in it is valid UTF-8.

    Raises:
        DataError: A byte is neither; the error has its line.
    """
    if scan.utf8 and scan.ends in (0, scan.newlines):
        return plain
    if not scan.utf8 and _has_utf8_letters(plain):
        raise _not_utf8(plain)
    copy = folder / f"text-{len(list(folder.iterdir()))}"
    decoder = codecs.getincrementaldecoder("utf-8" if scan.utf8 else "cp1252")()
    try:
        with plain.path.open("rb") as source, copy.open("w", encoding="utf-8", newline="\n") as target:
            held = ""
            while block := source.read(_BLOCK):
                text = held + decoder.decode(block)
                # A pair may be split between two blocks.
                held = "\r" if text.endswith("\r") else ""
                target.write(text.removesuffix("\r").replace("\r\n", "\n"))
            target.write(held)
    except UnicodeDecodeError as error:
        raise _not_utf8(plain) from error
    except OSError as error:
        raise _not_copied(plain.given, error) from error
    return PlainFile(plain.given, copy, latin1=not scan.utf8)


def without_blocks(plain: PlainFile, folder: Path) -> PlainFile:
    """Copy a file in blocks (`7:`, then lines of that movie) with the movie at the end of each line.

    The line that names the movie becomes a blank one, so that lines keep their numbers.
    """
    copy, movie = folder / f"lines-{len(list(folder.iterdir()))}", b""
    try:
        with plain.path.open("rb") as source, copy.open("wb") as target:
            while lines := source.readlines(_BLOCK):
                text = b"".join(lines).replace(b"\r\n", b"\n").removesuffix(b"\n") + b"\n"
                rows, *blocks = _BLOCK_LINE.split(text)
                target.write(rows.replace(b"\n", b"," + movie + b"\n"))
                for movie, rows in zip(blocks[::2], blocks[1::2], strict=True):
                    target.write(b"\n" + rows.replace(b"\n", b"," + movie + b"\n"))
    except OSError as error:
        raise _not_copied(plain.given, error) from error
    return PlainFile(plain.given, copy, plain.latin1)


def head_of(plain: PlainFile, size: int = 512) -> bytes:
    """Return the first bytes, at most `size`.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        with plain.path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise DataError(plain.given, f"cannot be read: {error.strerror or error}") from error


def _copy(given: Path, packing: str, opener: Callable[[Path], Any], source: Path, target: Path) -> None:
    try:
        with opener(source) as packed, target.open("wb") as copy:
            shutil.copyfileobj(packed, copy, _BLOCK)
    except _UNPACKING as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise DataError(given, f"cannot be read: {error.strerror or error}") from error
        if isinstance(error, OSError) and error.errno is not None:
            raise _not_copied(given, error) from error
        raise DataError(
            given, f"is packed with {packing}, and damaged ({error or 'it ends too soon'}); get it again"
        ) from error


def _member(given: Path, path: Path) -> IO[bytes]:
    archive = zipfile.ZipFile(path)
    members = [
        one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")
    ]
    names = [one.filename for one in members]
    if "[Content_Types].xml" in names:
        raise DataError(given, f"this is {_SPREADSHEET}")
    if "mimetype" in names and "content.xml" in names:
        raise DataError(given, "this is a spreadsheet; save the sheet as CSV, and give that file")
    if len(members) != 1:
        listed = ", ".join(names[:5]) or "nothing"
        raise DataError(
            given,
            f"this is a zip archive of {len(members)} files ({listed}); unpack it, and give the file or the "
            "folder",
        )
    if members[0].flag_bits & 1:
        raise DataError(given, "this is a zip archive with a password; unpack it first")
    try:
        return archive.open(members[0])
    except NotImplementedError as error:
        raise DataError(given, "this is a zip archive of a rare kind; unpack it first") from error


def _not_copied(given: Path, error: OSError) -> DataError:
    return DataError(given, f"cannot be unpacked into a temporary folder: {error.strerror or error}")


def _has_utf8_letters(plain: PlainFile) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    with plain.path.open("rb") as file:
        while block := file.read(_BLOCK):
            if not decoder.decode(block).isascii():
                return True
    return False


def _not_utf8(plain: PlainFile) -> DataError:
    with plain.path.open("rb") as file:
        number = 0
        while raw := file.readline(LONGEST_LINE):
            number += 1
            try:
                raw.decode()
            except UnicodeDecodeError as error:
                problem = f"byte {error.start + 1} is not UTF-8 text; save the file as UTF-8"
                return DataError(plain.given, problem, line=number)
    return DataError(plain.given, "is not UTF-8 text; save the file as UTF-8")
