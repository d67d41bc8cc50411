"""Write ratings as an Arrow stream."""

import io
import json
from typing import Any

import nanoarrow as na  # type: ignore[import-untyped]
import numpy as np
from nanoarrow.ipc import StreamWriter  # type: ignore[import-untyped]
from numpy.typing import NDArray


def write_ratings(
    ratings: NDArray[np.float32],
    known_user: NDArray[np.bool_],
    known_movie: NDArray[np.bool_],
    *,
    ends: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None,
    stars: NDArray[np.floating] | None = None,
    levels: NDArray[np.floating] | None = None,
) -> bytes:
    """Return a stream of one batch of n pairs.

    Args:
        ratings: `(n,)`, column `rating`, float32.
        known_user: `(n,)`, column `known_user`, bool.
        known_movie: `(n,)`, column `known_movie`, bool.
        ends: Two of `(n,)`, columns `low` and `high`, float32; left out without them.
        stars: `(n, k)`, column `stars`, fixed-size lists of k float32; left out without it.
        levels: `(k,)` what the entries of `stars` are the probabilities of, as `ratings` in the metadata of
            that column.
    """
    count = ratings.size
    fields: dict[str, Any] = {"rating": na.float32(), "known_user": na.bool_(), "known_movie": na.bool_()}
    children = [_floats(ratings)]
    for known in (known_user, known_movie):
        bits = np.packbits(known, bitorder="little")
        children.append(na.c_array_from_buffers(na.bool_(), count, [None, bits], null_count=0))
    if ends is not None:
        fields.update(low=na.float32(), high=na.float32())
        children.extend(map(_floats, ends))
    if stars is not None and levels is not None:
        kind = na.fixed_size_list(na.float32(), levels.size)
        fields["stars"] = na.Schema(kind, metadata={"ratings": json.dumps(levels.tolist())})
        children.append(
            na.c_array_from_buffers(kind, count, [None], null_count=0, children=[_floats(stars.ravel())])
        )
    schema = na.struct(fields)
    out = io.BytesIO()
    with StreamWriter.from_writable(out) as writer:
        writer.write_array(na.c_array_from_buffers(schema, count, [None], null_count=0, children=children))
    return out.getvalue()


def _floats(values: NDArray[np.floating]) -> Any:
    return na.c_array_from_buffers(
        na.float32(), values.size, [None, values.astype(np.float32, copy=False)], null_count=0
    )
