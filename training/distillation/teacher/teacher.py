"""The teacher: its members, each fitted once and kept, and their blend, written tile by tile to a file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from training.data.dataset import Dataset
from training.distillation.base.observed import Floats, Observed, tiles
from training.distillation.base.settings import Blend, Member, TeacherSettings
from training.distillation.base.work_folder import Step, WorkFolder
from training.distillation.teacher.auto_encoder import AutoEncoder, fit_auto_encoder
from training.distillation.teacher.bayesian_factors import BayesianFactors, fit_bayesian_factors
from training.distillation.teacher.blend import find_weights
from training.distillation.teacher.kernel import genre_features

PREDICTIONS: Final = "predictions.float16"

OnProgress = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all)."""

StepResult = tuple[Mapping[str, NDArray[Any]], Mapping[str, Any]]


class Predictor(Protocol):
    """A fitted member."""

    def predict(self, rows: slice) -> Floats:
        """`(users of the tile, movies)` predicted stars."""


class TeacherPredictions:
    """Every user's predicted stars for every movie, in a file, read by tiles of users."""

    def __init__(self, path: Path, users: int, movies: int) -> None:
        self._array = np.memmap(path, dtype=np.float16, mode="r", shape=(users, movies))

    def tile(self, rows: slice) -> Floats:
        """`(users of the tile, movies)` stars."""
        stars: Floats = self._array[rows].astype(np.float32)
        return stars


class Teacher:
    """Fits members and blends for one dataset and one seed, through a work folder.

    Attributes:
        observed: The dataset's training ratings.
        seconds: By step, how long it took when it was done.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: TeacherSettings,
        work: WorkFolder,
        *,
        seed: int,
        tile_users: int,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.observed = Observed.of(dataset)
        self.seconds: dict[str, float] = {}
        self._dataset, self._settings, self._work, self._on_progress = dataset, settings, work, on_progress
        self._seed, self._tile_users = seed, tile_users
        self._genres = genre_features(dataset.movies, dataset.table.titles)
        self._members: dict[Member, Predictor] = {}
        self._data_key = {
            "data": dataset.table.sha256,
            "titles": _digest(self._genres),
            "train_rows": _digest(dataset.split.train),
            "seed": seed,
            "tile_users": tile_users,
        }

    def member(self, name: Member) -> Predictor:
        """A member, fitted now or in an earlier run."""
        if name not in self._members:
            step = self.step(name, self._member_key(name), lambda _: (self._fit(name).to_arrays(), {}))
            kind = AutoEncoder if name == "auto_encoder" else BayesianFactors
            self._members[name] = kind.from_arrays(step.arrays)
        return self._members[name]

    def validation_predictions(self, name: Member) -> Floats:
        """`(validation rows,)` stars of a member."""
        rows = self._dataset.validation
        member, predicted = self.member(name), np.empty(len(rows), dtype=np.float32)
        for tile in tiles(self.observed.users, self._tile_users):
            own = np.flatnonzero((rows.user_index >= tile.start) & (rows.user_index < tile.stop))
            if own.size:
                user, movie = rows.user_index[own] - tile.start, rows.movie_index[own]
                predicted[own] = member.predict(tile)[user, movie]
        return predicted

    def find_blend(self, blend: Blend) -> tuple[Blend, dict[str, float]]:
        """The blend with weights found on the dataset's validation rows, and the validation MSE of all.

        Weights that the blend states stay.
        """
        ratings = self._dataset.validation.ratings
        predictions = np.stack([self.validation_predictions(name) for name in blend.members])
        weights = blend.weights or find_weights(predictions, ratings)
        mse: dict[str, float] = {
            name: float(np.mean((own - ratings) ** 2, dtype=np.float64))
            for name, own in zip(blend.members, predictions, strict=True)
        }
        blended = np.array(weights, dtype=np.float32) @ predictions
        name = " + ".join(
            f"{weight:g} {member}" for weight, member in zip(weights, blend.members, strict=True)
        )
        mse[name] = float(np.mean((blended - ratings) ** 2, dtype=np.float64))
        return blend.model_copy(update={"weights": weights}), mse

    def predictions(self, blend: Blend) -> TeacherPredictions:
        """What a blend says of every pair, written now or in an earlier run.

        Args:
            blend: Members, with weights.
        """
        members = [(self.member(name), weight) for name, weight in _used(blend)]

        def write(folder: Path) -> StepResult:
            with (folder / PREDICTIONS).open("wb") as file:
                for rows in tiles(self.observed.users, self._tile_users):
                    stars = np.zeros((rows.stop - rows.start, self.observed.movies), dtype=np.float32)
                    for member, weight in members:
                        stars += np.float32(weight) * member.predict(rows)
                    file.write(stars.astype(np.float16).tobytes())
                    self.report("blend", rows.stop, self.observed.users)
            return {}, {}

        step = self.step("blend", self.blend_key(blend), write)
        return TeacherPredictions(step.folder / PREDICTIONS, self.observed.users, self.observed.movies)

    def blend_key(self, blend: Blend) -> dict[str, Any]:
        """All that decides a blend's predictions, besides the data and the seed."""
        return {name: {"weight": weight, **self._member_key(name)} for name, weight in _used(blend)}

    def step(self, name: str, decided_by: Mapping[str, Any], make: Callable[[Path], StepResult]) -> Step:
        """A step of this dataset and seed; how long it took is noted."""

        def timed(folder: Path) -> StepResult:
            started = time.perf_counter()
            arrays, notes = make(folder)
            return arrays, {**notes, "seconds": round(time.perf_counter() - started, 3)}

        step = self._work.step(name, {**self._data_key, **decided_by}, timed)
        self.seconds[name] = float(step.notes["seconds"])
        self.report(name, 1, 1)
        return step

    def report(self, what: str, done: int, total: int) -> None:
        """Report progress."""
        if self._on_progress:
            self._on_progress(what, done, total)

    def _member_key(self, name: Member) -> dict[str, Any]:
        return {"settings": getattr(self._settings, name).model_dump(mode="json")}

    def _fit(self, name: Member) -> BayesianFactors | AutoEncoder:
        def on_step(done: int, total: int) -> None:
            self.report(name, done, total)

        if name == "auto_encoder":
            settings = self._settings.auto_encoder
            return fit_auto_encoder(self.observed, settings, seed=self._seed, on_step=on_step)
        return fit_bayesian_factors(
            self.observed,
            self._genres,
            self._settings.ordinal if name == "ordinal" else self._settings.gaussian,
            tile_users=self._tile_users,
            seed=self._seed,
            on_round=on_step,
        )


def _used(blend: Blend) -> list[tuple[Member, float]]:
    """Members with a weight that is not 0, and it."""
    assert blend.weights is not None
    return [(name, weight) for name, weight in zip(blend.members, blend.weights, strict=True) if weight]


def _digest(array: NDArray[Any] | None) -> str:
    return "" if array is None else hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:32]
