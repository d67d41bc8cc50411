from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.training.data.helpers import write
from training.data.files.text_scan import scan_text

BLOCK = 2**20


@pytest.mark.parametrize(
    ("content", "lines", "utf8", "lone_returns"),
    [
        (b"", 0, True, 0),
        (b"a", 1, True, 0),
        (b"a\n", 1, True, 0),
        (b"a\nb", 2, True, 0),
        (b"a\r\nb\r\n", 2, True, 0),
        # Blank lines count inside of a file, and not at its end.
        (b"\n\n", 0, True, 0),
        (b"a\n\nb\n\n\r\n", 3, True, 0),
        (b"a\rb\n", 1, True, 1),
        (b"a\r", 1, True, 1),
        (b"a\xff\n", 1, False, 0),
        (b"a\xc3", 1, False, 0),
        # A pair, and a letter of two bytes, across the border of two blocks.
        (b"a" * (BLOCK - 1) + b"\r\nb\n", 2, True, 0),
        (b"a" * (BLOCK - 1) + b"\rb\n", 1, True, 1),
        (b"a" * (BLOCK - 1) + "é\n".encode(), 1, True, 0),
        (b"a" * (BLOCK - 1) + b"\xc3\n", 1, False, 0),
    ],
)
def test_lines_are_counted_and_untidy_bytes_noticed(
    tmp_path: Path, content: bytes, lines: int, utf8: bool, lone_returns: int
) -> None:
    scan = scan_text(write(tmp_path, "x", content), b"a")
    assert (scan.lines, scan.utf8, scan.lone_returns) == (lines, utf8, lone_returns)
    assert (scan.newlines, scan.ends) == (content.count(b"\n"), content.count(b"\r\n"))
    assert scan.marks == content.count(b"a")
    assert scan.sha256 == hashlib.sha256(content).hexdigest()
    assert not scan.quotes


@pytest.mark.parametrize(
    ("content", "escaped"),
    [
        (b'a"b', False),
        (b'a\\"b', True),
        (b"a" * (BLOCK - 1) + b'\\"', True),
        (b"a" * (BLOCK - 1) + b'\n"\\', False),
    ],
)
def test_quotes_and_backslashes_are_noticed(tmp_path: Path, content: bytes, escaped: bool) -> None:
    scan = scan_text(write(tmp_path, "x", content))
    assert (scan.quotes, scan.escaped_quotes) == (True, escaped)
