"""Licences of what is installed to serve: `python -m tools.licences` writes docs/licences.md.

Names and versions are those of requirements/serve.txt, licences those that the installed packages state.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

REPOSITORY: Final = Path(__file__).resolve().parents[1]
LOCK: Final = REPOSITORY / "requirements" / "serve.txt"
PAGE: Final = REPOSITORY / "docs" / "licences.md"

# All may be passed on with the service, in an image as elsewhere. Another one is a decision, and made here.
ALLOWED: Final = frozenset(
    ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MPL-2.0", "PSF-2.0", "Zlib"]
)
# Older packages name theirs in words.
_WORDS: Final = {"MIT License": "MIT", "Apache Software License": "Apache-2.0"}
_HEAD: Final = """# Licences

What `requirements/serve.txt` installs, as each package states it. Written by `make licences`, which fails
where a licence is unknown or not in the list of `tools/licences.py`.

| package | version | where | licence |
| --- | --- | --- | --- |
"""


class Unfit(Exception):
    """Licences that are unknown or not allowed; one line each."""


@dataclass(frozen=True)
class Licensed:
    """A package of the lock.

    Attributes:
        pin: Name, exact version, and where it is for, if not everywhere.
        licence: SPDX expression; None where nothing is stated.
    """

    pin: Requirement
    licence: str | None

    @property
    def version(self) -> str:
        """The one version that is pinned."""
        (pinned,) = self.pin.specifier
        return pinned.version


def main() -> int:
    """Write the page.

    Returns:
        The exit code: 1 where a licence is unknown or forbidden, and nothing is written.
    """
    try:
        text = page([Licensed(pin, stated(pin.name)) for pin in pins(LOCK.read_text(encoding="utf-8"))])
    except Unfit as unfit:
        print(unfit, file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


def pins(lock: str) -> list[Requirement]:
    """The packages of a lock, without their hashes."""
    lines = [line.removesuffix("\\") for line in lock.splitlines() if line[:1].isalnum()]
    return [Requirement(line) for line in lines]


def stated(name: str) -> str | None:
    """The licence that an installed package states, as an SPDX expression; None where it states none."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return None
    classifiers = [line.split(" :: ")[-1] for line in about.get_all("Classifier", []) if "License ::" in line]
    fields = [*about.get_all("License-Expression", []), *about.get_all("License", [])]
    words: str = fields[0] if fields else " AND ".join(sorted(classifiers))
    for long, short in _WORDS.items():
        words = words.replace(long, short)
    return words or None


def page(packages: Sequence[Licensed]) -> str:
    """The table of all packages.

    Args:
        packages: All of the lock.

    Returns:
        A page of Markdown.

    Raises:
        Unfit: A licence is unknown, or one of those that an expression names is not in `ALLOWED`.
    """
    unfit = []
    for package in packages:
        # An expression is allowed if all that it names is, whichever way it joins them.
        named = set(re.split(r"[\s()]+|\bAND\b|\bOR\b", package.licence or "")) - {""}
        if not named:
            unfit.append(f"{package.pin.name} {package.version}: no licence is known; is it installed?")
        elif named - ALLOWED:
            unfit.append(
                f"{package.pin.name} {package.version}: {(package.licence or '')[:80]!r} is not allowed"
            )
    if unfit:
        raise Unfit("\n".join(unfit))
    return _HEAD + "".join(
        f"| {package.pin.name} | {package.version} | {package.pin.marker or ''} | {package.licence} |\n"
        for package in packages
    )


if __name__ == "__main__":
    sys.exit(main())
