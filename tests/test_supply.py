"""The locks are exact, what they install may be passed on, and an audit that could not ask says so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.conftest import REPOSITORY
from tools.audit import judge
from tools.licences import LOCK, PAGE, Licensed, Unfit, page, pins, stated

LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))


def entries(lock: Path) -> list[str]:
    """A package each, its hashes on the same line."""
    text = re.sub(r"^ *#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    return text.replace("\\\n", " ").splitlines()


def test_there_is_a_lock_for_each_set() -> None:
    assert [lock.stem for lock in LOCKS] == ["dev", "otel", "serve", "tools", "train"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_pins_every_package_by_hash_and_names_no_index(lock: Path) -> None:
    for entry in entries(lock):
        pin, *hashes = re.split(r"\s+--", entry.strip())
        assert hashes and all(re.fullmatch(r"hash=sha256:[0-9a-f]{64}", one) for one in hashes), entry
        requirement = Requirement(pin)
        assert requirement.url is None
        assert [clause.operator for clause in requirement.specifier] == ["=="], entry
    assert "://" not in lock.read_text()


def test_what_is_served_is_what_is_tested() -> None:
    locked = {lock.stem: set(map(str, pins(lock.read_text()))) for lock in LOCKS}
    assert locked["serve"]
    assert locked["serve"] <= locked["train"] <= locked["dev"]
    assert locked["serve"] <= locked["otel"] <= locked["dev"]


def test_the_page_of_licences_is_that_of_the_lock() -> None:
    assert PAGE.read_text() == page([Licensed(pin, stated(pin.name)) for pin in pins(LOCK.read_text())])


@pytest.mark.parametrize(
    "licence",
    [None, "", "GPL-3.0-only", "MIT AND GPL-3.0-only", "Apache-2.0 WITH LLVM-exception", "UNKNOWN"],
)
def test_an_unknown_or_foreign_licence_is_refused(licence: str | None) -> None:
    with pytest.raises(Unfit, match=r"^thing 1\.0: "):
        page([Licensed(Requirement("thing==1.0"), licence)])


def test_an_allowed_expression_is_a_row() -> None:
    pin = Requirement("thing==1.0; sys_platform != 'win32'")
    assert page([Licensed(pin, "MPL-2.0 AND (Apache-2.0 OR MIT)")]).endswith(
        '\n| thing | 1.0 | sys_platform != "win32" | MPL-2.0 AND (Apache-2.0 OR MIT) |\n'
    )


def test_what_is_not_installed_has_no_licence() -> None:
    assert stated("no-such-package-of-this-name") is None


CLEAN = {"name": "good", "version": "1.0", "vulns": []}
FLAWED = {"name": "bad", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
SKIPPED = {"name": "odd", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "line"),
    [
        ([CLEAN], 0, "audit: nothing is known against 1 packages"),
        ([CLEAN, FLAWED, SKIPPED], 1, "bad 2.0: PYSEC-1, mended in 2.1"),
        ([CLEAN, SKIPPED], 3, "audit: the advisory service answered for 1 of 2 packages, not for odd"),
    ],
)
def test_an_audit_is_clean_only_if_all_was_looked_up(
    packages: list[dict[str, object]], code: int, line: str
) -> None:
    assert judge(json.dumps({"dependencies": packages}), "") == (code, line)


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ("Traceback ...\nrequests.exceptions.ConnectionError: no route", 3),
        ("ERROR:pip_audit._cli:requirement file x contains invalid specifier at line 1", 1),
        ("", 1),
    ],
)
def test_an_audit_that_broke_off_says_why_in_its_code(errors: str, code: int) -> None:
    found, line = judge("", errors)
    assert found == code
    assert line.startswith("audit: ")
