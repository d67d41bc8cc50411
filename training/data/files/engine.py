"""Connections to DuckDB that can open the files to read and nothing else."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

# Beyond this much memory, the engine writes to its temporary folder.
MEMORY_LIMIT: Final = "1GB"
# A path must never cause a download of code or anything else.
_CLOSED_OFF: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


@contextmanager
def connect(
    files: Sequence[Path], folder: Path, threads: int | None = None, memory_limit: str = MEMORY_LIMIT
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database that can open the given files, and nothing else.

    It installs and loads no extension, reaches no network, keeps rows in their order, and takes times
    without a zone as UTC.

    Args:
        files: The files that it may read.
        folder: A temporary folder, which it may read and write.
        threads: Number of threads; None for as many as there are cores.
        memory_limit: Beyond this much memory, the engine writes to the folder.
    """
    config = {**_CLOSED_OFF, "memory_limit": memory_limit, "temp_directory": str(folder / "spilled")}
    if threads is not None:
        config["threads"] = threads
    with duckdb.connect(":memory:", config=config) as database:
        # Both the pattern in a query and the path that it expands to.
        allowed = ", ".join(f"{path_of(file)}, {quoted(str(file.resolve()))}" for file in files)
        database.execute(f"SET allowed_paths = [{allowed}]")
        database.execute(f"SET allowed_directories = [{quoted(str(folder.resolve()))}]")
        database.execute("SET enable_external_access = false")
        database.execute("SET TimeZone = 'UTC'")
        # In a notebook without ipywidgets there is no bar, and DuckDB refuses the setting.
        if database.execute("SELECT current_setting('enable_progress_bar')").fetchall() != [(False,)]:
            database.execute("SET enable_progress_bar = false")
        database.execute("SET lock_configuration = true")
        yield database


def quoted(text: str) -> str:
    """Return `text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def named(name: str) -> str:
    """Return `name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def path_of(file: Path) -> str:
    """Return an SQL string that means exactly this file, even if its name has `*`, `?` or `[`."""
    return quoted(glob.escape(str(file.resolve())))
