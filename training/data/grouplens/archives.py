"""Unpack a zip archive from the network, unless it could do harm.

A MovieLens archive holds one folder with a dozen plain files. An archive with paths outside its folder,
links, devices or gigabytes of zeros is refused before anything is written.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Final

from training.data.files.values import shown
from training.errors import DownloadError

MOST_MEMBERS: Final = 1_000
MOST_BYTES: Final = 16 * 2**30
# Ratings as text are compressed four to ten times, genome scores a little more.
HIGHEST_RATIO: Final = 100
# Below this size, any ratio is accepted, because such a file cannot fill a disk.
_RATIO_COUNTS_FROM: Final = 2**20
_LONGEST_NAME: Final = 255
_DRIVE: Final = re.compile(r"[A-Za-z]:")


def unpack(archive: Path, folder: Path) -> None:
    """Unpack all members into `folder`.

    Args:
        archive: A zip file.
        folder: An existing, empty folder.

    Raises:
        DownloadError: It is not a zip file, or has an unsafe member; the caller must remove the folder.
        OSError: The members cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _refuse_unsafe(archive, members)
            opened.extractall(folder)
            for member in members:
                # zipfile never writes more than the stated size, but accepts less.
                if not member.is_dir() and (folder / member.filename).stat().st_size != member.file_size:
                    raise zipfile.BadZipFile(f"{member.filename} is shorter than stated")
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError) as error:
        raise DownloadError(f"{archive.name} is not a complete zip archive: {error}") from error


def _refuse_unsafe(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MOST_MEMBERS:
        raise DownloadError(
            f"{archive.name} is refused: {len(members):,} members, more than {MOST_MEMBERS:,}"
        )
    total = sum(member.file_size for member in members)
    # Members may share their bytes, so the sum can be implausible although no single size is.
    if total > MOST_BYTES or total > max(HIGHEST_RATIO * archive.stat().st_size, _RATIO_COUNTS_FROM):
        raise DownloadError(f"{archive.name} is refused: it unpacks to {total:,} bytes")
    seen: set[str] = set()
    for member in members:
        # On some file systems, names that differ only in case are the same file.
        key = member.filename.rstrip("/").casefold()
        problem = _problem(member) or ("is repeated" if key in seen else None)
        if problem is not None:
            raise DownloadError(
                f"{archive.name} is refused: its member {shown(member.orig_filename)} {problem}"
            )
        seen.add(key)


def _problem(member: zipfile.ZipInfo) -> str | None:
    """Return why a member is not safe to unpack, or None."""
    # The name as stored: in `filename`, zipfile has cut it at a NUL and replaced separators.
    name = member.orig_filename
    parts = name.removesuffix("/").split("/")
    # Unix stores the kind of a file in the upper half, which is 0 in archives from other systems.
    kind = stat.S_IFMT(member.external_attr >> 16)
    ratio = member.file_size / max(member.compress_size, 1)
    if "\\" in name or not name.isprintable():
        return "has a backslash or a control character in its name"
    if name.startswith("/") or _DRIVE.match(name):
        return "has an absolute path"
    if any(part in ("", ".", "..") for part in parts):
        return "has a path with an empty part, . or .."
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        return f"has a name of more than {_LONGEST_NAME} bytes"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.file_size > _RATIO_COUNTS_FROM and ratio > HIGHEST_RATIO:
        return f"unpacks to {ratio:,.0f} times its size"
    return None
