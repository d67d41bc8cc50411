"""Surprise's SVD with its default settings. Reads and writes the files of `benchmarks.libraries`."""
# mypy: ignore-errors

import sys

import numpy as np
from surprise import SVD, Dataset, Reader, Trainset

if __name__ == "__main__":
    source, target = sys.argv[1:3]
    data = np.load(source)
    ratings = data["ratings"].astype(float)
    scale = ratings.min(), ratings.max()
    rows = [
        (str(user), str(movie), rating, None)
        for (user, movie), rating in zip(data["train"].tolist(), ratings.tolist(), strict=True)
    ]
    trainset: Trainset = Dataset(Reader(rating_scale=scale)).construct_trainset(rows)
    model = SVD(random_state=0).fit(trainset)
    predicted = [model.predict(str(user), str(movie)).est for user, movie in data["test"].tolist()]
    np.save(target, np.array(predicted))
