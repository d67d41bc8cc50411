"""Split the rows of a table into training, validation and test rows.

| kind | test rows | validation rows, taken from the rest |
| --- | --- | --- |
| `random` | 15 % of all rows, drawn with the seed | a further fraction, drawn with the seed |
| `time` | the last 15 % in time | the last fraction of the rest in time |
| `leave-last` | each user's last rating | each user's rating before that |
| `new-movies` | all of 15 % of the movies, drawn with the seed | all of a further fraction of the movies |

Ratings with equal times keep the order of the file. The test rows depend only on the table, the kind and
the seed, never on the validation fraction, so the figures of different recipes are comparable.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from training.artefact.files import atomic_write
from training.data.large_arrays import blocks, empty, release
from training.data.table import RatingsTable
from training.errors import SplitError

SplitKind = Literal["random", "time", "leave-last", "new-movies"]

_TRAIN_FRACTION: Final = 0.85
_TEST_PERCENT: Final = 15
_VALIDATION_STREAM: Final = 1
_LARGEST_SEED: Final = 2**32 - 1


@dataclass(frozen=True)
class Split:
    """Three disjoint sets of row positions that cover the table.

    Attributes:
        kind: How test rows were chosen.
        seed: Seed of the random choice; recorded for every kind.
        train: `(t,)` int64 ascending positions of the training rows.
        validation: `(v,)` likewise, taken from the training rows; may be empty.
        test: `(s,)` likewise, used once for the final evaluation.
    """

    kind: SplitKind
    seed: int
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    @property
    def test_sha256(self) -> str:
        """SHA-256 digest of the positions of the test rows as little-endian int64."""
        return hashlib.sha256(np.ascontiguousarray(self.test, dtype="<i8").data).hexdigest()


def split_ratings(
    table: RatingsTable, kind: SplitKind, seed: int = 0, validation_fraction: float = 0.0
) -> Split:
    """Split the rows of a table.

    Args:
        table: The ratings.
        kind: How to choose the test rows.
        seed: 0 to 2**32 - 1. Only `random` and `new-movies` use it; all kinds record it.
        validation_fraction: At least 0, below 1. For `random` and `time`, the fraction of the rows
            outside the test set that goes to validation. For `new-movies`, the fraction of the other
            movies. For `leave-last`, 0 means no validation rows, and
            any other value means one row for each user with at least three ratings: the last one before
            the test row.

    Raises:
        SplitError: If an argument is not legal, the split needs times that the data does not have, or a
            requested part would be empty.
    """
    if kind not in get_args(SplitKind):
        raise SplitError(f"there is no split {kind!r}; choose one of {', '.join(get_args(SplitKind))}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= _LARGEST_SEED:
        raise SplitError(f"the split's seed must be a whole number from 0 to {_LARGEST_SEED}, got {seed!r}")
    # This form rejects NaN as well.
    if not 0.0 <= validation_fraction < 1.0:
        raise SplitError(
            f"the validation fraction must be at least 0 and below 1, got {validation_fraction!r}"
        )
    if kind == "random":
        part = _random_parts(table.rows, seed, validation_fraction)
    elif kind == "time":
        part = _time_parts(_times(table, kind), validation_fraction)
    elif kind == "new-movies":
        movies = _random_parts(len(table.movies), seed, validation_fraction)
        part = movies[table.movie_index]
    else:
        part = _leave_last_parts(table.user_index, _times(table, kind), validation_fraction > 0)
    train, validation, test = (_positions(part, which) for which in (_TRAIN, _VALIDATION, _TEST))
    for name, rows, wanted in (
        ("training", train, True),
        ("validation", validation, validation_fraction > 0),
        ("test", test, True),
    ):
        if wanted and not rows.size:
            raise SplitError(
                f"{table.name} has {table.rows} ratings, too few for a {kind} split: no {name} rows are left"
            )
    return Split(kind=kind, seed=seed, train=train, validation=validation, test=test)


# Part of each row, while the parts are being chosen.
_TRAIN: Final = 0
_VALIDATION: Final = 1
_TEST: Final = 2


def _positions(part: NDArray[np.int8], which: int) -> NDArray[np.int64]:
    """Return the ascending positions of the rows of a part."""
    found = empty(sum(int(np.count_nonzero(part[rows] == which)) for rows in blocks(part.size)), np.int64)
    done = 0
    for rows in blocks(part.size):
        positions = np.flatnonzero(part[rows] == which)
        found[done : done + positions.size] = positions + rows.start
        done += positions.size
    release(found)
    return found


def _random_parts(rows: int, seed: int, validation_fraction: float) -> NDArray[np.int8]:
    # The legacy generator is used because NumPy guarantees that its stream never changes. Blocks of numbers
    # are those of one long draw.
    tests = np.random.RandomState(seed)
    # The pair [seed, 1] seeds a stream that differs from that of any single seed. With seed + 1, the
    # numbers that draw the validation rows of one seed would also draw the test rows of the next.
    validations = np.random.RandomState([seed, _VALIDATION_STREAM])
    part = np.full(rows, _TRAIN, dtype=np.int8)
    for block in blocks(rows):
        drawn = part[block]
        drawn[validations.rand(drawn.size) < validation_fraction] = _VALIDATION
        drawn[~(tests.rand(drawn.size) <= _TRAIN_FRACTION)] = _TEST
    return part


def _time_parts(times: NDArray[np.int64], validation_fraction: float) -> NDArray[np.int8]:
    order = np.argsort(times, kind="stable")
    rest = order.size - order.size * _TEST_PERCENT // 100
    part = np.full(order.size, _TRAIN, dtype=np.int8)
    part[order[rest - round(rest * validation_fraction) :]] = _VALIDATION
    part[order[rest:]] = _TEST
    return part


def _leave_last_parts(
    user_index: NDArray[np.int32], times: NDArray[np.int64], with_validation: bool
) -> NDArray[np.int8]:
    part = np.full(times.size, _TRAIN, dtype=np.int8)
    # By user, then time, then row: lexsort is stable, and its last key counts most.
    order = np.lexsort((times, user_index))
    users = user_index[order]
    last = np.flatnonzero(np.append(users[1:] != users[:-1], True))
    ratings = np.diff(last, prepend=-1)
    # A single rating stays in training, because a test row of an unknown user is not informative.
    part[order[last[ratings >= 2]]] = _TEST
    if with_validation:
        part[order[last[ratings >= 3] - 1]] = _VALIDATION
    return part


def _times(table: RatingsTable, kind: SplitKind) -> NDArray[np.int64]:
    times = table.timestamps
    if times is None:
        why = table.unread_times or f"{table.name} has no times"
        raise SplitError(f"{why}, so it allows no {kind} split; use the random split")
    if times.size > 1 and int(times.min()) == int(times.max()):
        raise SplitError(
            f"all ratings of {table.name} have the same time, so it allows no {kind} split; "
            "use the random split"
        )
    return times


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
        about = {"format": 1, "kind": split.kind, "seed": split.seed, "parts": described}
        with atomic_write(summary) as unfinished:
            unfinished.write_text(json.dumps(about, indent=2) + "\n")
    except OSError as error:
        raise SplitError(f"the split cannot be written to {folder}: {error.strerror or error}") from error
    return summary
