"""Writes a split down, so that others can be judged on the same rows."""

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
    """Writes the row positions of each part, and `split.json` about them.

    `train_rows.i64`, `validation_rows.i64` and `test_rows.i64` hold little-endian int64 positions and
    nothing else, so that `sha256sum test_rows.i64` is the split's checksum. `split.json` is written
    last: where it is, the rest is whole.

    Args:
        split: What to write.
        folder: Where to; made if it is not there. An earlier split in it is replaced.

    Returns:
        The path of `split.json`.

    Raises:
        SplitError: When it cannot be written.
    """
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    summary = folder / "split.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        summary.unlink(missing_ok=True)
        described = {}
        for name, rows in parts.items():
            content = rows.astype("<i8").tobytes()
            _write(folder / f"{name}_rows.i64", content)
            digest = hashlib.sha256(content).hexdigest()
            described[name] = {"file": f"{name}_rows.i64", "rows": int(rows.size), "sha256": digest}
        about = {"format": FORMAT, "kind": split.kind, "seed": split.seed, "parts": described}
        _write(summary, (json.dumps(about, indent=2) + "\n").encode())
    except OSError as error:
        raise SplitError(f"the split cannot be written to {folder}: {error.strerror or error}") from error
    return summary


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(content)
