from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.training.data.grouplens.archive_server import RATINGS, ArchiveServer, archive, serving
from training.data.grouplens import download as download_module
from training.data.grouplens.download import Pin, download, git_blob_id
from training.data.readers.ratings import load_ratings
from training.errors import DownloadError

# Large enough for several blocks, and random, so that it does not shrink.
BIG = archive({"ml-big/ratings.csv": RATINGS, "ml-big/noise.bin": os.urandom(600_000)})


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[ArchiveServer]:
    with serving(ArchiveServer(archive())) as running:
        yield running


@pytest.fixture
def get(server: ArchiveServer, tmp_path: Path) -> Callable[..., Path]:
    """Downloads `ml-25m` (or the name given) from the server into the test's folder."""

    def fetch(name: str = "ml-25m", **options: bool) -> Path:
        return download(name, tmp_path, base_url=server.url, progress=False, **options)

    return fetch


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_set_ends_up_whole_in_a_folder_of_its_name(get: Callable[..., Path], tmp_path: Path) -> None:
    folder = get()
    assert folder == tmp_path / "ml-25m"
    assert names(folder) == ["README.txt", "ratings.csv"]
    assert names(tmp_path) == ["ml-25m"]
    assert load_ratings(folder).rows == 2
    assert folder.stat().st_mode & 0o055 == 0o055


def test_a_finished_set_is_not_fetched_again(server: ArchiveServer, get: Callable[..., Path]) -> None:
    get()
    asked = len(server.asked)
    get()
    assert len(server.asked) == asked


def test_an_archive_without_a_folder_is_fine(server: ArchiveServer, get: Callable[..., Path]) -> None:
    server.content = archive({"ratings.csv": RATINGS, "genome/tags.csv": "x"})
    folder = get()
    assert names(folder) == ["genome", "ratings.csv"]
    assert folder.stat().st_mode & 0o055 == 0o055


