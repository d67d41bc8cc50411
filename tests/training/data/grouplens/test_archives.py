from __future__ import annotations

import io
import stat
import warnings
import zipfile
from pathlib import Path

import pytest

from tests.training.data.grouplens.archive_server import archive
from training.data.grouplens.archives import unpack
from training.errors import DownloadError


def member(name: str, mode: int = 0, system: int = 3) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr, info.create_system = mode << 16, system
    return info


def zipped(*members: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # some tests need a repeated name
        for info, content in members:
            opened.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def attempt(folder: Path, content: bytes) -> Path:
    """Unpack into an inner folder, so that files outside it are found."""
    path, inner = folder / "x.zip", folder / "inner"
    path.write_bytes(content)
    inner.mkdir()
    unpack(path, inner)
    return inner


def test_unpacked_files_and_folders_equal_the_packed_ones(tmp_path: Path) -> None:
    inner = attempt(
        tmp_path, zipped(("set/", b""), ("set/a.csv", b"1,2\n"), ("set/deep/b", b""), ("c", b"c"))
    )
    assert (inner / "set" / "a.csv").read_bytes() == b"1,2\n"
    assert sorted(str(path.relative_to(inner)) for path in inner.rglob("*")) == [
        "c",
        "set",
        "set/a.csv",
        "set/deep",
        "set/deep/b",
    ]


UNSAFE = {
    "parent": zipped(("../evil", b"x")),
    "parent inside": zipped(("set/../../evil", b"x")),
    "parent folder": zipped(("../", b"")),
    "absolute": zipped(("/tmp/evil", b"x")),
    "drive": zipped(("C:/evil", b"x")),
    "drive relative": zipped(("c:evil", b"x")),
    "backslash": zipped(("..\\evil", b"x")),
    "dot": zipped(("./evil", b"x")),
    "double slash": zipped(("set//evil", b"x")),
    "control character": zipped(("ev\x1bil", b"x")),
    "NUL": zipped(("ok.txtQ.exe", b"x")).replace(b"ok.txtQ", b"ok.txt\0"),
    "long name": zipped(("a" * 300, b"x")),
    "symlink": zipped((member("link", stat.S_IFLNK | 0o777), b"/etc/passwd")),
    "device": zipped((member("dev", stat.S_IFCHR | 0o666), b"")),
    "fifo": zipped((member("pipe", stat.S_IFIFO | 0o666), b"")),
    "repeated": zipped(("a", b"1"), ("a", b"2")),
    "repeated with another case": zipped(("set/A.csv", b"1"), ("set/a.csv", b"2")),
    "file and folder": zipped(("a", b"1"), ("a/", b"")),
    "bomb": zipped(("zeros", bytes(20 * 2**20))),
    "bomb in parts": zipped(*((f"zeros{piece}", bytes(2**20 - 1)) for piece in range(8))),
    "too many": zipped(*((f"f{number}", b"") for number in range(1_001))),
}


@pytest.mark.parametrize("content", UNSAFE.values(), ids=UNSAFE.keys())
def test_unsafe_member_is_refused_before_anything_is_written(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DownloadError, match="is refused"):
        attempt(tmp_path, content)
    assert list((tmp_path / "inner").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inner", "x.zip"]


def test_encrypted_member_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped(("a", b"1")))
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    with pytest.raises(DownloadError, match="is encrypted"):
        attempt(tmp_path, bytes(content))


@pytest.mark.parametrize("claimed", [10, 2000])
def test_member_with_a_false_size_is_refused(tmp_path: Path, claimed: int) -> None:
    content = zipped(("a", b"x" * 1000))
    true_size, stated = (1000).to_bytes(4, "little"), claimed.to_bytes(4, "little")
    with pytest.raises(DownloadError, match="not a complete zip archive"):
        attempt(tmp_path, content.replace(true_size, stated))


@pytest.mark.parametrize("damage", ["cut", "flip", "text", "empty"])
def test_damaged_archive_is_reported_in_one_line(tmp_path: Path, damage: str) -> None:
    whole = archive({"a": bytes(range(256)) * 50})
    flipped = bytearray(whole)
    flipped[60] ^= 0xFF
    content = {"cut": whole[:-40], "flip": bytes(flipped), "text": b"<html>", "empty": b""}[damage]
    with pytest.raises(DownloadError, match="not a complete zip archive") as caught:
        attempt(tmp_path, content)
    assert len(str(caught.value).splitlines()) == 1
