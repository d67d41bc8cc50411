"""One pass over a file's bytes: its digest, and whether it is the tidy text that the fast reader expects."""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.errors import DataError

_BLOCK: Final = 2**20


@dataclass(frozen=True)
class TextScan:
    """What the bytes say before anybody parses them.

    Attributes:
        sha256: Digest of the file.
        lines: How many lines it has; the newline that ends the last one is optional.
        tidy: Whether it is UTF-8 throughout, with no carriage return but in front of a newline.
        quotes: Whether it has a double quote anywhere.
    """

    sha256: str
    lines: int
    tidy: bool
    quotes: bool


def scan_text(path: Path) -> TextScan:
    """Reads a file once, block by block.

    Raises:
        DataError: When it cannot be read.
    """
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    newlines = lone_returns = 0
    tidy, quotes, last = True, False, b""
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                newlines += block.count(b"\n")
                quotes = quotes or b'"' in block
                # `last` is the byte before the block: a pair may stand across the border.
                lone_returns += block.count(b"\r") - block.count(b"\r\n")
                lone_returns -= last == b"\r" and block.startswith(b"\n")
                last = block[-1:]
                if tidy:
                    try:
                        decoder.decode(block)
                    except UnicodeDecodeError:
                        tidy = False
        if tidy:
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        tidy = False
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror or error}") from error
    lines = newlines + (last not in (b"", b"\n"))
    tidy = tidy and lone_returns == 0
    return TextScan(sha256=digest.hexdigest(), lines=lines, tidy=tidy, quotes=quotes)


def file_sha256(path: Path) -> str:
    """Digest of a file of any kind.

    Raises:
        DataError: When it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror or error}") from error
