"""Write docs/licences.md, the licences of the packages that the service needs: `python -m tools.licences`.

Names and versions come from requirements/serve.txt, licences from the metadata of the installed packages.
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

# Licences that allow redistribution with the service, also in an image. Review a licence before adding it.
ALLOWED: Final = frozenset(
    ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MPL-2.0", "PSF-2.0", "Zlib"]
)
# Licence names that older packages use instead of SPDX identifiers.
_WORDS: Final = {"MIT License": "MIT", "Apache Software License": "Apache-2.0"}
_HEAD: Final = """# Licences

The packages of `requirements/serve.txt` with the licence that each declares. `make licences` writes this
page, and fails if a licence is unknown or is not in the list of `tools/licences.py`.

| package | version | where | licence |
| --- | --- | --- | --- |
"""


class LicenceError(Exception):
    """Licences are unknown or not allowed; the message has one line for each package."""


@dataclass(frozen=True)
class Licensed:
    """A package of the lock file with its licence.

    Attributes:
        pin: Name, exact version and environment marker, if any.
        licence: SPDX expression; None if the package declares none.
    """

    pin: Requirement
    licence: str | None

    @property
    def version(self) -> str:
        """The pinned version."""
        (pinned,) = self.pin.specifier
        return pinned.version


def main() -> int:
    """Write the page.

    Returns:
        The exit code: 1 if a licence is unknown or not allowed; then nothing is written.
    """
    try:
        text = render_page(
            [Licensed(pin, declared_licence(pin.name)) for pin in read_pins(LOCK.read_text(encoding="utf-8"))]
        )
    except LicenceError as error:
        print(error, file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


def read_pins(lock: str) -> list[Requirement]:
    """Return the packages of a lock file, without their hashes."""
    lines = [line.removesuffix("\\") for line in lock.splitlines() if line[:1].isalnum()]
    return [Requirement(line) for line in lines]


def declared_licence(name: str) -> str | None:
    """Return the licence that an installed package declares, as an SPDX expression, or None."""
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


def render_page(packages: Sequence[Licensed]) -> str:
    """Render the page with the table of all packages.

    Args:
        packages: All packages of the lock file.

    Returns:
        The page in Markdown.

    Raises:
        LicenceError: A licence is unknown, or an expression names one that is not in `ALLOWED`.
    """
    problems = []
    for package in packages:
        # An expression is allowed if every licence in it is, however they are joined.
        named = set(re.split(r"[\s()]+|\bAND\b|\bOR\b", package.licence or "")) - {""}
        if not named:
            problems.append(f"{package.pin.name} {package.version}: no licence is known; is it installed?")
        elif named - ALLOWED:
            problems.append(
                f"{package.pin.name} {package.version}: {(package.licence or '')[:80]!r} is not allowed"
            )
    if problems:
        raise LicenceError("\n".join(problems))
    return _HEAD + "".join(
        f"| {package.pin.name} | {package.version} | {package.pin.marker or ''} | {package.licence} |\n"
        for package in packages
    )


if __name__ == "__main__":
    sys.exit(main())
