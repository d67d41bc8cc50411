"""Read a file's bytes once for its digest, the number of its lines, and whether it is text."""

from __future__ import annotations

import codecs
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from training.errors import DataError

_BLOCK: Final = 2**20


@dataclass(frozen=True)
class TextScan:
    """Properties of a file's bytes, found before they are parsed.

    Attributes:
        sha256: Digest of the file.
        lines: Number of lines, without blank ones at the end; the last newline is optional.
        utf8: Whether it is UTF-8 throughout.
        ends: Number of line ends with a carriage return (CRLF).
        newlines: Number of line feeds.
        lone_returns: Number of carriage returns without a line feed.
        quotes: Whether it has a double quote anywhere.
        escaped_quotes: Whether a backslash precedes one.
        marks: Number of occurrences of the byte `mark`.
    """

    sha256: str
    lines: int
    utf8: bool
    ends: int
    newlines: int
    lone_returns: int
    quotes: bool
    escaped_quotes: bool
    marks: int


def scan_text(path: Path, mark: bytes = b"") -> TextScan:
    """Read a file once, block by block.

    Args:
        path: The file.
        mark: A byte to count; if empty, none is counted.

    Raises:
        DataError: If it cannot be read.
    """
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    newlines = returns = ends = marks = 0
    utf8, quotes, escaped, last = True, False, False, b""
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                newlines += block.count(b"\n")
                if b"\r" in block or last == b"\r":
                    # A pair may be split between two blocks.
                    ends += block.count(b"\r\n") + (last == b"\r" and block.startswith(b"\n"))
                    returns += block.count(b"\r")
                if b'"' in block:
                    quotes = True
                    escaped = escaped or b'\\"' in block or (last == b"\\" and block.startswith(b'"'))
                if mark:
                    marks += block.count(mark)
                last = block[-1:]
                if utf8:
                    try:
                        decoder.decode(block)
                    except UnicodeDecodeError:
                        utf8 = False
            blank = _blank_lines_at_the_end(file)
        if utf8:
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        utf8 = False
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror or error}") from error
    return TextScan(
        sha256=digest.hexdigest(),
        lines=newlines + (last not in (b"", b"\n")) - blank,
        utf8=utf8,
        ends=ends,
        newlines=newlines,
        lone_returns=returns - ends,
        quotes=quotes,
        escaped_quotes=escaped,
        marks=marks,
    )


def file_sha256(path: Path) -> str:
    """Return the digest of a file.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror or error}") from error


def _blank_lines_at_the_end(file: BinaryIO) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _BLOCK))
    tail = file.read()
    body = tail.rstrip(b"\r\n")
    # The first newline ends the last line that is not blank.
    return max(0, tail[len(body) :].count(b"\n") - (len(body) > 0))
