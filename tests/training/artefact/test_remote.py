"""Addresses of stores in object storage, and the files that describe a version there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from training.artefact.manifest import FileRecord
from training.artefact.remote.address import is_url, parse_address
from training.artefact.remote.layout import Pointer, Version, parse, render_pointer, render_version
from training.errors import ArtefactDamaged

RECORD = FileRecord(sha256="0" * 64, bytes=3)
VERSION = "1" * 64


@pytest.mark.parametrize(
    "address", ["s3://bucket", "s3://my.bucket-1/a/b_c/v=1.0", "gs://bucket/prefix", "az://container/prefix/"]
)
def test_valid_address_is_parsed(address: str) -> None:
    assert is_url(address)
    assert parse_address(address).url == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        "s3://",
        "s3://key:hidden@bucket/prefix",
        "s3://bucket/prefix?secret=hidden",
        "s3://bucket/prefix#hidden",
        "s3://bucket/../hidden",
        "s3://bucket//hidden",
        "s3://bucket/hidden\n",
        "https://bucket.example/hidden",
        "S3://bucket/hidden",
    ],
)
def test_invalid_address_is_refused_without_repeating_it(address: str) -> None:
    assert is_url(address)
    with pytest.raises(ValueError, match="is not a valid address") as refused:
        parse_address(address)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("folder", ["models_store", "/srv/models_store", "./s3:/bucket", "C:/store"])
def test_path_is_not_taken_for_an_address(folder: str) -> None:
    assert not is_url(folder)


def test_name_of_a_version_depends_on_its_files_and_not_on_their_order() -> None:
    files = {"tiny/model.keras": RECORD, "tiny/manifest.json": RECORD}
    name, content = render_version(files)
    assert render_version(dict(reversed(files.items()))) == (name, content)
    assert parse(Version, content, "version.json").files == files
    other = RECORD.model_copy(update={"sha256": "1" * 64})
    assert render_version({**files, "tiny/model.keras": other})[0] != name


def test_version_may_have_every_file_of_an_artefact() -> None:
    artefact = REPOSITORY / "tests" / "training" / "artefact" / "formats" / "version-5"
    names = {f"tiny/{path.name}" for path in artefact.iterdir()}
    assert len(names) == 5
    content = render_version(dict.fromkeys(names, RECORD))[1]
    assert parse(Version, content, "version.json").files.keys() == names


def test_pointer_names_a_version() -> None:
    assert parse(Pointer, render_pointer(VERSION), "current.json").version == VERSION


@pytest.mark.parametrize(
    "path", ["../model.keras", "tiny/../model.keras", "/model.keras", "tiny/model.py", ".x/model.keras", "a"]
)
def test_version_with_a_file_outside_of_a_model_folder_is_refused(path: str) -> None:
    content = Version.model_construct(files={path: RECORD}).model_dump_json().encode()
    with pytest.raises(ArtefactDamaged, match=r"^s3://bucket/version\.json: files"):
        parse(Version, content, "s3://bucket/version.json")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"version": "../x"}', b'{"version": "%s", "format_version": 2}' % (b"1" * 64)],
)
def test_invalid_pointer_is_refused(content: bytes) -> None:
    with pytest.raises(ArtefactDamaged, match=r"^current\.json: "):
        parse(Pointer, content, "current.json")


def test_package_that_is_missing_is_named_in_one_line() -> None:
    code = "import sys; sys.modules['obstore'] = None; from training.artefact.remote.fetch import main; "
    done = subprocess.run(
        [sys.executable, "-c", code + "main('s3://bucket/prefix', '/nonexistent')"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "needs the package obstore, which is not installed" in done.stdout
    assert '"path": "s3://bucket/prefix"' in done.stdout
