from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.data.grouplens.archive_server import RATINGS, ArchiveServer, archive, serving
from training.data.grouplens.download import download, git_blob_id
from training.data.readers.known_sets import MOVIELENS, MovieLensSet
from training.data.readers.ratings import load_ratings
from training.errors import DownloadError

# Large enough for several blocks, and random, so that it cannot be compressed.
BIG = archive({"ml-big/ratings.csv": RATINGS, "ml-big/noise.bin": os.urandom(600_000)})

Get = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[ArchiveServer]:
    with serving(ArchiveServer(archive())) as running:
        yield running


@pytest.fixture
def get(server: ArchiveServer, tmp_path: Path) -> Get:
    """Return a function that downloads `ml-25m`, or another set, into the test's folder without retries."""

    def fetch(name: str = "ml-25m", **options: Any) -> Path:
        return download(
            name, tmp_path, **{"base_url": server.url, "progress": False, "retries": 0, **options}
        )

    return fetch


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_downloaded_set_is_complete_in_a_folder_of_its_name(get: Get, tmp_path: Path) -> None:
    folder = get()
    assert folder == tmp_path / "ml-25m"
    assert names(folder) == ["README.txt", "ratings.csv"]
    assert names(tmp_path) == ["ml-25m"]
    assert load_ratings(folder).rows == 2
    assert folder.stat().st_mode & 0o055 == 0o055


def test_existing_set_is_not_downloaded_again(server: ArchiveServer, get: Get) -> None:
    get()
    before = len(server.requests)
    get()
    assert len(server.requests) == before


def test_archive_without_a_top_folder_is_accepted(server: ArchiveServer, get: Get) -> None:
    server.content = archive({"ratings.csv": RATINGS, "genome/tags.csv": "x"})
    folder = get()
    assert names(folder) == ["genome", "ratings.csv"]
    assert folder.stat().st_mode & 0o055 == 0o055


def test_only_a_progress_bar_is_printed_on_standard_error(server: ArchiveServer, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from training.data.grouplens.download import download;"
        "download('ml-25m', Path(sys.argv[1]), base_url=sys.argv[2])"
    )
    # Not in this process: pytest replaces the standard error that loggers write to.
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path, server.url.rstrip("/")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    assert done.stderr.startswith("ml-25m.zip ")
    assert len(done.stderr.splitlines()) == 1


def part_of(folder: Path) -> Path:
    """Return the path of the archive of `ml-25m` until it is unpacked."""
    return folder / ".ml-25m.download" / "ml-25m.zip"


@pytest.fixture
def cut(server: ArchiveServer, get: Get, tmp_path: Path) -> int:
    """Return the number of bytes that are kept of a download whose connection broke."""
    server.content, server.cut_after = BIG, 300_000
    with pytest.raises(DownloadError, match="resumes where it stopped") as caught:
        get()
    assert len(str(caught.value).splitlines()) == 1
    assert names(tmp_path) == [".ml-25m.download"]
    assert names(part_of(tmp_path).parent) == ["ml-25m.zip"]
    return part_of(tmp_path).stat().st_size


def test_interrupted_download_resumes_where_it_stopped(
    server: ArchiveServer, get: Get, tmp_path: Path, cut: int
) -> None:
    assert 200_000 < cut <= 300_000
    assert load_ratings(get()).rows == 2
    assert server.requests[-1] == ("/movielens/ml-25m.zip", f"bytes={cut}-")
    assert names(tmp_path) == ["ml-25m"]


def test_broken_connection_is_retried_immediately(server: ArchiveServer, get: Get) -> None:
    server.content, server.cut_after = BIG, 300_000
    assert load_ratings(get(retries=1)).rows == 2
    assert [wanted is not None for path, wanted in server.requests if path.endswith(".zip")] == [False, True]


def test_download_starts_again_if_the_file_has_changed(server: ArchiveServer, get: Get, cut: int) -> None:
    server.content = BIG[::-1] + archive()
    with pytest.raises(DownloadError, match="does not match"):
        get()
    server.content = archive()
    assert load_ratings(get()).rows == 2


