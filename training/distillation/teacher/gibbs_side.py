"""One side of the Gibbs sampler: its factors and biases, their prior means, and their precision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.distillation.teacher.kernel import Kernel

Floats = NDArray[np.float32]

# Maximum number of ids and of ratings per batch, which bounds the memory of a draw.
_IDS_AT_A_TIME: Final = 2_048
_RATINGS_AT_A_TIME: Final = 1_000_000
_FIRST_PRECISION: Final = 10.0
_FIRST_SPREAD: Final = 0.1


class GibbsSide:
    """The users or the movies, with a row (factors, bias) each.

    The prior of the rows is `x_n ~ N(m_n, L^-1)`. The means m are matrix normal with the kernel K over ids
    and L^-1 over columns, so that similar ids under the kernel share information. K is stored as its
    eigenpairs (s, Q): with m = Q c, each row of c is drawn independently, shrunk by s / (1 + s).

    Attributes:
        values: `(ids, rank + 1)` float32, the bias last.
    """

    def __init__(
        self,
        own_index: NDArray[np.int32],
        other_index: NDArray[np.int32],
        size: int,
        rank: int,
        kernel: Kernel,
        random: np.random.Generator,
    ) -> None:
        """Start from small random factors.

        Args:
            own_index: `(n,)` this side's id of each rating.
            other_index: `(n,)` the other side's id of each rating.
            size: Number of ids of this side.
            rank: Number of factors.
            kernel: Kernel of the prior means.
            random: Generator that the whole sampler shares.
        """
        self._order = np.argsort(own_index, kind="stable")
        self._ends = np.searchsorted(own_index[self._order], np.arange(size + 1))
        self._other = other_index[self._order]
        self._kernel, self._random = kernel, random
        self._size, self._columns = size, rank + 1
        factors = _FIRST_SPREAD * random.standard_normal((size, rank))
        self.values: Floats = np.concatenate([factors, np.zeros((size, 1))], axis=1).astype(np.float32)
        self._means = np.zeros((size, rank + 1), dtype=np.float32)
        self._precision: Floats = np.eye(rank + 1, dtype=np.float32) * np.float32(_FIRST_PRECISION)

    def draw_values(self, other: Floats, target: Floats, precision: Floats | None) -> None:
        """Draw every row, given the other side.

        Args:
            other: `(other ids, rank + 1)` the other side's rows.
            target: `(n,)` target of the dot product plus both biases for each rating.
            precision: `(n,)` precision of each target; 1 for all by default.
        """
        columns = self._columns
        pull = self._means @ self._precision
        target = target[self._order]
        weight = None if precision is None else np.sqrt(precision[self._order])
        for ids in self._portions():
            rows = slice(int(self._ends[ids.start]), int(self._ends[ids.stop]))
            regressors = other[self._other[rows]]
            rest = target[rows] - regressors[:, -1]
            regressors[:, -1] = 1  # regressor of the row's own bias
            if weight is not None:
                regressors *= weight[rows, None]
                rest = rest * weight[rows]
            count = ids.stop - ids.start
            information = np.empty((count, columns, columns), dtype=np.float32)
            towards = pull[ids]
            ends = (self._ends[ids.start : ids.stop + 1] - rows.start).tolist()
            for place in range(count):
                own = slice(ends[place], ends[place + 1])
                np.matmul(regressors[own].T, regressors[own], out=information[place])
                towards[place] += rest[own] @ regressors[own]
            information += self._precision
            noise = self._random.standard_normal((count, columns, 1), dtype=np.float32)
            # With A = L L', A^-1 (b + L z) has mean A^-1 b and covariance A^-1.
            drawn = towards[:, :, None] + np.linalg.cholesky(information) @ noise
            self.values[ids] = np.linalg.solve(information, drawn)[:, :, 0]

    def draw_prior(self) -> None:
        """Draw the prior means (matrix normal) and the precision (Wishart), given the rows."""
        random, columns = self._random, self._columns
        shares, vectors = self._kernel.values, self._kernel.vectors
        shrink = (shares / (1 + shares))[:, None]
        covariance_root = np.linalg.cholesky(np.linalg.inv(self._precision.astype(np.float64)))
        noise = random.standard_normal((shares.size, columns), dtype=np.float32)
        weights = shrink * (vectors.T @ self.values)
        weights += np.sqrt(shrink) * (noise @ covariance_root.T.astype(np.float32))
        self._means = vectors @ weights
        away = self.values - self._means
        scatter = (away.T @ away + (weights / shares[:, None]).T @ weights).astype(np.float64)
        scatter += np.eye(columns)
        freedom = self._size + shares.size + columns
        # Bartlett's decomposition of a Wishart draw.
        bartlett = np.tril(random.standard_normal((columns, columns)), -1)
        bartlett[np.diag_indices(columns)] = np.sqrt(random.chisquare(freedom - np.arange(columns)))
        root = np.linalg.cholesky(np.linalg.inv(scatter)) @ bartlett
        self._precision = (root @ root.T).astype(np.float32)

    def _portions(self) -> Iterator[slice]:
        start = 0
        while start < self._size:
            fits = int(np.searchsorted(self._ends, self._ends[start] + _RATINGS_AT_A_TIME, side="right")) - 1
            stop = min(max(fits, start + 1), start + _IDS_AT_A_TIME, self._size)
            yield slice(start, stop)
            start = stop
