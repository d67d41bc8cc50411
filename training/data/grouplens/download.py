"""Download a MovieLens data set from GroupLens: resumable, checked by digest, unpacked safely.

    to/.ml-1m.download/     the received part of the archive, and its members while they are unpacked; the
                            next call resumes from here, and the last step removes it
    to/ml-1m/               the complete data set, renamed into place

An archive is unpacked only if it matches the `.md5` file that GroupLens publishes next to it. Both come over
the same connection, so that digest detects damage; the pinned id of the ratings detects another file.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import shutil
from collections.abc import Mapping
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Final

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from training.data.files.locate import find_ratings
from training.data.grouplens.archives import unpack
from training.data.readers.known_sets import MOVIELENS, MovieLensSet
from training.errors import DataError, DownloadError

BASE_URL: Final = "https://files.grouplens.org/datasets/movielens/"
_TIMEOUT: Final = (15.0, 60.0)  # seconds to connect, and between two reads
_BLOCK: Final = 2**16
_MD5: Final = re.compile(r"\b[0-9a-fA-F]{32}\b")


def download(
    name: str,
    to: Path,
    *,
    base_url: str = BASE_URL,
    known: Mapping[str, MovieLensSet] = MOVIELENS,
    retries: int = 1,
    progress: bool = True,
    allow_unverified: bool = False,
) -> Path:
    """Download, check and unpack a data set, unless its folder exists already.

    Args:
        name: One of `known`.
        to: Parent of the new folder `name`.
        base_url: URL of the archives and their `.md5` files.
        known: The data sets by name.
        retries: Number of further attempts after a broken connection or a wrong digest.
        progress: Whether to draw a progress bar on standard error.
        allow_unverified: Whether to accept an archive for which the server has no `.md5` file.

    Returns:
        The folder of the data set.

    Raises:
        DownloadError: The data set cannot be downloaded completely; the message states what to do. Only the
            received part that the next call can resume from is kept.
    """
    if name not in known:
        raise DownloadError(f"{name!r} is not a known data set; choose one of {', '.join(known)}")
    target, work = to / name, to / f".{name}.download"
    archive = work / f"{name}.zip"
    url = f"{base_url.rstrip('/')}/{archive.name}"
    by_hand = f"or put the unpacked folder at {target} yourself: every command works from a local folder too"
    try:
        if target.exists():
            _check_ratings(target, f"{target} exists but holds no ratings; move it away")
            return target
        work.mkdir(parents=True, exist_ok=True)
        _fetch(url, archive, retries=retries, progress=progress, allow_unverified=allow_unverified)
        _unpack_into(target, archive, known[name])
        shutil.rmtree(work)
    except DownloadError as error:
        raise DownloadError(f"{error}; {by_hand}") from error
    except requests.RequestException as error:
        kept = ", the download resumes where it stopped" if archive.exists() else ""
        raise DownloadError(f"{url}: {_reason(error)}; try again{kept}; {by_hand}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DownloadError(f"{to} cannot be written: {reason}; try again; {by_hand}") from error
    finally:
        with contextlib.suppress(OSError):
            work.rmdir()  # fails unless it is empty
    return target


def git_blob_id(path: Path) -> str:
    """Return the id of a file's content in git: the SHA-1 of a header with its length, and its bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


class ResumingDownloader:
    """A downloader for pooch that keeps the received bytes and requests only the rest (HTTP Range).

    A server may ignore the range, and its file may have changed since: the caller must check a digest.

    Args:
        part: Collects the bytes; it is kept if the connection breaks.
        progress: Shows the number of received bytes.
    """

    def __init__(self, part: Path, progress: Progress) -> None:
        self._part, self._progress = part, progress
        self._task = progress.add_task(part.name, total=None)

    def __call__(self, url: str, output_file: str, _: pooch.Pooch) -> None:
        """Download `url`, then move it to `output_file`."""
        had = self._part.stat().st_size if self._part.exists() else 0
        # A range counts bytes as stored, so a content coding must not be applied.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had}-"} if had else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                self._part.unlink(missing_ok=True)  # as long as the file or longer, so not a part of it
            response.raise_for_status()
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                had = 0
            length = response.headers.get("Content-Length", "")
            total = had + int(length) if length.isdecimal() else None
            self._progress.update(self._task, completed=had, total=total)
            with self._part.open("ab" if had else "wb") as file:
                for block in response.iter_content(_BLOCK):
                    file.write(block)
                    self._progress.advance(self._task, len(block))
        self._part.replace(output_file)


def _check_ratings(folder: Path, message: str) -> Path:
    """Return the ratings file of a folder, or raise a DownloadError with `message`."""
    try:
        return find_ratings(folder)
    except DataError as error:
        raise DownloadError(message) from error


def _fetch(url: str, archive: Path, *, retries: int, progress: bool, allow_unverified: bool) -> None:
    """Download the archive, and check that it matches its published digest."""
    md5 = _published_md5(url)
    if md5 is None:
        if not allow_unverified:
            raise DownloadError(
                f"{url}.md5 does not exist, so the archive cannot be checked; allow an unverified download "
                "(--allow-unverified) if you trust the server"
            )
        # Without a digest, nothing shows whether two parts belong together, so it always starts again.
        archive.unlink(missing_ok=True)
        retries = 0
    pooch.get_logger().setLevel(logging.WARNING)
    fetcher = pooch.Pooch(
        path=archive.parent.absolute(),
        base_url="",
        registry={archive.name: md5 and f"md5:{md5}"},
        urls={archive.name: url},
        retry_if_failed=retries,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not progress) as shown:
        try:
            fetcher.fetch(archive.name, downloader=ResumingDownloader(archive, shown))
        except requests.RequestException:
            raise  # some are a ValueError, too
        except ValueError as error:
            raise DownloadError(
                f"{url} does not match its .md5 file; the download was removed, try again"
            ) from error


def _published_md5(url: str) -> str | None:
    """Return the published digest (`MD5 (x.zip) = hex` or `hex  x.zip`), or None if there is no such file."""
    with requests.get(f"{url}.md5", stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        response.raise_for_status()
        content = b"".join(islice(response.iter_content(1024), 4))  # a longer file is not read completely
    digests = set(_MD5.findall(content.decode("ascii", errors="replace")))
    if len(digests) != 1:
        raise DownloadError(f"{url}.md5 does not hold one MD5 digest")
    return str(digests.pop()).lower()


def _unpack_into(target: Path, archive: Path, expected: MovieLensSet) -> None:
    """Unpack next to the archive, then rename the complete folder to `target`."""
    fresh = archive.parent / "unpacked"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        unpack(archive, fresh)
        ratings = _check_ratings(
            fresh, f"{archive.name} holds no ratings; it is not the archive of a MovieLens data set"
        )
        if expected.ratings_git_id not in (None, git_blob_id(ratings)):
            raise DownloadError(f"{ratings.name} is not the published file of {expected.name}")
        ratings.parent.rename(target)
    except DownloadError:
        archive.unlink()  # it is as published, so another attempt would not help
        raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _reason(error: requests.RequestException) -> str:
    """Return the cause in a few words."""
    if error.response is not None:
        return f"the server returned {error.response.status_code} {error.response.reason}".rstrip()
    # Each library wraps the exception of the one below it; the innermost message is the clearest.
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return str(cause) or type(cause).__name__
