"""Writes a split to files, so that other models can be evaluated on the same rows."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from training.data.split import Split
from training.errors import SplitError
from training.artefact.files import atomic_write

FORMAT: Final = 1


def write_split(split: Split, folder: Path) -> Path:
    """Write the row positions of each part, and `split.json`, which describes them.

    `train_rows.i64`, `validation_rows.i64` and `test_rows.i64` hold only little-endian int64 positions,
    so `sha256sum test_rows.i64` is the checksum of the split. `split.json` is written last; if it exists,
    the other files are complete.

    Args:
        split: The split.
        folder: Target folder, created if missing. An earlier split in it is replaced.

    Returns:
        The path of `split.json`.

    Raises:
        SplitError: If it cannot be written.
    """
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    summary = folder / "split.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        summary.unlink(missing_ok=True)
        described = {}
        for name, rows in parts.items():
            content = rows.astype("<i8").tobytes()
            with atomic_write(folder / f"{name}_rows.i64") as unfinished:
                unfinished.write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            described[name] = {"file": f"{name}_rows.i64", "rows": int(rows.size), "sha256": digest}
        about = {"format": FORMAT, "kind": split.kind, "seed": split.seed, "parts": described}
        with atomic_write(summary) as unfinished:
            unfinished.write_text(json.dumps(about, indent=2) + "\n")
    except OSError as error:
        raise SplitError(f"the split cannot be written to {folder}: {error.strerror or error}") from error
    return summary

