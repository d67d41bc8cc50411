"""Unpacks a zip archive that came over the network, and refuses one that could do harm.

A MovieLens archive holds one folder with a dozen plain files. Whatever else an archive can hold (paths
that lead out of the folder, links, devices, gigabytes of zeros) is refused before a byte is written.
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
# Ratings as text shrink about four to ten times, genome scores a little more.
HIGHEST_RATIO: Final = 100
# Small files may shrink as they like: they cannot fill a disk.
_RATIO_COUNTS_FROM: Final = 2**20
_LONGEST_NAME: Final = 255
_DRIVE: Final = re.compile(r"[A-Za-z]:")


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks all members below `folder`.

    Args:
        archive: A zip file.
        folder: Where to; must exist and be empty.

    Raises:
        DownloadError: When it is not a zip file, or holds a member that is not safe; the caller removes
            the folder.
        OSError: When the members cannot be written.
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
    # Members may share their bytes, so the sum can be absurd where no single one is.
    if total > MOST_BYTES or total > max(HIGHEST_RATIO * archive.stat().st_size, _RATIO_COUNTS_FROM):
        raise DownloadError(f"{archive.name} is refused: it unpacks to {total:,} bytes")
    seen: set[str] = set()
    for member in members:
        # Names that differ in case alone are one file on some systems.
        key = member.filename.rstrip("/").casefold()
        problem = _problem(member) or ("comes twice" if key in seen else None)
        if problem is not None:
            raise DownloadError(
                f"{archive.name} is refused: its member {shown(member.orig_filename)} {problem}"
            )
        seen.add(key)


def _problem(member: zipfile.ZipInfo) -> str | None:
    """Why a member is not safe to unpack, or None."""
    # The name as the archive has it: `filename` is already cut at a NUL and has its separators changed.
    name = member.orig_filename
    parts = name.removesuffix("/").split("/")
    # Unix keeps the kind of a file in the upper half; archives made elsewhere leave it 0.
    kind = stat.S_IFMT(member.external_attr >> 16)
    ratio = member.file_size / max(member.compress_size, 1)
    if "\\" in name or not name.isprintable():
        return "has a backslash or a control character in its name"
    if name.startswith("/") or _DRIVE.match(name):
        return "has an absolute path"
    if any(part in ("", ".", "..") for part in parts):
        return "has a path that is not plain or leads out of the folder"
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        return f"has a name of more than {_LONGEST_NAME} bytes"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.file_size > _RATIO_COUNTS_FROM and ratio > HIGHEST_RATIO:
        return f"unpacks to {ratio:,.0f} times its size"
    return None
