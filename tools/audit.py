"""Check all lock files for known vulnerabilities: `python -m tools.audit`, in the environment with pip-audit.

Exit code 0: every package was looked up and has no known vulnerability. 1: a vulnerability is known, or a
lock file cannot be read. 3: the advisory service could not be queried for every package, so the result is
unknown.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

LOCKS: Final = sorted((Path(__file__).resolve().parents[1] / "requirements").glob("*.txt"))
CLEAN, VULNERABLE, UNKNOWN = 0, 1, 3


def main(options: list[str]) -> int:
    """Audit every package of every lock file that applies to this platform and Python version.

    Args:
        options: Additional options for pip-audit.

    Returns:
        The exit code.
    """
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format", "json"]
    command += ["--progress-spinner", "off", *options]
    for lock in LOCKS:
        command += ["-r", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    code, line = assess(done.stdout, done.stderr)
    print(line, file=sys.stderr if code else sys.stdout)
    return code


def assess(output: str, errors: str) -> tuple[int, str]:
    """Determine the result of a run of pip-audit.

    pip-audit skips packages that the advisory service does not know, and still ends with 0. Such a package
    was not audited, so the result is unknown.

    Args:
        output: Report as JSON; empty if pip-audit failed.
        errors: Standard error of pip-audit.

    Returns:
        The exit code and the message to print.
    """
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        last = (errors.strip().splitlines() or ["pip-audit printed nothing"])[-1]
        # pip-audit does not catch the errors of its HTTP client.
        if "requests.exceptions." in last or "connect" in last.lower():
            return UNKNOWN, f"audit: the advisory service cannot be reached: {last[:200]}"
        return VULNERABLE, f"audit: {errors.strip() or last}"
    found = [
        f"{package['name']} {package['version']}: {flaw['id']}, "
        f"fixed in {', '.join(flaw['fix_versions']) or 'no version'}"
        for package in packages
        for flaw in package.get("vulns", [])
    ]
    if found:
        return VULNERABLE, "\n".join(found)
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped or not packages:
        some = ", ".join(skipped[:5]) + (", ..." if skipped[5:] else "")
        audited = f"{len(packages) - len(skipped)} of {len(packages)} packages"
        return UNKNOWN, f"audit: the advisory service covers {audited}, but not {some}"
    return CLEAN, f"audit: no known vulnerability in {len(packages)} packages"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
