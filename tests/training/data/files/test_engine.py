"""The engine opens the files that it is given, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import REPOSITORY
from tests.training.data.helpers import rated, write
from training.data.files.engine import connect, path_of
from training.data.readers.ratings import load_ratings
from training.errors import DataError

COLUMNS = "auto_detect = false, columns = {'line': 'VARCHAR'}"


@pytest.fixture
def calls() -> Iterator[tuple[int, list[bytes]]]:
    """The port of a server on this machine, and the requests that it receives."""
    listener, heard = socket.create_server(("127.0.0.1", 0)), list[bytes]()

    def listen() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                heard.append(connection.recv(100))

    thread = threading.Thread(target=listen)
    thread.start()
    yield listener.getsockname()[1], heard
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


def test_it_reads_its_files_and_its_folder(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", "1\n")
    folder = tmp_path / "own"
    folder.mkdir()
    copy = write(folder, "b.csv", "2\n")
    with connect([file], folder) as database:
        for path in (file, copy):
            assert database.execute(
                f"SELECT count(*) FROM read_csv({path_of(path)}, {COLUMNS})"
            ).fetchall() == [(1,)]


def test_it_never_installs_or_loads_extensions(tmp_path: Path) -> None:
    with connect([], tmp_path) as database:
        settings = dict(
            database.execute(
                "SELECT name, value FROM duckdb_settings() WHERE name IN "
                "('autoinstall_known_extensions', 'autoload_known_extensions', 'enable_external_access', "
                "'lock_configuration')"
            ).fetchall()
        )
    assert settings == {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "enable_external_access": "false",
        "lock_configuration": "true",
    }


@pytest.mark.parametrize(
    "statement",
    [
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD excel",
        "SET autoload_known_extensions = true",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        f"SELECT * FROM read_csv('/etc/passwd', {COLUMNS})",
        f"SELECT * FROM read_csv('http://127.0.0.1:PORT/a.csv', {COLUMNS})",
        "SELECT * FROM read_parquet('http://127.0.0.1:PORT/a.parquet')",
        "SELECT * FROM read_json('https://127.0.0.1:PORT/a.json')",
        "SELECT * FROM 'http://127.0.0.1:PORT/a.csv'",
        "SELECT * FROM read_parquet('s3://bucket/a.parquet')",
        "ATTACH 'http://127.0.0.1:PORT/a.db'",
        "COPY (SELECT 1) TO 'ELSEWHERE'",
    ],
)
def test_it_reaches_nothing_else(tmp_path: Path, calls: tuple[int, list[bytes]], statement: str) -> None:
    port, heard = calls
    allowed, elsewhere = tmp_path / "allowed", tmp_path / "elsewhere.csv"
    allowed.mkdir()
    statement = statement.replace("PORT", str(port)).replace("ELSEWHERE", str(elsewhere))
    with connect([write(allowed, "a.csv", "1\n")], allowed) as database, pytest.raises(duckdb.Error):
        database.execute(statement).fetchall()
    assert heard == []
    assert not elsewhere.exists()


@pytest.mark.parametrize("rows", ["1,1,1,\n2,1,1\n", "1,1,1\n\n2,1,1\n"])
def test_the_list_of_rejected_rows_misses_what_the_reader_refuses(tmp_path: Path, rows: str) -> None:
    # If this fails, the engine may do what `lines.first_bad_line` does.
    path = write(tmp_path, "a.csv", f"user,movie,rating\n{rows}")
    columns = "columns = {'u': 'VARCHAR', 'm': 'VARCHAR', 'r': 'VARCHAR'}, auto_detect = false, skip = 1"
    with connect([path], tmp_path) as database:
        database.execute(
            f"SELECT * FROM read_csv('{path}', {columns}, strict_mode = true, store_rejects = true)"
        )
        assert len(database.fetchall()) == 2
        assert database.execute("SELECT * FROM reject_errors").fetchall() == []
    with pytest.raises(DataError):
        load_ratings(path)


@pytest.mark.parametrize(
    "name",
    [
        "ratings [final].csv",
        "a*b.csv",
        "a?b.csv",
        "it's.csv",
        'say "hi".csv',
        "{a,b}.csv",
        "ü 京.csv",
        "[!a].csv",
    ],
)
def test_a_name_means_the_very_file(tmp_path: Path, name: str) -> None:
    for other in ("ratings f.csv", "axb.csv", "b.csv"):
        write(tmp_path, other, "user,movie,rating\nother,other,1\n")
    path = write(tmp_path, name, "user,movie,rating\na,b,1\n")
    assert rated(load_ratings(path)) == [("a", "b", 1.0)]
    (tmp_path / "link").symlink_to(path)
    assert rated(load_ratings(tmp_path / "link")) == [("a", "b", 1.0)]


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    folder = tmp_path / "data"
    folder.mkdir()
    load_ratings(write(folder, "a.csv", "user,movie,rating\r\na,b,1\nc,d,2\n".encode("utf-8-sig")))
    assert list(tmp_path.iterdir()) == [folder]


def test_ratings_are_read_in_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # There, DuckDB has a progress bar of its own.
    path = write(tmp_path, "a.csv", "user,movie,rating\na,b,4\n")
    code = "from training.data.readers.ratings import load_ratings, Path\n"
    code += f"load_ratings(Path({str(path)!r})).rows"
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    assert notebook.cells[0].outputs[0].data["text/plain"] == "1"
