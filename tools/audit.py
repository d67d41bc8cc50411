"""Known vulnerabilities in all locks: `python -m tools.audit`, in the environment that has pip-audit.

Exit code 0: every package was looked up and nothing is known of it. 1: something is known, or a lock cannot
be read. 3: the advisory service could not be asked about every package, so that nothing can be said.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

LOCKS: Final = sorted((Path(__file__).resolve().parents[1] / "requirements").glob("*.txt"))
CLEAN, VULNERABLE, NOT_ASKED = 0, 1, 3


def main(options: list[str]) -> int:
    """Ask about every package of every lock, as far as it is for this platform and Python.

    Args:
        options: More options of pip-audit.

    Returns:
        The exit code.
    """
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json"]
    command += ["--progress-spinner", "off", *options]
    for lock in LOCKS:
        command += ["-r", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    code, line = judge(done.stdout, done.stderr)
    print(line, file=sys.stderr if code else sys.stdout)
    return code


def judge(output: str, errors: str) -> tuple[int, str]:
    """What a run of pip-audit comes to.

    A package that the service does not know was not audited: pip-audit skips it and ends with 0, which is not
    enough to call it clean.

    Args:
        output: Its report as JSON, or nothing where it broke off.
        errors: What it said beside.

    Returns:
        The exit code, and what to tell.
    """
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        last = (errors.strip().splitlines() or ["pip-audit said nothing"])[-1]
        # It lets the errors of its HTTP client through.
        if "requests.exceptions." in last or "connect" in last.lower():
            return NOT_ASKED, f"audit: the advisory service cannot be reached: {last[:200]}"
        return VULNERABLE, f"audit: {errors.strip() or last}"
    found = [
        f"{package['name']} {package['version']}: {flaw['id']}, "
        f"mended in {', '.join(flaw['fix_versions']) or 'no version'}"
        for package in packages
        for flaw in package.get("vulns", [])
    ]
    if found:
        return VULNERABLE, "\n".join(found)
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped or not packages:
        some = ", ".join(skipped[:5]) + (", ..." if skipped[5:] else "")
        asked = f"{len(packages) - len(skipped)} of {len(packages)} packages"
        return NOT_ASKED, f"audit: the advisory service answered for {asked}, not for {some}"
    return CLEAN, f"audit: nothing is known against {len(packages)} packages"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
