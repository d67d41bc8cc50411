"""Write ratings as an Arrow stream."""

import io

import nanoarrow as na  # type: ignore[import-untyped]
import numpy as np
from nanoarrow.ipc import StreamWriter  # type: ignore[import-untyped]
from numpy.typing import NDArray


def write_ratings(
    ratings: NDArray[np.float32], known_user: NDArray[np.bool_], known_movie: NDArray[np.bool_]
) -> bytes:
    """Return a stream of one batch: `rating` float32, `known_user` and `known_movie` bool."""
    count = ratings.size
    children = [na.c_array_from_buffers(na.float32(), count, [None, ratings], null_count=0)]
    for known in (known_user, known_movie):
        bits = np.packbits(known, bitorder="little")
        children.append(na.c_array_from_buffers(na.bool_(), count, [None, bits], null_count=0))
    schema = na.struct({"rating": na.float32(), "known_user": na.bool_(), "known_movie": na.bool_()})
    out = io.BytesIO()
    with StreamWriter.from_writable(out) as writer:
        writer.write_array(na.c_array_from_buffers(schema, count, [None], null_count=0, children=children))
    return out.getvalue()
