"""Compare id lookup in a vocabulary with that in a dictionary, for the shipped users and for a million."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from benchmarks.harness import report
from training.artefact import Vocabulary
from training.artefact.ids.id_text import IdTexts

SIZES: Final = (6_040, 1_000_000)
IDS: Final = 10_000


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    report("ids", "Nanoseconds of CPU time per id, best round", [_row(size, rounds) for size in SIZES])


def _row(size: int, rounds: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    vocabulary = Vocabulary.from_numbers(random.permutation(size).astype(np.uint32) + 1, "user_")
    dictionary = {vocabulary[index]: index for index in range(size)}
    drawn = [vocabulary[index] for index in random.integers(0, size, IDS).tolist()]

    def new_strings() -> list[str]:
        # A string caches its hash, so the ids of a request are always new strings.
        return [text.encode().decode() for text in drawn]

    def as_bytes() -> IdTexts:
        texts = IdTexts.of(drawn)
        assert texts is not None
        return texts

    def in_dictionary(texts: Sequence[str]) -> object:
        return np.array([dictionary.get(text, -1) for text in texts], np.int32)

    def one_by_one(texts: Sequence[str]) -> object:
        return [vocabulary.index(text) for text in texts]

    strings = sum(sys.getsizeof(text) + sys.getsizeof(size) for text in dictionary)
    return {
        "ids": size,
        "batch in the body": _best(as_bytes, vocabulary.indices, rounds),
        "batch of strings": _best(new_strings, vocabulary.indices, rounds),
        "batch, dictionary": _best(new_strings, in_dictionary, rounds),
        "single": _best(new_strings, one_by_one, rounds),
        "single, dictionary": _best(
            new_strings, lambda texts: [dictionary.get(text) for text in texts], rounds
        ),
        "KB": round(vocabulary.nbytes / 1e3),
        "KB, dictionary": round((sys.getsizeof(dictionary) + strings) / 1e3),
    }


def _best(make: Callable[[], Any], look_up: Callable[[Any], object], rounds: int) -> int:
    times = []
    for _ in range(rounds):
        ids = make()
        start = time.process_time()
        look_up(ids)
        times.append(time.process_time() - start)
    return round(1e9 * min(times) / IDS)


if __name__ == "__main__":
    main()