def test_download_of_a_changed_file_is_retried_immediately(server: ArchiveServer, get: Get, cut: int) -> None:
    server.content = archive({"ml-big/ratings.csv": RATINGS, "ml-big/noise.bin": os.urandom(600_000)})
    assert load_ratings(get(retries=1)).rows == 2


def test_download_starts_again_if_the_server_ignores_ranges(
    server: ArchiveServer, get: Get, cut: int
) -> None:
    server.ranges = False
    assert load_ratings(get()).rows == 2


def test_wrong_range_from_the_server_is_rejected(
    server: ArchiveServer, get: Get, tmp_path: Path, cut: int
) -> None:
    server.shift = 5
    with pytest.raises(DownloadError, match="does not match"):
        get()
    assert names(tmp_path) == []


def test_part_that_is_longer_than_the_file_is_removed(
    server: ArchiveServer, get: Get, tmp_path: Path, cut: int
) -> None:
    with part_of(tmp_path).open("ab") as part:
        part.write(bytes(len(BIG)))
    with pytest.raises(DownloadError, match=r"the server returned 416 .*; try again"):
        get()
    assert names(tmp_path) == []
    assert load_ratings(get()).rows == 2


def test_complete_part_is_not_requested_again(
    server: ArchiveServer, get: Get, tmp_path: Path, cut: int
) -> None:
    part_of(tmp_path).write_bytes(BIG)
    assert load_ratings(get()).rows == 2
    assert server.count(".zip") == 1


def test_files_of_a_killed_download_are_used_and_removed(
    server: ArchiveServer, get: Get, tmp_path: Path, cut: int
) -> None:
    work = part_of(tmp_path).parent
    (work / "tmp0abc").touch()
    (work / "unpacked").mkdir()
    (work / "unpacked" / "ratings.csv").write_text("userId")
    assert load_ratings(get()).rows == 2
    assert server.requests[-1] == ("/movielens/ml-25m.zip", f"bytes={cut}-")
    assert names(tmp_path) == ["ml-25m"]


@pytest.mark.parametrize("form", ["MD5 (ml-25m.zip) = {}\n", "{}  ml-25m.zip\n", "{} *ml-25m.zip", "{}"])
def test_each_form_of_an_md5_file_is_read(server: ArchiveServer, get: Get, form: str) -> None:
    server.md5 = form.format(hashlib.md5(server.content).hexdigest().upper())
    assert get().is_dir()


def test_archive_that_does_not_match_its_md5_is_removed(
    server: ArchiveServer, get: Get, tmp_path: Path
) -> None:
    server.md5 = "0" * 32
    with pytest.raises(DownloadError, match=r"ml-25m.zip does not match its .md5 file; .* try again"):
        get()
    assert names(tmp_path) == []


@pytest.mark.parametrize("md5", ["<html>not found</html>", "0" * 32 + " " + "1" * 32, "0" * 5000, " "])
def test_md5_file_without_exactly_one_digest_is_rejected(server: ArchiveServer, get: Get, md5: str) -> None:
    server.md5 = md5
    with pytest.raises(DownloadError, match="does not hold one MD5 digest"):
        get()
    assert server.count(".zip") == 0


def test_archive_without_an_md5_file_requires_the_option(server: ArchiveServer, get: Get) -> None:
    server.md5 = None
    with pytest.raises(DownloadError, match="allow an unverified download"):
        get()
    assert server.count(".zip") == 0
    assert load_ratings(get(allow_unverified=True)).rows == 2


def test_unverified_download_is_never_resumed(
    server: ArchiveServer, get: Get, tmp_path: Path, cut: int
) -> None:
    server.md5 = None
    assert load_ratings(get(allow_unverified=True)).rows == 2
    assert server.requests[-1] == ("/movielens/ml-25m.zip", None)


