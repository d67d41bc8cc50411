"""The command `stars`: `stars serve` serves a models store; every other command is one of `training`.

`app` and `training` are common names. This module imports those that were installed beside it, even if other
folders or modules of these names come first on Python's search path (as with `PYTHONPATH=.`).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Final

# Where `stars fit` publishes.
_STORE: Final = "store"
_ADVICE: Final = (
    "train one on your own ratings with `stars fit --data my_ratings.csv`, or unpack a released one, and "
    "serve it with `stars serve --store FOLDER`"
)
_SERVE: Final = "Serve the models of a store over HTTP."


def main() -> int:
    """Run the command that the arguments name.

    Returns:
        The exit code.
    """
    _import_own_packages()
    arguments = sys.argv[1:]
    return _serve(arguments[1:]) if arguments[:1] == ["serve"] else _train()


def _import_own_packages() -> None:
    """Import `app` and `training` from the folder of this module; their submodules follow them."""
    before = list(sys.path)
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    try:
        for name in ("app", "training"):
            importlib.import_module(name)
    finally:
        # For all other imports the path stays as it was.
        sys.path[:] = before


def _serve(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        "stars serve", description=_SERVE, epilog="Variables named RATINGS_... have the other settings."
    )
    parser.add_argument(
        "--store",
        help=f"folder of the models (default: RATINGS_STORE, or {_STORE}, where `stars fit` publishes)",
    )
    parser.add_argument("--host", help="address to listen on (default: RATINGS_HOST, or 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (default: RATINGS_PORT, or 8000)")
    os.environ.setdefault("RATINGS_STORE", _STORE)
    for name, value in vars(parser.parse_args(arguments)).items():
        if value is not None:
            os.environ[f"RATINGS_{name.upper()}"] = value
    from app.__main__ import main as serve

    return serve(_ADVICE)


def _train() -> int:
    from training.__main__ import commands
    from training.__main__ import main as train

    try:
        listed = commands()
    except SystemExit as missing:
        sys.exit(f"{missing}; `stars serve` works without it")
    # Only for the list of commands: `main` runs it, without the imports of training.
    listed.command("serve", help=_SERVE)(lambda: None)
    train("stars")
    return 0


if __name__ == "__main__":
    sys.exit(main())
