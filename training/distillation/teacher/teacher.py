"""The teacher: members that are fitted once and cached, and their blend, written to a file in tiles."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Dataset
from training.distillation.base.observed import Floats, Observed
from training.distillation.base.settings import (
    AutoEncoderSettings,
    BayesianFactorsSettings,
    Blend,
    DistillationRecipe,
    Member,
    StudentSettings,
    TeacherSettings,
    VariationalSettings,
)
from training.distillation.base.threads import in_threads, one_blas_thread
from training.distillation.base.tiles import MOST_PAIRS, Predictions, Tile, make_tiles
from training.distillation.base.work_folder import Step, WorkFolder
from training.distillation.teacher.auto_encoder import AutoEncoder, fit_auto_encoder
from training.distillation.teacher.bayesian_factors import BayesianFactors, fit_bayesian_factors
from training.distillation.teacher.kernel import Kernel, genre_features, side_kernels
from training.distillation.teacher.variational import VariationalMember, fit_variational_member
from training.factors.solver import Runner

PREDICTIONS: Final = "predictions.float16"
LEAST_WEIGHT: Final = 0.02
LEAST_DENSITY: Final = 0.004

OnProgress = Callable[[str, int, int], None]
"""Called with (name of the current step, steps done, steps in all)."""

StepResult = tuple[Mapping[str, NDArray[Any]], Mapping[str, Any]]
Predictor = AutoEncoder | BayesianFactors | VariationalMember
"""A fitted member of the teacher."""

_KINDS: Final[Mapping[Member, Callable[..., Predictor]]] = {
    "ordinal": BayesianFactors,
    "gaussian": BayesianFactors,
    "auto_encoder": AutoEncoder,
    "variational": VariationalMember,
}


class TeacherPredictions:
    """The predicted stars of the pairs of tiles, in a file."""

    def __init__(self, path: Path) -> None:
        self._array = np.memmap(path, dtype=np.float16, mode="r")

    def tile(self, tile: Tile) -> Floats:
        """Return the `(users of the tile, movies of the tile)` stars."""
        size = tile.shape[0] * tile.shape[1]
        stars: Floats = self._array[tile.start : tile.start + size].reshape(tile.shape).astype(np.float32)
        return stars


class Teacher:
    """Fits members and blends for one dataset and one seed, and caches them in a work folder.

    Attributes:
        dataset: The data that everything is fitted on.
        settings: Settings of the members.
        seed: Seed of every random draw.
        observed: The training ratings of the dataset.
        tiles: The pairs whose predictions students are fitted to.
        runner: Fits the variational member, and students of it alone; threads of this machine by default.
        seconds: Duration of each step when it was computed, by name.
        data_key: Everything that determines a step, besides the settings.
    """

    def __init__(
        self,
        dataset: Dataset,
        work: WorkFolder,
        settings: TeacherSettings | None = None,
        *,
        seed: int = 0,
        tile_users: int = 256,
        runner: Runner | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Prepare a teacher; nothing is fitted yet. `on_progress` is called as its steps proceed."""
        self.dataset, self.seed = dataset, seed
        self.settings = settings or TeacherSettings()
        self.observed = Observed.of(dataset)
        self.tiles = make_tiles(self.observed, tile_users, seed=seed)
        self.runner = runner
        self.seconds: dict[str, float] = {}
        self._work, self._tile_users, self._on_progress = work, tile_users, on_progress
        self._genres = genre_features(dataset.movies, dataset.table.titles)
        self._members: dict[Member, Predictor] = {}
        self._kernels: dict[tuple[float, ...], tuple[Kernel, Kernel]] = {}
        self.data_key = {
            "data": dataset.table.sha256,
            "stars": _digest(self.observed.ratings),
            "titles": _digest(self._genres),
            "train_rows": _digest(dataset.split.train),
            "seed": seed,
            "tile_users": tile_users,
        }

    def member(self, name: Member) -> Predictor:
        """Return a member, fitted now or in an earlier run."""
        if name not in self._members:
            step = self.step(name, self._member_key(name), lambda _: (vars(self._fit(name)), {}))
            arrays: Mapping[str, Any] = step.arrays
            self._members[name] = _KINDS[name](**arrays)
        return self._members[name]

    def validation_predictions(self, name: Member) -> Floats:
        """Return the `(validation rows,)` predicted stars of a member."""
        rows = self.dataset.validation
        return self.member(name).predict_pairs(rows.user_index, rows.movie_index)

    def find_blend(self, blend: Blend) -> tuple[Blend, dict[str, float]]:
        """Find the weights of a blend on the validation rows; weights that the blend already has are kept.

        The autoencoder, whose time grows with users x movies, gets the weight 0 without being fitted if
        there are more than `MOST_PAIRS` pairs of which fewer than `LEAST_DENSITY` are rated.

        Returns:
            The blend with its weights, and the validation MSE of each member and of the blend, on the
            scale of the ratings.
        """
        scale = self.dataset.scale
        ratings = scale.to_stars(self.dataset.validation.ratings)
        members = list(blend.members)
        if blend.weights is None and self._too_wide and len(members) > 1:
            members = [name for name in members if name != "auto_encoder"]
        predictions = np.stack([self.validation_predictions(name) for name in members])
        weights = blend.weights or find_weights(predictions, ratings)
        mse: dict[str, float] = {
            name: scale.unit**2 * float(np.mean((own - ratings) ** 2, dtype=np.float64))
            for name, own in zip(members, predictions, strict=True)
        }
        blended = np.array(weights, dtype=np.float32) @ predictions
        name = " + ".join(f"{weight:g} {member}" for weight, member in zip(weights, members, strict=True))
        mse[name] = scale.unit**2 * float(np.mean((blended - ratings) ** 2, dtype=np.float64))
        found = dict(zip(members, weights, strict=True))
        return blend.model_copy(
            update={"weights": tuple(found.get(name, 0.0) for name in blend.members)}
        ), mse

    def predictions(self, blend: Blend) -> Predictions:
        """Return the predictions of a blend for the pairs of all tiles.

        Those of the variational member alone are computed from its factors when they are needed; others are
        written to a file, now or in an earlier run.

        Args:
            blend: The members, with weights.
        """
        members = [(self.member(name), weight) for name, weight in _used(blend)]
        if len(members) == 1 and isinstance(members[0][0], VariationalMember):
            return members[0][0]

        def of_tile(tile: Tile) -> NDArray[np.float16]:
            stars = np.zeros(tile.shape, dtype=np.float32)
            for member, weight in members:
                stars += np.float32(weight) * member.predict(tile.users, tile.movies)
            return stars.astype(np.float16)

        def write(folder: Path) -> StepResult:
            with (folder / PREDICTIONS).open("wb") as file, one_blas_thread():
                for done, stars in enumerate(in_threads(of_tile, self.tiles), 1):
                    file.write(stars.tobytes())
                    self.report("blend", done, len(self.tiles))
            return {}, {}

        step = self.step("blend", self.blend_key(blend), write)
        return TeacherPredictions(step.folder / PREDICTIONS)

    def blend_key(self, blend: Blend) -> dict[str, Any]:
        """Return everything that determines the predictions of a blend, besides the data and the seed."""
        return {name: {"weight": weight, **self._member_key(name)} for name, weight in _used(blend)}

    def recipe(self, blend: Blend, student: StudentSettings) -> DistillationRecipe:
        """Return the record of a student of a blend."""
        return DistillationRecipe(
            seed=self.seed, tile_users=self._tile_users, teacher=self.settings, blend=blend, student=student
        )

    def step(self, name: str, decided_by: Mapping[str, Any], make: Callable[[Path], StepResult]) -> Step:
        """Run a step for this dataset and seed, or load it, and record its duration."""

        def timed(folder: Path) -> StepResult:
            started = time.perf_counter()
            arrays, notes = make(folder)
            return arrays, {**notes, "seconds": round(time.perf_counter() - started, 3)}

        step = self._work.step(name, {**self.data_key, **decided_by}, timed)
        self.seconds[name] = float(step.notes["seconds"])
        self.report(name, 1, 1)
        return step

    def report(self, what: str, done: int, total: int) -> None:
        """Report progress."""
        if self._on_progress:
            self._on_progress(what, done, total)

    @property
    def _too_wide(self) -> bool:
        """Whether there are too many pairs, with too few ratings, for the autoencoder."""
        pairs = self.observed.users * self.observed.movies
        return pairs > MOST_PAIRS and len(self.observed) < LEAST_DENSITY * pairs

    def _member_key(self, name: Member) -> dict[str, Any]:
        return {"settings": getattr(self.settings, name).model_dump(mode="json")}

    def _fit(self, name: Member) -> Predictor:
        settings, on_step = getattr(self.settings, name), partial(self.report, name)
        if isinstance(settings, AutoEncoderSettings):
            return fit_auto_encoder(self.observed, settings, seed=self.seed, on_step=on_step)
        if isinstance(settings, VariationalSettings):
            return fit_variational_member(
                self.observed,
                settings,
                seed=self.seed,
                runner=self.runner,
                on_round=lambda done, total, _: on_step(done, total),
            )
        return fit_bayesian_factors(
            self.observed, self._kernels_for(settings), settings, seed=self.seed, on_round=on_step
        )

    def _kernels_for(self, settings: BayesianFactorsSettings) -> tuple[Kernel, Kernel]:
        """Return the kernels of both sides, which samplers with the same prior share."""
        prior = settings.intercept_scale, settings.implicit_scale, settings.genre_scale, settings.kernel_rank
        if prior not in self._kernels:
            self._kernels[prior] = side_kernels(self.observed, self._genres, settings, seed=self.seed)
        return self._kernels[prior]


