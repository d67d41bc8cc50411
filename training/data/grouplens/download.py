"""Fetches a MovieLens set from GroupLens into a folder, resumable and checked.

    to/ml-1m.zip.part        what has come so far; kept on errors, removed at the end
    to/ml-1m.zip.part.json   what is needed to go on with it
    to/.ml-1m.XXXX/          being unpacked; removed on errors
    to/ml-1m/                the finished set; appears in one step

An archive is unpacked only if it matches the `.md5` that GroupLens publishes beside it. Where that file
is missing the download is refused, unless `allow_unverified` says otherwise. The two come over the same
connection, so the digest guards against damage; against another file it is the pinned digests that do.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import httpx2
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from training.data.grouplens.archives import unpack
from training.data.readers.locate import find_ratings
from training.data.grouplens.transfer import fetch, forget
from training.errors import DataError, DownloadError

BASE_URL: Final = "https://files.grouplens.org/datasets/movielens/"
# NAME.zip holds a folder that mostly, not always, has the same name (ml-10m.zip: ml-10M100K).
# Whatever it is called, the set ends up in a folder called NAME.
NAMES: Final = (
    "ml-latest-small",
    "ml-latest",
    "ml-100k",
    "ml-1m",
    "ml-10m",
    "ml-20m",
    "ml-25m",
    "ml-32m",
)
_LONGEST_MD5_FILE: Final = 4096
_MD5: Final = re.compile(r"\b[0-9a-fA-F]{32}\b")
_TIMEOUT: Final = httpx2.Timeout(60.0, connect=15.0)


@dataclass(frozen=True)
class Pin:
    """The one content that a set's ratings file can have.

    Attributes:
        size: Bytes.
        git_blob: The id that git gives to the content.
    """

    size: int
    git_blob: str


# Only what is known for certain; the sets that grow can have none.
PINNED: Final[Mapping[str, Pin]] = MappingProxyType(
    {"ml-1m": Pin(size=24_594_131, git_blob="77a7c4b150f588c23bb9e1f068aa996c0b413695")}
)


def download(
    name: str,
    to: Path,
    *,
    base_url: str = BASE_URL,
    progress: bool = True,
    allow_unverified: bool = False,
) -> Path:
    """Fetches, checks and unpacks a set; returns at once where it is there already.

    Args:
        name: One of `NAMES`.
        to: The folder that gets a folder `name`.
        base_url: Where the archives and their `.md5` files are.
        progress: Whether to draw a progress bar on standard error.
        allow_unverified: Whether to take an archive that has no `.md5` file beside it.

    Returns:
        The folder of the set.

    Raises:
        DownloadError: When it cannot be had whole; says what to do. Nothing stays behind but what the
            next call goes on with.
    """
    if name not in NAMES:
        raise DownloadError(f"there is no set {name!r}; choose one of {', '.join(NAMES)}")
    target, part = to / name, to / f"{name}.zip.part"
    url = f"{base_url.rstrip('/')}/{name}.zip"
    by_hand = f"or put the unpacked folder at {target} yourself: everything works from a local folder too"
    try:
        if target.exists():
            return _holding_ratings(target)
        to.mkdir(parents=True, exist_ok=True)
        with httpx2.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
            expected = _published_md5(client, url, allow_unverified=allow_unverified)
            _fetch_shown(client, url, part, progress)
        if expected is not None and _md5_of(part) != expected:
            forget(part)
            raise DownloadError(f"{url} does not match its .md5 file; what came was removed, try again")
        _unpack_into(part, target)
        forget(part)
    except DownloadError as error:
        raise DownloadError(f"{error}; {by_hand}") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise DownloadError(f"{url}: {reason}; try again, it goes on where it stopped; {by_hand}") from error
    except OSError as error:
        full = "free some space and " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        reason = error.strerror or str(error)
        raise DownloadError(f"{to} cannot be written: {reason}; {full}try again; {by_hand}") from error
    return target


def git_blob_id(path: Path) -> str:
    """The id that git gives to a file's content: SHA-1 over a header with its length, then its bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _holding_ratings(target: Path) -> Path:
    try:
        find_ratings(target)
    except DataError as error:
        raise DownloadError(f"{target} is there already but holds no ratings; move it away") from error
    return target


def _published_md5(client: httpx2.Client, url: str, *, allow_unverified: bool) -> str | None:
    """The digest beside the archive (`MD5 (x.zip) = hex` or `hex  x.zip`), or None where none is needed."""
    with client.stream("GET", f"{url}.md5") as response:
        if response.status_code == httpx2.codes.NOT_FOUND:
            if allow_unverified:
                return None
            raise DownloadError(
                f"{url}.md5 is not there, so the archive could not be checked; allow an unverified download "
                "if you trust the server"
            )
        if response.status_code != httpx2.codes.OK:
            status = f"{response.status_code} {response.reason_phrase}".rstrip()
            raise DownloadError(f"{url}.md5 answers {status}; try again later")
        content = b""
        for block in response.iter_bytes():
            content += block
            if len(content) > _LONGEST_MD5_FILE:
                break
    digests = set(_MD5.findall(content.decode("ascii", errors="replace")))
    if len(digests) != 1 or len(content) > _LONGEST_MD5_FILE:
        raise DownloadError(f"{url}.md5 does not hold one MD5 digest")
    return str(digests.pop()).lower()


def _fetch_shown(client: httpx2.Client, url: str, part: Path, progress: bool) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task(url.rpartition("/")[2], total=None)
        fetch(client, url, part, lambda had, total: bar.update(task, completed=had, total=total))


def _md5_of(part: Path) -> str:
    with part.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _unpack_into(archive: Path, target: Path) -> None:
    """Unpacks beside `target`, then renames: it is there as a whole, or not at all."""
    fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        unpack(archive, fresh)
        try:
            ratings = find_ratings(fresh)
        except DataError as error:
            raise DownloadError(
                f"{archive.name} holds no ratings; this is not a MovieLens archive"
            ) from error
        pin = PINNED.get(target.name)
        if pin is not None and (ratings.stat().st_size != pin.size or git_blob_id(ratings) != pin.git_blob):
            raise DownloadError(f"{ratings.name} is not the one that {target.name} is known to have")
        ratings.parent.chmod(0o755)
        ratings.parent.rename(target)
    except DownloadError:
        # Whole, as its digest says, yet not what we want: going on with it would never help.
        forget(archive)
        raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
