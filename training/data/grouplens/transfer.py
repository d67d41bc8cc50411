"""Fetches one file over HTTP into a `.part` file that a later call can go on with.

Beside `x.part` lies `x.part.json` with the address and the server's validator (a strong ETag, else
Last-Modified). The next call asks for the missing bytes on the condition that the validator still holds
(Range with If-Range), so that two versions of a file are never glued together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx2

from training.errors import DownloadError

# HTTP status; the name of 416 changes from library to library.
_ALL_OF_IT, _PART_OF_IT, _PAST_THE_END = 200, 206, 416
_CONTENT_RANGE: Final = re.compile(r"bytes (?:(?P<start>\d+)-\d+|\*)/(?P<total>\d+|\*)\Z")

# Called with bytes had so far and bytes in all, None where the server does not say.
OnProgress = Callable[[int, int | None], None]


def fetch(client: httpx2.Client, url: str, part: Path, on_progress: OnProgress) -> None:
    """Fetches `url` into `part`, from where an earlier call stopped if the server allows it.

    Args:
        client: Makes the request.
        url: What to fetch.
        part: Where to; kept when anything fails, so that the next call can go on.
        on_progress: Told about every block.

    Raises:
        DownloadError: When the server does not send the file.
        httpx2.HTTPError: When the connection fails.
        OSError: When the bytes cannot be written.
    """
    offset, headers = 0, {"Accept-Encoding": "identity"}  # a range counts bytes as they are stored
    validator = _validator_of(url, part)
    if validator is not None:
        offset = part.stat().st_size
        headers |= {"Range": f"bytes={offset}-", "If-Range": validator}
    with client.stream("GET", url, headers=headers) as response:
        start, total = _content_range(response)
        going_on = bool(offset) and response.status_code == _PART_OF_IT and start == offset
        past_the_end = response.status_code == _PAST_THE_END
        if offset and past_the_end and total == offset:
            on_progress(offset, total)
            return  # an earlier call had all of it, but was stopped before it could use it
        if going_on or response.status_code == _ALL_OF_IT:
            _receive(response, url, part, offset if going_on else 0, on_progress)
            return
        if not offset or not (past_the_end or response.status_code == _PART_OF_IT):
            raise DownloadError(f"{url} answers {response.status_code} {response.reason_phrase}".rstrip())
    # The file is shorter than what we have of it, or the server sent another range: start afresh.
    forget(part)
    fetch(client, url, part, on_progress)


def forget(part: Path) -> None:
    """Removes a `.part` file and what is noted about it."""
    _notes(part).unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def _receive(response: httpx2.Response, url: str, part: Path, offset: int, on_progress: OnProgress) -> None:
    length = response.headers.get("Content-Length", "")
    total = offset + int(length) if length.isascii() and length.isdigit() else None
    if not offset:
        # In this order: notes must never speak about bytes of another version.
        _notes(part).unlink(missing_ok=True)
    with part.open("ab" if offset else "wb") as sink:
        if not offset:
            _note(response, url, part)
        had = offset
        on_progress(had, total)
        for block in response.iter_raw():
            sink.write(block)
            had += len(block)
            on_progress(had, total)


def _note(response: httpx2.Response, url: str, part: Path) -> None:
    etag = response.headers.get("ETag", "")
    # A weak ETag promises the same meaning, not the same bytes.
    validator = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
    if validator:
        _notes(part).write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")


def _validator_of(url: str, part: Path) -> str | None:
    """What makes the bytes of `part` worth going on with, or None when they are not."""
    try:
        noted = json.loads(_notes(part).read_text(encoding="utf-8"))
        if not part.stat().st_size or noted["url"] != url:
            return None
        validator = noted["validator"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # Notes are a file that anybody may have edited; only a plain header value goes into a request.
    return (
        validator if isinstance(validator, str) and validator.isascii() and validator.isprintable() else None
    )


def _content_range(response: httpx2.Response) -> tuple[int | None, int | None]:
    """First byte and length of the whole file, as far as the answer says."""
    match = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if match is None:
        return None, None
    start, total = match["start"], match["total"]
    return None if start is None else int(start), None if total == "*" else int(total)


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")
