"""Show whether the distributions of ratings around a distilled model's predictions are right.

    python -m benchmarks.uncertainty --data ../ml-1m --split-seeds 0 1 2
    python -m benchmarks.uncertainty --data ../ml-100k --split time --split-seeds 0

For each split, `compact` is distilled twice: without the validation rows, on which the distributions are
fitted, and from all training rows. The test rows are read once. The tables have the distance of the
randomised probability integral transform from the uniform distribution, over all rows and by fifths of the
ids; the coverage and width of intervals; and the mean log-likelihood of the given ratings, next to those of
one normal distribution for all ratings, of the distributions of `vb`, which `fit --quick` uses, and of an
ordered logit around biases. A fourth table has the coverage
for rows whose user, movie or both have no training rating, with binomial 95 % intervals (Wilson).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import binomtest

from benchmarks.harness import report
from training.artefact.uncertainty import Floats, Uncertainty, fifth_of, sigmoid
from training.data.dataset import Dataset, make_dataset
from training.data.readers.ratings import load_ratings
from training.data.split import SplitKind
from training.data.table import RatingsTable
from training.distillation.base.settings import TeacherSettings
from training.distillation.base.work_folder import open_work_folder
from training.distillation.distiller import distil
from training.distillation.named import COMPACT
from training.distillation.teacher.teacher import Teacher
from training.factors.settings import VB
from training.factors.trained import fit_variational_model
from training.fit.calibration import (
    coverage,
    distance_from_uniform,
    levels_of,
    log_likelihood,
    randomised_pit,
)
from training.fit.evaluation import damped_biases, predict_all
from training.uncertainty.fitting import fit_shared
from training.uncertainty.held_out import fit_by_twin, fit_with_held_out_rows

_NOMINAL: Final = (0.5, 0.8, 0.95)
_FIFTHS: Final = ("first", "second", "third", "fourth", "last")
_VALIDATION: Final = 0.1


def main() -> None:
    """Fit, measure and report."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--split", choices=["random", "time"], default="random")
    options.add_argument("--split-seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--seed", type=int, default=0, help="seed of the training and of the transform")
    options.add_argument("--work", type=Path, default=Path("runs/uncertainty"))
    arguments = options.parse_args()
    table = load_ratings(arguments.data)
    by_fifth, intervals, likelihoods, cold = list[Any](), list[Any](), list[Any](), list[Any]()
    for split_seed in arguments.split_seeds:
        measured = measure(table, arguments.split, split_seed, arguments.seed, arguments.work)
        for lines, own in zip((by_fifth, intervals, likelihoods, cold), measured, strict=True):
            lines += [{"split seed": split_seed, **line} for line in own]
    title = f"{table.name}, {arguments.split} split, {COMPACT.name}, training seed {arguments.seed}"
    report("uncertainty_pit", f"Distance of the randomised PIT from uniform, {title}", by_fifth)
    report("uncertainty_intervals", f"Coverage of intervals, {title}", intervals)
    report("uncertainty_likelihood", f"Mean log-likelihood of the given ratings, {title}", likelihoods)
    report("uncertainty_cold", f"Coverage by which ids have training ratings, {title}", cold)


