"""The lock files are exact, all licences allow redistribution, and an incomplete audit is reported."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import REPOSITORY
from tools.audit import assess
from tools.licences import LOCK, PAGE, LicenceError, Licensed, declared_licence, read_pins, render_page

LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))


def entries(lock: Path) -> list[str]:
    """Return one line per package, with its hashes."""
    text = re.sub(r"^ *#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    return text.replace("\\\n", " ").splitlines()


def test_every_dependency_set_has_a_lock_file() -> None:
    assert [lock.stem for lock in LOCKS] == ["cloud", "cluster", "dev", "otel", "serve", "tools", "train"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_lock_file_pins_every_package_by_hash_and_names_no_index(lock: Path) -> None:
    for entry in entries(lock):
        pin, *hashes = re.split(r"\s+--", entry.strip())
        assert hashes and all(re.fullmatch(r"hash=sha256:[0-9a-f]{64}", one) for one in hashes), entry
        requirement = Requirement(pin)
        assert requirement.url is None
        assert [clause.operator for clause in requirement.specifier] == ["=="], entry
    assert "://" not in lock.read_text()


def test_lock_files_of_all_sets_agree_on_versions() -> None:
    locked = {lock.stem: set(map(str, read_pins(lock.read_text()))) for lock in LOCKS}
    assert locked["serve"]
    assert locked["serve"] <= locked["train"] <= locked["cluster"] <= locked["dev"]
    assert locked["serve"] <= locked["otel"] <= locked["dev"]
    assert locked["serve"] <= locked["cloud"] <= locked["dev"]


def test_only_the_cluster_and_the_tests_install_ray() -> None:
    having = {lock.stem for lock in LOCKS if any(pin.name == "ray" for pin in read_pins(lock.read_text()))}
    assert having == {"cluster", "dev"}


def test_only_a_store_in_object_storage_installs_obstore() -> None:
    names = {lock.stem: {pin.name for pin in read_pins(lock.read_text())} for lock in LOCKS}
    assert {lock for lock, packages in names.items() if "obstore" in packages} == {"cloud", "dev"}
    assert names["cloud"] - names["serve"] <= {"obstore", "typing-extensions"}


def test_licences_page_matches_the_lock_file() -> None:
    assert PAGE.read_text() == render_page(
        [Licensed(pin, declared_licence(pin.name)) for pin in read_pins(LOCK.read_text())]
    )


@pytest.mark.parametrize(
    "licence",
    [None, "", "GPL-3.0-only", "MIT AND GPL-3.0-only", "Apache-2.0 WITH LLVM-exception", "UNKNOWN"],
)
def test_unknown_or_disallowed_licence_is_rejected(licence: str | None) -> None:
    with pytest.raises(LicenceError, match=r"^thing 1\.0: "):
        render_page([Licensed(Requirement("thing==1.0"), licence)])


def test_allowed_licence_expression_becomes_a_row() -> None:
    pin = Requirement("thing==1.0; sys_platform != 'win32'")
    assert render_page([Licensed(pin, "MPL-2.0 AND (Apache-2.0 OR MIT)")]).endswith(
        '\n| thing | 1.0 | sys_platform != "win32" | MPL-2.0 AND (Apache-2.0 OR MIT) |\n'
    )


def test_package_that_is_not_installed_has_no_licence() -> None:
    assert declared_licence("no-such-package-of-this-name") is None


CLEAN = {"name": "good", "version": "1.0", "vulns": []}
FLAWED = {"name": "bad", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
SKIPPED = {"name": "odd", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "line"),
    [
        ([CLEAN], 0, "audit: no known vulnerability in 1 packages"),
        ([CLEAN, FLAWED, SKIPPED], 1, "bad 2.0: PYSEC-1, fixed in 2.1"),
        ([CLEAN, SKIPPED], 3, "audit: the advisory service covers 1 of 2 packages, but not odd"),
    ],
)
def test_audit_is_clean_only_if_every_package_was_looked_up(
    packages: list[dict[str, object]], code: int, line: str
) -> None:
    assert assess(json.dumps({"dependencies": packages}), "") == (code, line)


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ("Traceback ...\nrequests.exceptions.ConnectionError: no route", 3),
        ("ERROR:pip_audit._cli:requirement file x contains invalid specifier at line 1", 1),
        ("", 1),
    ],
)
def test_failed_audit_reports_the_reason_by_exit_code(errors: str, code: int) -> None:
    found, line = assess("", errors)
    assert found == code
    assert line.startswith("audit: ")
