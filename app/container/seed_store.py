"""`python -m app.container.seed_store IMAGE VOLUME`: put the models that an image ships into a volume.

A model in the volume is replaced if an earlier image put it there, and kept if it was trained there. The file
`.shipped.json` in the volume records the digest of each manifest that an image has put there.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Final

RECORD: Final = ".shipped.json"
_MANIFEST: Final = "manifest.json"
# The manifests that images shipped before they kept a record.
_BEFORE_THE_RECORD: Final = {
    "accurate": "1698a0d1cc5f6bd587d3eb423537d73a5b5a4274901757e0f53c691fea61b4d3",
    "baseline": "594228326c2e7fca1fc8dee8cfb7e1c1a28e9e13665d619fb3ac2a5617c3dcba",
    "compact": "bc6f56739ba50d20845739e98cc4c2912c7990a747c33d8f5c0e6eff5c7d4a08",
    "memory_efficient": "938665f3846b5f0b7b189a7eac37ad89dc6e40497df435e2286dacef58432a71",
    "tiny": "6d20c469eae6a801317fe852e458329dbc5adc0832814ab4384e0bd6f2a441fb",
}


def seed(shipped: Path, store: Path) -> list[str]:
    """Copy each shipped model into a store, unless a model that was trained there has its name.

    Return one line for each model that was added, replaced, kept or left out.

    A missing one is left out if models of another data set or rating scale were trained there: training has
    moved it to `previous`, and models of two scales cannot be served together.

    Every folder is copied under a temporary name and then renamed, so that a reader sees a whole model.

    Raises:
        OSError: A folder cannot be read or written.
    """
    record = _BEFORE_THE_RECORD | _read_record(store / RECORD)
    lines = []
    trained = {
        _data(path) for path in store.glob(f"*/{_MANIFEST}") if _digest(path) != record.get(path.parent.name)
    }
    for manifest in sorted(shipped.glob(f"*/{_MANIFEST}")):
        source, name, target = manifest.parent, manifest.parent.name, store / manifest.parent.name
        digest, present = _digest(manifest), _digest(target / _MANIFEST)
        if present == digest:
            record[name] = digest
            continue
        if present and present != record.get(name):
            lines.append(f"{name}: kept, it was trained here")
            continue
        if not present and trained and _data(manifest) not in trained:
            lines.append(f"{name}: left out, models of other data were trained here")
            continue
        _replace(source, target)
        record[name] = digest
        lines.append(f"{name}: {'replaced by the one of this image' if present else 'added'}")
    fresh = store / f"{RECORD}.new"
    fresh.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    fresh.replace(store / RECORD)
    return lines


def _digest(manifest: Path) -> str:
    """SHA-256 of a manifest, which states the digests of the model's other files; empty if it is missing."""
    return hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.exists() else ""


def _data(manifest: Path) -> tuple[object, object, object]:
    """Return the name of the data set of a model, and the ends of its rating scale."""
    try:
        fields = json.loads(manifest.read_text("utf-8"))
        scale = fields.get("rating_scale", {"low": 0, "high": 5})
        return fields["dataset"]["name"], scale["low"], scale["high"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, None, None


def _read_record(path: Path) -> dict[str, str]:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _replace(source: Path, target: Path) -> None:
    fresh, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    for left in (fresh, old):
        shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(source, fresh)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in seed(*map(Path, sys.argv[1:])))
