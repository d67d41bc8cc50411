"""Compare models with the baseline by weights, by weights and ids, and by file.

    python -m benchmarks.model_bytes

A second table shows what the order of the ids tells. A model in blocks by popularity needs to know the block
of each id, which depends on the ratings. Today it is known from the order of the ids. The table has the
least bytes that can hold it, and the bytes of a layout without the order: ids ascending, as a bitmap of their
numbers, and the block of each, as whole bits or compressed.
"""

from __future__ import annotations

import argparse
import lzma
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.harness import REPOSITORY, report
from training.artefact import Artefact, open_artefact
from training.artefact.reader import list_artefacts

BASELINE: Final = "baseline"


def main() -> None:
    """Read every model of a store, and report."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--store", type=Path, default=REPOSITORY / "models_store")
    artefacts = [open_artefact(folder) for folder in list_artefacts(options.parse_args().store)]
    sizes = {artefact.manifest.name: sizes_of(artefact) for artefact in artefacts}
    lines = [
        {
            "model": name,
            **own,
            **{f"{what}, times smaller": f"{sizes[BASELINE][what] / own[what]:.1f}" for what in own},
        }
        for name, own in sizes.items()
    ]
    report("model_bytes", f"Bytes, and how many times smaller than {BASELINE}", lines)
    report("order_bytes", "Bytes of the order of the ids", [order_of(one) for one in artefacts])


def sizes_of(artefact: Artefact) -> dict[str, int]:
    """Return the bytes of the weights, of weights and ids, and of the model file."""
    manifest = artefact.manifest
    ids = manifest.vocabulary.users.bytes + manifest.vocabulary.movies.bytes
    weights = manifest.weights_bytes
    return {"weights": weights, "weights and ids": weights + ids, "file": manifest.model_file.bytes}


def order_of(artefact: Artefact) -> dict[str, Any]:
    """Return the bytes that say which id is in which block, in several forms, over both sides."""
    settings = artefact.manifest.settings
    bits, whole, compressed, bitmaps = 0.0, 0, 0, 0
    for side, vocabulary in (("users", artefact.users), ("movies", artefact.movies)):
        sizes = settings[side].get("block_sizes") or [len(vocabulary)]
        blocks = np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)
        numbers = vocabulary.to_arrays()["numbers"].astype(np.int64)
        bits += information(sizes)
        whole += math.ceil(blocks.size * math.ceil(math.log2(len(sizes))) / 8)
        ascending = blocks[np.argsort(numbers)].tobytes()
        compressed += len(lzma.compress(ascending, lzma.FORMAT_ALONE)) if len(sizes) > 1 else 0
        bitmaps += math.ceil((int(numbers.max()) - int(numbers.min()) + 1) / 8)
    return {
        "model": artefact.manifest.name,
        "ids today": artefact.users.nbytes + artefact.movies.nbytes,
        "blocks, at least": math.ceil(bits / 8),
        "blocks, whole bits": whole,
        "blocks, LZMA": compressed,
        "ids, bitmaps": bitmaps,
        "weights, bitmaps and blocks": artefact.manifest.weights_bytes + bitmaps + min(whole, compressed),
    }


def information(block_sizes: Sequence[int]) -> float:
    """Return the bits that tell in which block each id is: the logarithm of a multinomial coefficient."""
    ways = math.lgamma(sum(block_sizes) + 1) - sum(math.lgamma(size + 1) for size in block_sizes)
    return ways / math.log(2)


if __name__ == "__main__":
    main()
