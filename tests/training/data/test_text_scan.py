from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.training.data.helpers import write
from training.data.readers.text_scan import scan_text

BLOCK = 2**20


@pytest.mark.parametrize(
    ("content", "lines", "tidy"),
    [
        (b"", 0, True),
        (b"a", 1, True),
        (b"a\n", 1, True),
        (b"a\nb", 2, True),
        (b"\n\n", 2, True),
        (b"a\r\nb\r\n", 2, True),
        (b"a\rb\n", 1, False),
        (b"a\r", 1, False),
        (b"a\xff\n", 1, False),
        (b"a\xc3", 1, False),
        # A pair, and a letter of two bytes, across the border of two blocks.
        (b"a" * (BLOCK - 1) + b"\r\nb\n", 2, True),
        (b"a" * (BLOCK - 1) + b"\rb\n", 1, False),
        (b"a" * (BLOCK - 1) + "é\n".encode(), 1, True),
        (b"a" * (BLOCK - 1) + b"\xc3\n", 1, False),
    ],
)
def test_lines_are_counted_and_untidy_bytes_noticed(
    tmp_path: Path, content: bytes, lines: int, tidy: bool
) -> None:
    scan = scan_text(write(tmp_path, "x", content))
    assert (scan.lines, scan.tidy) == (lines, tidy)
    assert scan.sha256 == hashlib.sha256(content).hexdigest()
    assert not scan.quotes
