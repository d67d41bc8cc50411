"""Ratings in object storage are read as if they were local files."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import obstore
import pytest
from typer.testing import CliRunner

from tests.app.processes import free_port
from tests.builders import tiny_file
from tests.conftest import REPOSITORY
from tests.remote_store import BUCKET, SECRET, S3Server, s3_server
from tests.training.data.helpers import write
from training.artefact.remote.address import StoreAddress
from training.artefact.remote.objects import CHUNK_BYTES, Objects
from training.cli.app import app
from training.data.files.remote import DataAddress, parse_place
from training.data.readers.ratings import load_ratings
from training.errors import ArtefactDamaged, DataError, SettingsError

CSV = "user,movie,rating\na,b,4\nc,b,2.5\n"
ML_1M = "1::10::5::978300760\n2::20::3::978302109\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("ratings/a.csv", Path("ratings/a.csv")),
        ("s3://bucket", DataAddress("s3://bucket", "")),
        ("gs://bucket/", DataAddress("gs://bucket", "")),
        ("az://bucket/a b/year=*/[0-9].csv", DataAddress("az://bucket", "a b/year=*/[0-9].csv")),
        ("s3://bucket/folder/", DataAddress("s3://bucket", "folder")),
    ],
)
def test_address_is_distinguished_from_a_path(text: str, place: Path | DataAddress) -> None:
    assert parse_place(text, "--data") == place
    assert str(place) == text.rstrip("/")


@pytest.mark.parametrize(
    "text",
    [
        "https://bucket.example/hidden.csv",
        "s3://key:hidden@bucket/a.csv",
        "s3://",
        "s3://bucket//hidden",
        "s3://bucket/../hidden",
        "S3://bucket/hidden",
    ],
)
def test_other_urls_are_refused_without_repeating_them(text: str) -> None:
    with pytest.raises(
        SettingsError, match=r"^--data is not a valid address: it must be like s3://"
    ) as error:
        parse_place(text, "--data")
    assert "hidden" not in str(error.value)


def test_package_that_is_missing_is_named_in_one_line() -> None:
    code = (
        "import sys; sys.modules['obstore'] = None; from training.__main__ import main; "
        "sys.argv = ['training', 'fit', '--data', 's3://bucket/a.csv']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "error: s3://bucket: needs the package obstore, which is not installed "
        "(pip install -r requirements/cloud.txt, or the extra `cloud`)\n"
    )


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@pytest.fixture
def address(s3: S3Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a folder for each test, which the environment has the credentials of."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{abs(hash(request.node.name)):x}"


def upload(s3: S3Server, folder: Path, address: str) -> None:
    prefix = address.removeprefix(f"s3://{BUCKET}/")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            obstore.put(s3.store(), f"{prefix}/{path.relative_to(folder)}", path)


def parquet(path: Path) -> None:
    values = "(1, 10, 3.0), (2, 10, 4.5), (2, 30, 1.0)"
    rows = f"SELECT * FROM (VALUES {values}) AS v(user_id, movie_id, rating)"
    duckdb.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")


def fill(folder: Path) -> None:
    """Write one of each: files, folders of partitions, files for a pattern, and MovieLens with titles."""
    for name in ("set", "lake/year=2020", "lake/year=2021", "lake/_tmp", "ml-1m", "several/a", "several/b"):
        (folder / name).mkdir(parents=True)
    write(folder, "plain.csv", CSV)
    write(folder, "a b [1] ü.csv", CSV)
    write(folder, "packed.csv.gz", gzip.compress(CSV.replace("\n", "\r\n").encode(), mtime=0))
    write(folder, "broken.csv", CSV + "a\n")
    write(folder, "empty.csv", "")
    parquet(folder / "some.parquet")
    for year in ("2020", "2021"):
        write(folder, f"lake/year={year}/0.csv", CSV.replace("b", year))
    write(folder, "lake/_tmp/0.csv", "unfinished")
    write(folder, "set/part-1.csv", CSV.replace("b", "1"))
    write(folder, "set/part-2.csv", CSV.replace("b", "2"))
    for name in ("a", "b"):
        write(folder, f"several/{name}/ratings.csv", CSV)
    write(folder, "ml-1m/ratings.dat", ML_1M)
    write(folder, "ml-1m/movies.dat", "10::A Film (1999)::Drama\n20::B (2000)::Comedy|Drama\n")


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        *("plain.csv", "a b [1] ü.csv", "packed.csv.gz", "some.parquet", "lake", "lake/year=*/*.csv", "set"),
        *("set/part-*", "ml-1m", "ml-1m/ratings.dat"),
    ],
)
def test_ratings_are_read_as_from_a_local_path(
    s3: S3Server, address: str, tmp_path: Path, temporary: Path, name: str
) -> None:
    folder = tmp_path / address.rpartition("/")[2]
    fill(folder)
    upload(s3, folder, address)
    place = parse_place(f"{address}/{name}", "--data")
    found, expected = load_ratings(place), load_ratings(folder / name)
    for field in ("name", "layout", "sha256", "licence", "titles", "notes", "scale"):
        assert getattr(found, field) == getattr(expected, field)
    for rows in ("user_index", "movie_index", "ratings"):
        assert np.array_equal(getattr(found, rows), getattr(expected, rows))
    assert list(found.users) == list(expected.users)
    assert found.path == str(place)
    assert list(temporary.iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize(
    "name", ["broken.csv", "empty.csv", "absent.csv", "absent/*.csv", "ml-1m/movies.dat", "several"]
)
def test_ratings_are_refused_as_at_a_local_path(
    s3: S3Server, address: str, tmp_path: Path, temporary: Path, name: str
) -> None:
    folder = tmp_path / "data"
    fill(folder)
    upload(s3, folder, address)
    refusals = []
    for place in (folder / name, parse_place(f"{address}/{name}", "--data")):
        with pytest.raises(DataError) as refused:
            load_ratings(place)
        refusals.append(str(refused.value))
    assert refusals[1] == refusals[0].replace(str(folder), address)
    assert list(temporary.iterdir()) == []


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.long
def test_models_are_trained_evaluated_and_used_by_address(
    s3: S3Server, address: str, tmp_path: Path, temporary: Path
) -> None:
    folder = tmp_path / address.rpartition("/")[2]
    folder.mkdir()
    write(folder, "titles.csv", "id,title\n1,First (1999)\n")
    write(folder, "pairs.csv", "user_id,movie_id\n1,1\n2,nobody\n")
    write(folder, "users.csv", "user_id\n2\n1\n")
    (folder / "ratings.csv").write_bytes(tiny_file(tmp_path).read_bytes())
    upload(s3, folder, address)
    store: dict[Path | str, Path] = {}
    for where in (folder, address):
        store[where] = tmp_path / f"store-{len(store)}"
        quick = ("--epochs", 1, "--embedding-dim", 4, "--store", store[where], "--work", tmp_path / "work")
        run("fit", "baseline", "--data", f"{where}/ratings.csv", "--items", f"{where}/titles.csv", *quick)
    manifests = [(one / "baseline" / "manifest.json").read_text() for one in store.values()]
    records = [json.loads(text)["dataset"] for text in manifests]
    assert records[0] == records[1]
    model = store[address] / "baseline"
    assert len({run("evaluate", model, "--data", f"{where}/ratings.csv") for where in store}) == 1
    for option in ("pairs", "users"):
        for number, where in enumerate(store):
            out = tmp_path / f"{option}-{number}"
            run(
                *("score", "--store", store[address], "--model", "baseline", "--csv", "--out", out),
                *(f"--{option}", f"{where}/{option}.csv"),
            )
        first, second = (tmp_path / f"{option}-{number}" for number in range(2))
        assert (first / "part-00000.csv").read_text() == (second / "part-00000.csv").read_text()
    assert list(temporary.iterdir()) == []


def refusal(*arguments: object, **variables: str) -> str:
    """Run a command that must fail with one line; return the line."""
    done = subprocess.run(
        [sys.executable, "-m", "training", *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert SECRET not in done.stderr
    return done.stderr


@pytest.mark.long
def test_storage_that_refuses_or_is_not_there_is_named_in_one_line(
    s3: S3Server, address: str, shared_store: Path, tmp_path: Path
) -> None:
    write(tmp_path, "pairs.csv", "user_id,movie_id\n1,1\n")
    upload(s3, tmp_path, address)
    model = shared_store / "baseline"
    score = ("score", "--store", shared_store, "--model", "baseline", "--out", tmp_path / "out", "--pairs")
    for command in (("fit", "--data"), ("evaluate", model, "--data"), score):
        line = refusal(*command, f"{address}/absent.csv")
        assert line.startswith(f"error: {address}/absent.csv: ") and "no" in line
    denied = f"error: {address}/pairs.csv: access is denied with the credentials of the environment\n"
    assert refusal(*score, f"{address}/pairs.csv", AWS_SECRET_ACCESS_KEY="wrong") == denied
    assert refusal("fit", "--data", f"{address}/pairs.csv", AWS_SECRET_ACCESS_KEY="wrong") == denied
    closed = refusal("fit", "--data", f"{address}/a.csv", AWS_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    assert closed == f"error: {address}/a.csv: cannot be reached (error sending request)\n"
    no_bucket = refusal("fit", "--data", "s3://absent/a.csv")
    assert no_bucket.startswith("error: s3://absent/a.csv: does not exist")


@pytest.mark.long
def test_object_that_is_replaced_while_it_is_read_is_refused(s3: S3Server, address: str) -> None:
    key = address.removeprefix(f"s3://{BUCKET}/")
    obstore.put(s3.store(), key, bytes(CHUNK_BYTES + 1))

    class Replacing(io.BytesIO):
        def write(self, chunk: object) -> int:
            obstore.put(s3.store(), key, b"1" * (CHUNK_BYTES + 1))
            return 0

    with pytest.raises(ArtefactDamaged, match="was replaced while it was read; try again"):
        Objects(StoreAddress(f"s3://{BUCKET}")).copy(key, Replacing())
