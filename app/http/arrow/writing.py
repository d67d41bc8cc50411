"""Write ratings as an Arrow stream."""

import io
import json
from typing import Any

import nanoarrow as na  # type: ignore[import-untyped]
import numpy as np
from nanoarrow.ipc import StreamWriter  # type: ignore[import-untyped]
from numpy.typing import NDArray

from app.services.spread import SpreadColumns
from training.artefact.engine import ScoredPairs


def write_ratings(scored: ScoredPairs, spread: SpreadColumns | None = None) -> bytes:
    """Return a stream of one batch, with a row for each pair.

    Its columns are `rating` float32, `known_user` and `known_movie` bool; of intervals `low` and `high`
    float32; of distributions `stars`, a fixed-size list of float32, with the levels as `ratings` in its
    metadata.

    Args:
        scored: The `n` scored pairs.
        spread: Their intervals and distributions, if the request asks for them.
    """
    fields: dict[str, Any] = {"rating": na.float32(), "known_user": na.bool_(), "known_movie": na.bool_()}
    columns = [_floats(scored.ratings), _bools(scored.known_user), _bools(scored.known_movie)]
    if spread is not None and spread.ends is not None:
        fields.update(low=na.float32(), high=na.float32())
        columns.extend(map(_floats, spread.ends))
    if spread is not None and spread.stars is not None:
        lists = na.fixed_size_list(na.float32(), spread.levels.size)
        fields["stars"] = na.Schema(lists, metadata={"ratings": json.dumps(spread.levels.tolist())})
        columns.append(_column(lists, scored.ratings.size, [None], [_floats(spread.stars.ravel())]))
    out = io.BytesIO()
    with StreamWriter.from_writable(out) as writer:
        writer.write_array(_column(na.struct(fields), scored.ratings.size, [None], columns))
    return out.getvalue()


def _floats(values: NDArray[np.floating]) -> Any:
    return _column(na.float32(), values.size, [None, values.astype(np.float32, copy=False)])


def _bools(values: NDArray[np.bool_]) -> Any:
    return _column(na.bool_(), values.size, [None, np.packbits(values, bitorder="little")])


def _column(kind: Any, count: int, buffers: list[Any], children: list[Any] | None = None) -> Any:
    """Return an array of `count` entries without nulls: its buffers begin with an absent null bitmap."""
    return na.c_array_from_buffers(kind, count, buffers, null_count=0, children=children or ())