def measure(
    table: RatingsTable, split: SplitKind, split_seed: int, seed: int, work: Path
) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Return the lines of the four tables for one split."""
    part = make_dataset(table, split, split_seed, _VALIDATION)
    whole = make_dataset(table, split, split_seed)
    with open_work_folder(work) as folder:
        teacher = Teacher(part, folder, TeacherSettings(), seed=seed)
        blend, _ = teacher.find_blend(COMPACT.blend)
        held_out = distil(teacher, COMPACT, blend)
        uncertainty = fit_with_held_out_rows(teacher, COMPACT, blend, whole)
        trained = distil(Teacher(whole, folder, TeacherSettings(), seed=seed), COMPACT, blend)
    assert uncertainty is not None, "the ratings have no levels"
    test, warm = whole.test, (whole.users.warm, whole.movies.warm)
    rated, _ = predict_all(trained.predict_without_keras, trained.fallback, test, *warm)
    levels = uncertainty.spreads.levels
    level = levels_of(levels, test.ratings)
    cumulative = uncertainty.cumulative(test.user_index, test.movie_index, rated)
    transformed = randomised_pit(cumulative, level, seed)
    by_fifth = [
        {"rows": name, "number": int(chosen.sum()), "distance": _four(distance_from_uniform(own)),
         "5% are above": _four(1.358 / np.sqrt(own.size)),
         "mean rating - prediction": _four(float(np.mean((test.ratings - rated)[chosen])))}
        for name, chosen in _groups(whole) if chosen.any()
        for own in [transformed[chosen]]
    ]  # fmt: skip
    intervals = [
        {"interval": f"{found.nominal:.0%}", "coverage": f"{found.observed:.2%}", "width": _four(found.width)}
        for found in (coverage(uncertainty, cumulative, test.ratings, nominal) for nominal in _NOMINAL)
    ]
    errors = (
        part.validation.ratings
        - predict_all(
            held_out.predict_without_keras,
            held_out.fallback,
            part.validation,
            part.users.warm,
            part.movies.warm,
        )[0]
    )
    by_vb = fit_by_twin(fit_variational_model(VB, part, seed=seed), part, whole)
    assert by_vb is not None, "the ratings have no levels"
    of_vb = by_vb.cumulative(test.user_index, test.movie_index, rated)
    others = {
        f"{COMPACT.name} and its distributions, {uncertainty.nbytes:,} bytes": cumulative,
        "the same predictions, one normal distribution": _normal(levels, rated, float(np.std(errors))),
        "the same predictions, distributions of vb": of_vb,
        "biases, ordered logit": _biases(part, whole),
    }
    likelihoods = [
        {"model": name, "log-likelihood": _four(float(log_likelihood(one, level).mean())),
         "distance": _four(distance_from_uniform(randomised_pit(one, level, seed))),
         "test MSE": _four(float(np.mean((test.ratings - rated) ** 2))) if one is cumulative else ""}
        for name, one in others.items()
    ]  # fmt: skip
    cold = [
        {"rows": name, "number": int(chosen.sum()),
         **{f"{nominal:.0%}": _binomial(uncertainty, cumulative[chosen], test.ratings[chosen], nominal)
            for nominal in _NOMINAL}}
        for name, chosen in _parts(whole) if chosen.any()
    ]  # fmt: skip
    return by_fifth, intervals, likelihoods, cold


def _parts(dataset: Dataset) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the test rows by which of their ids have training ratings."""
    users = dataset.test.user_index < dataset.users.warm
    movies = dataset.test.movie_index < dataset.movies.warm
    yield "warm", users & movies
    yield "cold user", ~users & movies
    yield "cold movie", users & ~movies
    yield "both cold", ~users & ~movies


def _binomial(
    uncertainty: Uncertainty, cumulative: Floats, observed: NDArray[np.float32], nominal: float
) -> str:
    """Return the coverage of an interval, its 95 % interval, and the mean width."""
    found = coverage(uncertainty, cumulative, observed, nominal)
    tried = binomtest(round(found.observed * observed.size), observed.size).proportion_ci(method="wilson")
    return f"{found.observed:.1%} ({tried.low:.1%} to {tried.high:.1%}), {found.width:.2f}"


def _groups(dataset: Dataset) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield all test rows, and those of each fifth of the warm movies and users."""
    test = dataset.test
    yield "all", np.ones(len(test), dtype=np.bool_)
    for side, index, vocabulary in (
        ("movies", test.movie_index, dataset.movies),
        ("users", test.user_index, dataset.users),
    ):
        places = np.append(
            fifth_of(np.arange(vocabulary.warm), vocabulary.warm),
            np.full(len(vocabulary) - vocabulary.warm, len(_FIFTHS)),
        )
        for place, name in enumerate(_FIFTHS):
            yield f"{side}, {name} fifth", places[index] == place


def _normal(levels: Floats, rated: NDArray[np.floating], deviation: float) -> Floats:
    """Return the cumulative probabilities of levels for a normal distribution rounded to the closest one."""
    middles = (levels[1:] + levels[:-1]) / 2
    below = ndtr((middles - rated.astype(np.float64)[:, None]) / deviation)
    found: Floats = np.append(below, np.ones((rated.size, 1)), axis=1)
    return found


def _biases(part: Dataset, whole: Dataset) -> Floats:
    """Return those of an ordered logit around biases, whose cut points are fitted on validation rows."""

    def rate(fitted: Dataset, rows: Any) -> Floats:
        train, sizes = fitted.train, (len(fitted.users), len(fitted.movies))
        mean, users, movies = damped_biases(train.user_index, train.movie_index, train.ratings, sizes)
        rated: Floats = np.clip(
            mean + users[rows.user_index] + movies[rows.movie_index], *fitted.scale.bounds
        )
        return rated

    levels = np.unique(part.train.ratings).astype(np.float64)
    validation = rate(part, part.validation)
    locate, cuts, scale = fit_shared(validation, part.validation.ratings, levels)
    below = sigmoid((cuts - locate(rate(whole, whole.test))[:, None]) / scale)
    return np.append(below, np.ones((below.shape[0], 1)), axis=1)


def _four(value: float) -> str:
    return f"{value:.4f}"


if __name__ == "__main__":
    main()