@pytest.mark.parametrize("status", [403, 404, 416, 500, 503])
def test_http_error_is_one_line_that_states_what_to_do(
    server: ArchiveServer, get: Get, tmp_path: Path, status: int
) -> None:
    server.status = status
    with pytest.raises(DownloadError) as caught:
        get()
    text = str(caught.value)
    assert f"the server returned {status}" in text
    assert f"put the unpacked folder at {tmp_path / 'ml-25m'} yourself" in text
    assert len(text.splitlines()) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize("status", [204, 206])
def test_response_without_the_file_is_rejected(
    server: ArchiveServer, get: Get, tmp_path: Path, status: int
) -> None:
    server.status = status
    with pytest.raises(DownloadError, match="does not match"):
        get()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:1/", "[Errno "),
        ("ftp://127.0.0.1/", "No connection adapters"),
        ("nonsense", "Invalid URL"),
        ("http://[::1", "Failed to parse"),
        ("", "Invalid URL"),
    ],
)
def test_unreachable_address_is_reported_in_one_line(tmp_path: Path, address: str, reason: str) -> None:
    with pytest.raises(DownloadError, match="works from a local folder too") as caught:
        download("ml-1m", tmp_path, base_url=address, progress=False)
    assert f"/ml-1m.zip: {reason}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert names(tmp_path) == []


def test_redirect_to_another_protocol_is_reported_in_one_line(
    server: ArchiveServer, get: Get, tmp_path: Path
) -> None:
    server.location = "ftp://127.0.0.1/ml-25m.zip"
    with pytest.raises(DownloadError, match=r"ml-25m.zip: No connection adapters .*; try again; or put"):
        get()
    assert names(tmp_path) == []


def test_error_for_an_unknown_set_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="ml-latest-small"):
        download("../ml-1m", tmp_path)


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """Limit the files that this process writes to `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_archive_is_kept_if_its_members_cannot_be_written(
    server: ArchiveServer, get: Get, tmp_path: Path
) -> None:
    server.content = archive({"ml/ratings.csv": RATINGS, "ml/big.txt": "0123456789" * 100_000})
    with (
        files_end_at(len(server.content) + 1),
        pytest.raises(DownloadError, match="File too large; try again"),
    ):
        get()
    assert names(part_of(tmp_path).parent) == ["ml-25m.zip"]
    assert load_ratings(get()).rows == 2
    assert server.count(".zip") == 1


def test_folder_that_cannot_be_written_is_reported_in_one_line(server: ArchiveServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="file cannot be written: Not a directory; try again"):
        download("ml-25m", tmp_path / "file", base_url=server.url, progress=False)


@pytest.mark.parametrize(
    "content",
    [
        archive({"ml-25m/README.txt": "no ratings"}),
        archive({"../ratings.csv": RATINGS}),
        b"<html>a captive portal</html>",
        archive()[:-30],
    ],
)
def test_rejected_archive_leaves_no_files(
    server: ArchiveServer, get: Get, tmp_path: Path, content: bytes
) -> None:
    server.content = content
    with pytest.raises(DownloadError):
        get()
    assert names(tmp_path) == []


def test_existing_folder_without_ratings_is_not_changed(get: Get, tmp_path: Path) -> None:
    (tmp_path / "ml-25m").mkdir()
    with pytest.raises(DownloadError, match="holds no ratings; move it away"):
        get()
    assert names(tmp_path) == ["ml-25m"]


def test_git_blob_id_matches_a_known_value(tmp_path: Path) -> None:
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert git_blob_id(tmp_path / "hello") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_ratings_that_differ_from_the_pinned_id_are_rejected(
    server: ArchiveServer, get: Get, tmp_path: Path
) -> None:
    server.content = archive({"ml-1m/ratings.dat": "hello\n"})
    with pytest.raises(DownloadError, match="is not the published file of ml-1m"):
        get("ml-1m")
    assert names(tmp_path) == []
    hello = replace(MOVIELENS["ml-1m"], ratings_git_id="ce013625030ba8dba906f756967f9e9ca394464a")
    known: Mapping[str, MovieLensSet] = {"ml-1m": hello}
    assert (get("ml-1m", known=known) / "ratings.dat").read_text() == "hello\n"
