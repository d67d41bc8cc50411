"""The command `push`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.artefact.remote.address import parse_address
from training.artefact.remote.layout import version_folder
from training.artefact.remote.push import push as push_store
from training.cli import parameters
from training.cli.output import console
from training.errors import SettingsError


def push(
    address: Annotated[
        str,
        typer.Argument(metavar="ADDRESS", help="Such as s3://bucket/prefix; also gs:// and az://."),
    ],
    store: parameters.Store = Path("store"),
) -> None:
    """Push a store to object storage, from where services with RATINGS_STORE=ADDRESS fetch it.

    Credentials come from the environment, such as AWS_ACCESS_KEY_ID.
    """
    try:
        target = parse_address(address)
    except ValueError as error:
        raise SettingsError(f"ADDRESS {error}") from error
    done = push_store(store, target)
    state = "was already current" if done.was_current else "is now current"
    console.print(
        f"{', '.join(done.models)}: {done.bytes:,} bytes, {done.uploaded} of {done.files} files uploaded",
        highlight=False,
    )
    console.print(f"{target}/{version_folder(done.version)} {state}", highlight=False, soft_wrap=True)