def _used(blend: Blend) -> list[tuple[Member, float]]:
    """Return the members with a non-zero weight, and the weight."""
    assert blend.weights is not None
    return [(name, weight) for name, weight in zip(blend.members, blend.weights, strict=True) if weight]


def _digest(array: NDArray[Any] | None) -> str:
    return "" if array is None else hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()[:32]


def find_weights(predictions: Floats, ratings: Floats) -> tuple[float, ...]:
    """Find the non-negative weights with sum 1 that minimise the squared error.

    A sum of 1 keeps the scale of stars, and non-negative weights cannot cancel one member's errors with those
    of another. There are few members, so every subset is tried: its optimal weights with sum 1 solve a linear
    system, and the subset is valid if none of its weights is negative.

    Args:
        predictions: `(members, n)` stars, on rows that no member was fitted on.
        ratings: `(n,)` stars.

    Returns:
        One weight per member, rounded to 3 digits; 0 for a member that is not in the best subset. A subset
        with a weight below `LEAST_WEIGHT` is skipped: fitting that member would not be worth its time.
    """
    members = len(predictions)
    away = predictions.astype(np.float64) - ratings
    products = away @ away.T / max(ratings.size, 1)
    best, least = np.zeros(members), np.inf
    for count in range(1, members + 1):
        for chosen in combinations(range(members), count):
            weights = _least_squares(products[np.ix_(chosen, chosen)])
            cost = float(weights @ products[np.ix_(chosen, chosen)] @ weights)
            if weights.min() >= LEAST_WEIGHT and cost < least - 1e-12:
                least, best = cost, np.zeros(members)
                best[list(chosen)] = weights
    rounded = np.round(best, 3)
    rounded[rounded.argmax()] += 1 - rounded.sum()
    return tuple(round(float(weight), 3) for weight in rounded)


def _least_squares(products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimise w'Pw over weights w with sum 1; P has the mean products of the errors."""
    ridge = 1e-9 * np.trace(products) * np.eye(len(products))  # two members may agree on every row
    weights = np.linalg.solve(products + ridge + 1e-30 * np.eye(len(products)), np.ones(len(products)))
    normed: NDArray[np.float64] = weights / weights.sum()
    return normed