def test_the_progress_bar_goes_to_standard_error(
    server: ArchiveServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download("ml-25m", tmp_path, base_url=server.url.rstrip("/"))
    out, err = capsys.readouterr()
    assert out == ""
    assert "ml-25m.zip" in err


@pytest.mark.parametrize(
    "validators", [{"ETag": '"one"'}, {"ETag": 'W/"weak"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}]
)
def test_a_cut_download_goes_on_where_it_stopped(
    server: ArchiveServer, get: Callable[..., Path], tmp_path: Path, validators: dict[str, str]
) -> None:
    server.content, server.validators, server.cut_after = BIG, validators, 300_000
    with pytest.raises(DownloadError, match="goes on where it stopped") as caught:
        get()
    assert len(str(caught.value).splitlines()) == 1
    assert names(tmp_path) == ["ml-25m.zip.part", "ml-25m.zip.part.json"]
    had = (tmp_path / "ml-25m.zip.part").stat().st_size
    assert had == 300_000
    assert load_ratings(get()).rows == 2
    assert server.asked[-1] == ("/movielens/ml-25m.zip", f"bytes={had}-")
    assert names(tmp_path) == ["ml-25m"]


def cut(server: ArchiveServer, get: Callable[..., Path]) -> None:
    server.content, server.cut_after = BIG, 300_000
    with pytest.raises(DownloadError):
        get()


def test_a_file_that_changed_meanwhile_starts_afresh(server: ArchiveServer, get: Callable[..., Path]) -> None:
    cut(server, get)
    server.content, server.validators = archive(), {"ETag": '"two"'}
    assert load_ratings(get()).rows == 2


def test_a_server_that_ignores_ranges_starts_afresh(server: ArchiveServer, get: Callable[..., Path]) -> None:
    cut(server, get)
    server.ranges = False
    assert load_ratings(get()).rows == 2


def test_a_server_that_sends_another_range_starts_afresh(
    server: ArchiveServer, get: Callable[..., Path]
) -> None:
    cut(server, get)
    server.shift = 5
    assert load_ratings(get()).rows == 2


def test_a_part_longer_than_the_file_starts_afresh(
    server: ArchiveServer, get: Callable[..., Path], tmp_path: Path
) -> None:
    cut(server, get)
    with (tmp_path / "ml-25m.zip.part").open("ab") as part:
        part.write(bytes(len(BIG)))
    assert load_ratings(get()).rows == 2
    assert [wanted is not None for path, wanted in server.asked if path.endswith(".zip")] == [
        False,
        True,
        False,
    ]


def test_a_part_that_is_complete_is_used(
    server: ArchiveServer, get: Callable[..., Path], tmp_path: Path
) -> None:
    cut(server, get)
    (tmp_path / "ml-25m.zip.part").write_bytes(BIG)
    assert load_ratings(get()).rows == 2
    assert server.count(".zip") == 2


@pytest.mark.parametrize("notes", ["", "{}", "[]", '{"url": "http://elsewhere", "validator": "x"}', None])
def test_a_part_that_nothing_is_known_about_starts_afresh(
    server: ArchiveServer, get: Callable[..., Path], tmp_path: Path, notes: str | None
) -> None:
    (tmp_path / "ml-25m.zip.part").write_bytes(b"somebody else's")
    if notes is not None:
        (tmp_path / "ml-25m.zip.part.json").write_text(notes)
    assert load_ratings(get()).rows == 2
    assert server.asked[-1] == ("/movielens/ml-25m.zip", None)


@pytest.mark.parametrize("form", ["MD5 (ml-25m.zip) = {}\n", "{}  ml-25m.zip\n", "{} *ml-25m.zip", "{}"])
def test_both_forms_of_an_md5_file_are_read(
    server: ArchiveServer, get: Callable[..., Path], form: str
) -> None:
    server.md5 = form.format(hashlib.md5(server.content).hexdigest().upper())
    assert get().is_dir()


def test_an_archive_that_does_not_match_its_md5_is_removed(
    server: ArchiveServer, get: Callable[..., Path], tmp_path: Path
) -> None:
    server.md5 = "0" * 32
    with pytest.raises(DownloadError, match="does not match"):
        get()
    assert names(tmp_path) == []


@pytest.mark.parametrize("md5", ["<html>not found</html>", "0" * 32 + " " + "1" * 32, "0" * 5000, " "])
def test_an_md5_file_without_one_digest_is_refused(
    server: ArchiveServer, get: Callable[..., Path], md5: str
) -> None:
    server.md5 = md5
    with pytest.raises(DownloadError, match="does not hold one MD5 digest"):
        get()
    assert server.count(".zip") == 0


def test_without_an_md5_file_only_the_option_helps(server: ArchiveServer, get: Callable[..., Path]) -> None:
    server.md5 = None
    with pytest.raises(DownloadError, match="allow an unverified download"):
        get()
    assert server.count(".zip") == 0
    assert load_ratings(get(allow_unverified=True)).rows == 2


@pytest.mark.parametrize("status", [403, 404, 416, 500, 503, 206, 204])
def test_an_http_error_is_one_line_that_says_what_to_do(
    server: ArchiveServer, get: Callable[..., Path], tmp_path: Path, status: int
) -> None:
    server.status = status
    with pytest.raises(DownloadError) as caught:
        get()
    text = str(caught.value)
    assert f"answers {status}" in text
    assert f"put the unpacked folder at {tmp_path / 'ml-25m'} yourself" in text
    assert len(text.splitlines()) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/", "ftp://127.0.0.1/", "nonsense", "http://[::1", ""]
)
def test_an_address_that_does_not_answer_is_one_line(tmp_path: Path, address: str) -> None:
    with pytest.raises(DownloadError, match="works from a local folder too") as caught:
        download("ml-1m", tmp_path, base_url=address, progress=False)
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_set_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="ml-latest-small"):
        download("../ml-1m", tmp_path)


def test_a_full_disk_is_one_line_and_leaves_the_part(
    server: ArchiveServer, get: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download_module, "unpack", full)
    with pytest.raises(DownloadError, match="No space left on device; free some space"):
        get()
    assert names(tmp_path) == ["ml-25m.zip.part", "ml-25m.zip.part.json"]
    monkeypatch.undo()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert load_ratings(get()).rows == 2


@pytest.mark.parametrize(
    "content",
    [
        archive({"ml-25m/README.txt": "no ratings"}),
        archive({"../ratings.csv": RATINGS}),
        b"<html>a captive portal</html>",
        archive()[:-30],
    ],
)
def test_an_archive_of_no_use_leaves_nothing(
    server: ArchiveServer, get: Callable[..., Path], tmp_path: Path, content: bytes
) -> None:
    server.content = content
    with pytest.raises(DownloadError):
        get()
    assert names(tmp_path) == []


def test_a_folder_of_that_name_without_ratings_is_left_alone(
    get: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "ml-25m").mkdir()
    with pytest.raises(DownloadError, match="holds no ratings; move it away"):
        get()
    assert names(tmp_path) == ["ml-25m"]


def test_the_git_id_of_a_known_content(tmp_path: Path) -> None:
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert git_blob_id(tmp_path / "hello") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_ratings_that_are_not_the_pinned_ones_are_refused(
    server: ArchiveServer, get: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert download_module.PINNED["ml-1m"] == Pin(24_594_131, "77a7c4b150f588c23bb9e1f068aa996c0b413695")
    server.content = archive({"ml-1m/ratings.dat": "hello\n"})
    with pytest.raises(DownloadError, match="not the one that ml-1m is known to have"):
        get("ml-1m")
    assert names(tmp_path) == []
    known = {"ml-1m": Pin(6, "ce013625030ba8dba906f756967f9e9ca394464a")}
    monkeypatch.setattr(download_module, "PINNED", known)
    assert (get("ml-1m") / "ratings.dat").read_text() == "hello\n"
