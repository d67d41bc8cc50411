from __future__ import annotations

import pytest

from training.fit.recipes import default_batch_size


@pytest.mark.parametrize(
    ("rows", "size"),
    [
        (1, 256),
        (100_000, 500),
        (841_481, 4_096),  # MovieLens 1M
        (2**21, 4_096),
        (26_928_000, 52_593),
        (85_000_000, 166_015),
    ],
)
def test_batch_grows_with_the_data(rows: int, size: int) -> None:
    assert default_batch_size(rows) == size
