"""Compare users that are folded in after training with users of the training set.

    python -m benchmarks.fold_in --data ../ml-1m [--models baseline memory_efficient tiny compact accurate]

A tenth of the users is held out. The first model is trained without any of their ratings, the second with
their training ratings, both by the same recipe. For a distilled model, the second is the one in `--store`,
which must come from the same data; the first is distilled again, including the teacher, with the same blend
weights (minutes; finished steps are cached in `--work`). The errors on the test ratings of the held-out users
are:

* *trained*: the second model, which was trained on these users;
* *k ratings*: the first model, with each user folded in
  (`training.artefact.engine.fold_in`) from k of their training
  ratings, drawn at random, or from all of them;
* *movie means*: the prediction of the first model for an unknown user;
* *prior times s*: all ratings, with the regularisation multiplied by s; the service uses 1.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
from numpy.typing import NDArray

from app.scoring.scorer import RatingScorer
from app.scoring.table_engine import load_table_engine
from app.services.fold_in import FoldIn, vector_engine
from benchmarks.harness import machine
from training.artefact import Artefact, open_artefact
from training.artefact.engine import Prior
from training.data.dataset import prepare
from training.data.readers.ratings import load_ratings
from training.data.split import Split, split_ratings
from training.data.table import RatingsTable
from training.distillation.base.settings import DistillationRecipe, DistilledModel
from training.distillation.base.work_folder import open_work_folder
from training.distillation.distiller import distil
from training.distillation.named import DISTILLED
from training.distillation.teacher.teacher import Teacher
from training.fit.evaluation import evaluate
from training.fit.recipes import DEFAULT
from training.models.named import BASELINE, MEMORY_EFFICIENT
from training.publish.options import PublishOptions
from training.publish.publishing import publish_model
from training.publish.workflow import fit_on
from training.settings import ModelSettings

MODELS = {"baseline": BASELINE, "memory_efficient": MEMORY_EFFICIENT}
ALL = (*MODELS, *DISTILLED)
COUNTS = (1, 3, 5, 10, 20, 50)
STRENGTHS = (0.25, 0.5, 2.0, 4.0)


@dataclass(frozen=True)
class HeldOut:
    """Row positions of the held-out users: `known` to fold them in from, `test` to evaluate on."""

    known: NDArray[np.int64]
    test: NDArray[np.int64]


def main() -> None:
    """Train, fold in, print a table and write the figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--data", type=Path, default=Path("data/ml-latest-small"), help="ratings, in any supported layout"
    )
    options.add_argument("--models", nargs="+", choices=ALL, default=list(MODELS))
    options.add_argument(
        "--store", type=Path, default=Path("models_store"), help="store with the distilled models"
    )
    options.add_argument("--work", type=Path, default=Path("runs/fold_in"), help="cache of finished steps")
    options.add_argument(
        "--seed", type=int, default=0, help="seed for the choice of users and of their ratings"
    )
    options.add_argument("--out", type=Path, default=Path("benchmarks/results/fold_in.json"))
    arguments = options.parse_args()
    table = load_ratings(arguments.data)
    rows = []
    for name in arguments.models:
        models = (
            Trained(table, MODELS[name])
            if name in MODELS
            else Redistilled(table, DISTILLED[name], arguments.store, arguments.work)
        )
        found = measure(table, models, arguments.seed)
        rows.append({"model": name, **found})
        print(f"{name} on {table.name}, MSE over {found.pop('rows'):.0f} test ratings of held-out users")
        for what, mse in found.items():
            print(f"  {what:18} {mse:.4f}", flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(
        json.dumps({"data": table.name, "measured_on": machine(), "rows": rows}, indent=1)
    )


class ModelPair(Protocol):
    """Makes the two models to compare."""

    def with_users(self, split: Split) -> RatingScorer:
        """Return the model that was trained on the held-out users."""

    def without_users(self, split: Split) -> RatingScorer:
        """Return the model that was trained without the held-out users."""


@dataclass(frozen=True)
class Trained:
    """Models that are trained by gradient descent, in seconds."""

    table: RatingsTable
    settings: ModelSettings

    def with_users(self, split: Split) -> RatingScorer:
        """Train on the split, which includes the users."""
        with tempfile.TemporaryDirectory() as folder:
            dataset = prepare(self.table, split)
            (artefact,) = fit_on(dataset, [self.settings], DEFAULT, PublishOptions(Path(folder) / "store"))
            return _scorer(artefact)

    def without_users(self, split: Split) -> RatingScorer:
        """Train on the split, from which the users were removed."""
        return self.with_users(split)


@dataclass(frozen=True)
class Redistilled:
    """A distilled model from a store, and the same model distilled without some users."""

    table: RatingsTable
    model: DistilledModel
    store: Path
    work: Path

    def with_users(self, split: Split) -> RatingScorer:
        """Load the model from the store, which must have the same test rows."""
        artefact = open_artefact(self.store / self.model.name)
        manifest = artefact.manifest
        if (manifest.dataset.sha256, manifest.split.test_sha256) != (self.table.sha256, split.test_sha256):
            raise SystemExit(f"{artefact.folder} was not made from these ratings with this split")
        return _scorer(artefact)

    def without_users(self, split: Split) -> RatingScorer:
        """Distil on all rows that are not test rows."""
        manifest = open_artefact(self.store / self.model.name).manifest
        recipe = DistillationRecipe.model_validate_json(json.dumps(manifest.training.recipe))
        rest = np.sort(np.concatenate([split.train, split.validation]))
        dataset = prepare(self.table, replace(split, train=rest, validation=np.empty(0, np.int64)))
        with open_work_folder(self.work) as work, tempfile.TemporaryDirectory() as folder:
            teacher = Teacher(dataset, work, recipe.teacher, seed=recipe.seed)
            distilled = distil(teacher, self.model, recipe.blend)
            accuracy = evaluate(distilled.predict, distilled.fallback, dataset)
            options = PublishOptions(Path(folder) / "store")
            return _scorer(publish_model(distilled, dataset, accuracy, options))


def _scorer(artefact: Artefact) -> RatingScorer:
    return RatingScorer.from_artefact(artefact, load_table_engine(artefact))


def measure(table: RatingsTable, models: ModelPair, seed: int) -> dict[str, float]:
    """Return the mean squared errors by kind of prediction."""
    random = np.random.default_rng(seed)
    split = split_ratings(table, "random", seed, DEFAULT.validation_fraction)
    users = len(table.users)
    chosen = np.zeros(users, dtype=bool)
    chosen[random.choice(users, users // 10, replace=False)] = True
    known = np.concatenate([split.train, split.validation])
    held_out = HeldOut(
        known=random.permutation(known[chosen[table.user_index[known]]]),
        test=split.test[chosen[table.user_index[split.test]]],
    )
    trained = models.with_users(split)
    without = models.without_users(_without(split, held_out, table, chosen))
    movie_ids = [table.movies[int(index)] for index in table.movie_index[held_out.test]]
    warm = without.movies.indices(movie_ids) < without.movies.warm
    held_out = replace(held_out, test=held_out.test[warm])
    return {
        "rows": float(held_out.test.size),
        "global mean": _mse_of_means(without, table, held_out, by_movie=False),
        "movie means": _mse_of_means(without, table, held_out, by_movie=True),
        **{f"{count} ratings": _mse_folded(without, table, held_out, count) for count in (0, *COUNTS)},
        **{
            f"prior times {strength}": _mse_folded(without, table, held_out, None, strength)
            for strength in STRENGTHS
        },
        "all ratings": _mse_folded(without, table, held_out, None),
        "trained": _mse_trained(trained, table, held_out),
    }


def _without(split: Split, held_out: HeldOut, table: RatingsTable, chosen: NDArray[np.bool_]) -> Split:
    """Return the split with all rows of the held-out users moved to its test rows."""
    return replace(
        split,
        train=split.train[~chosen[table.user_index[split.train]]],
        validation=split.validation[~chosen[table.user_index[split.validation]]],
        test=np.sort(np.concatenate([split.test, held_out.known])),
    )


def _mse_folded(
    scorer: RatingScorer, table: RatingsTable, held_out: HeldOut, count: int | None, strength: float = 1.0
) -> float:
    prior, engine = FoldIn().prior(scorer), vector_engine(scorer)
    prior = replace(prior, noise=prior.noise * strength)
    index = scorer.movies.indices([table.movies[i] for i in range(len(table.movies))])
    known, test = _by_user(table, held_out.known), _by_user(table, held_out.test)
    nothing = np.empty(0, np.int64)
    total = 0.0
    for user, rows in test.items():
        given = known.get(user, nothing)
        given = given[index[table.movie_index[given]] < scorer.movies.warm][:count]
        total += _square_error(prior, engine.movie_vectors, index, table, given, rows)
    return total / held_out.test.size


def _square_error(
    prior: Prior,
    vectors: object,
    index: NDArray[np.int32],
    table: RatingsTable,
    given: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> float:
    assert callable(vectors)
    stars = table.ratings[given].astype(np.float64)
    user = prior.fit(vectors(index[table.movie_index[given]]), stars)
    errors = prior.rate(user, vectors(index[table.movie_index[rows]])) - table.ratings[rows]
    return float(np.sum(errors.astype(np.float64) ** 2))


def _mse_trained(scorer: RatingScorer, table: RatingsTable, held_out: HeldOut) -> float:
    scored = scorer.score(
        [table.users[int(index)] for index in table.user_index[held_out.test]],
        [table.movies[int(index)] for index in table.movie_index[held_out.test]],
    )
    return _mse(scored.ratings, table, held_out)


def _mse_of_means(scorer: RatingScorer, table: RatingsTable, held_out: HeldOut, by_movie: bool) -> float:
    movies = scorer.movies.indices([table.movies[int(index)] for index in table.movie_index[held_out.test]])
    nobody = np.full_like(movies, -1)
    return _mse(scorer.score_indices(nobody, movies if by_movie else nobody).ratings, table, held_out)


def _mse(ratings: NDArray[np.float32], table: RatingsTable, held_out: HeldOut) -> float:
    return float(np.mean((ratings - table.ratings[held_out.test]).astype(np.float64) ** 2))


def _by_user(table: RatingsTable, rows: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Group rows by user, and keep their order."""
    order = np.argsort(table.user_index[rows], kind="stable")
    users, starts = np.unique(table.user_index[rows][order], return_index=True)
    return dict(zip(users.tolist(), np.split(rows[order], starts[1:]), strict=True))


if __name__ == "__main__":
    main()
