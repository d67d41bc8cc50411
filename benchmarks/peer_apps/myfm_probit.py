"""myFM's ordered probit with the rated movies of each user and the users of each movie as features.

Reads the file of `benchmarks.libraries`, and writes the probability of each rating.
"""
# mypy: ignore-errors

import sys

import numpy as np
from myfm import MyFMOrderedProbit, RelationBlock
from scipy import sparse

RANK, ROUNDS, KEPT = 32, 130, 100


def blocks(pairs, rated):  # noqa: ANN001, ANN201
    """Return the block of each side: one feature per id, and one for each id that it was rated with."""
    made = []
    for own, side in ((pairs[:, 0], rated), (pairs[:, 1], rated.T.tocsr())):
        counts = np.maximum(side.getnnz(axis=1), 1)
        implicit = sparse.diags(1 / np.sqrt(counts)) @ side
        made.append(RelationBlock(own, sparse.hstack([sparse.eye(side.shape[0]), implicit]).tocsr()))
    return made


def main() -> None:
    """Fit and predict."""
    source, target = sys.argv[1:3]
    data = np.load(source)
    train, test = data["train"].astype(np.int64), data["test"].astype(np.int64)
    _, stars = np.unique(data["ratings"], return_inverse=True)
    users, movies = np.maximum(train.max(axis=0), test.max(axis=0)) + 1
    rated = sparse.csr_matrix((np.ones(len(train)), (train[:, 0], train[:, 1])), shape=(users, movies))
    model = MyFMOrderedProbit(rank=RANK, random_seed=0)
    model.fit(
        sparse.csr_matrix((len(train), 0)),
        stars.astype(np.int64),
        X_rel=blocks(train, rated),
        n_iter=ROUNDS,
        n_kept_samples=KEPT,
        group_shapes=[users, movies, movies, users],
    )
    chances = model.predict_proba(sparse.csr_matrix((len(test), 0)), X_rel=blocks(test, rated))
    np.save(target, chances)


if __name__ == "__main__":
    main()
