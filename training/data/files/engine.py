"""DuckDB, which reads and groups the rows, closed off from everything but the files that are read."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

# What may lie in memory at once; beyond it the engine writes to its temporary folder.
MEMORY_LIMIT: Final = "1GB"
# A file's path must never fetch code, or anything else, from elsewhere.
_CLOSED_OFF: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


@contextmanager
def connect(
    files: Sequence[Path], folder: Path, threads: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database that can open the given files, and nothing else.

    It installs and loads no extension, reaches no network, keeps rows in their order, and takes times
    without a zone as UTC.

    Args:
        files: What it may read.
        folder: A temporary folder, which it may read and write.
        threads: How many it uses; None for as many as there are cores.
    """
    config = {**_CLOSED_OFF, "memory_limit": MEMORY_LIMIT, "temp_directory": str(folder / "spilled")}
    if threads is not None:
        config["threads"] = threads
    with duckdb.connect(":memory:", config=config) as database:
        # As it is looked for, and as it is then opened.
        allowed = ", ".join(f"{path_of(file)}, {quoted(str(file.resolve()))}" for file in files)
        database.execute(f"SET allowed_paths = [{allowed}]")
        database.execute(f"SET allowed_directories = [{quoted(str(folder.resolve()))}]")
        database.execute("SET enable_external_access = false")
        database.execute("SET TimeZone = 'UTC'")
        database.execute("SET enable_progress_bar = false")
        database.execute("SET lock_configuration = true")
        yield database


def quoted(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def named(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def path_of(file: Path) -> str:
    """A file as an SQL string that means this very file, whatever its name has of `*`, `?` and `[`."""
    return quoted(glob.escape(str(file.resolve())))
