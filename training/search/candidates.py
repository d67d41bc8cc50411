"""Candidate models and what came of training them: by gradients, by packing that, or by distillation.

The budget search and the frontier both ask "what does this model weigh, and how far off is it?" of many
models on one dataset. A `Candidate` says what to train; a `CandidateTrainer` trains it, and fits each teacher
only once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from training.artefact.fallback import Fallback
from training.data.dataset import Dataset, Examples
from training.distillation.base.observed import Floats, Observed
from training.distillation.base.settings import Blend, StudentSettings, TeacherSettings
from training.distillation.base.work_folder import WorkFolder
from training.distillation.distiller import student_fallback
from training.distillation.student.factors import MAX_STARS, Factors, sigmoid
from training.distillation.student.student import Student, fit_student
from training.distillation.teacher.teacher import OnProgress, Teacher, TeacherPredictions
from training.fit.evaluation import Errors, Predict, evaluate_examples
from training.fit.fitting import fit
from training.models.rating_model import logical_sizes
from training.models.trained import TrainedModel
from training.settings import ModelSettings, Recipe, Settings

TILE_USERS: Final = 256


ONE_CHAIN: Final = Blend(members=("ordinal",), weights=(1.0,))
"""The strongest single teacher: one Gibbs sampler."""


class Candidate(Settings):
    """What to train.

    Attributes:
        model: Fitted by gradients, as `recipe` says; None where nothing is.
        recipe: How.
        student: A packed student. Of `model` where there is one, which is then its own teacher; else of
            the teacher that all candidates of a trainer share.
    """

    model: ModelSettings | None = None
    recipe: Recipe | None = None
    student: StudentSettings | None = None

    @property
    def family(self) -> str:
        """What the tables are."""
        if self.student is not None or self.model is None:
            return "packed"
        families = {self.model.users.family, self.model.movies.family}
        return families.pop() if len(families) == 1 else "mixed"


@dataclass(frozen=True)
class TrainedCandidate:
    """What came of a candidate.

    Attributes:
        candidate: What was asked for.
        fitted: What gradients made; None for a student of the shared teacher.
        student: The packed student; None where none was asked for.
        fallback: What answers for cold ids; damped means for a model without biases.
        predict: Warm pairs to stars.
        parameters: Logical scalars before packing.
        nbytes: Bytes of all arrays, ids apart.
        seconds: Wall time, without the shared teacher's.
    """

    candidate: Candidate
    fitted: TrainedModel | None
    student: Student | None
    fallback: Fallback
    predict: Predict
    parameters: int
    nbytes: int
    seconds: float

    def errors_on(self, examples: Examples, dataset: Dataset) -> Errors:
        """Errors over all of these rows, cold ones by the fallback."""
        return evaluate_examples(self.predict, self.fallback, examples, dataset.users, dataset.movies)


class CandidateTrainer:
    """Trains candidates on one dataset.

    Attributes:
        dataset: What everything is fitted on.
        teacher: Members of the shared teacher.
        blend: What each counts in it.
        seed: Of the teacher and of students; a candidate's recipe has its own.
    """

    def __init__(
        self,
        dataset: Dataset,
        work: WorkFolder,
        *,
        seed: int = 0,
        teacher: TeacherSettings | None = None,
        blend: Blend = ONE_CHAIN,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Nothing is fitted yet.

        Args:
            dataset: With validation rows.
            work: Where a finished teacher is kept for the next run.
            seed: Of the teacher and of students; a candidate's recipe has its own.
            teacher: Members of the shared teacher.
            blend: What each counts in it, weights included.
            on_progress: Called as it proceeds.
        """
        self.dataset, self.seed, self.blend = dataset, seed, blend
        self.teacher = teacher or TeacherSettings()
        self._work, self._on_progress = work, on_progress
        self._observed = Observed.of(dataset)
        self._shared: TeacherPredictions | None = None
        self._fitted: TrainedModel | None = None
        self._fitted_key: tuple[str, str] | None = None

    def train(self, candidate: Candidate) -> TrainedCandidate:
        """Train a candidate.

        Raises:
            SettingsError: It is not legal for this dataset, or its limits are too small.
        """
        started = time.perf_counter()
        fitted = None if candidate.model is None else self._fit(candidate)
        if candidate.student is None:
            assert fitted is not None
            weights = fitted.model.indexed.weights
            return TrainedCandidate(
                candidate,
                fitted,
                None,
                fitted.fallback,
                fitted.predict,
                sum(logical_sizes(fitted.model.indexed).values()),
                sum(int(np.prod(weight.shape)) * np.dtype(weight.dtype).itemsize for weight in weights),
                fitted.seconds,
            )
        teacher = self._shared_teacher() if fitted is None else SelfTeacher(factors_of(fitted))
        if fitted is None:
            started = time.perf_counter()
        student = fit_student(
            self._observed,
            teacher,
            candidate.student,
            tile_users=TILE_USERS,
            seed=self.seed,
            on_round=partial(self._report, "student"),
        )
        return TrainedCandidate(
            candidate,
            fitted,
            student,
            student_fallback(student, self.dataset),
            student.predict,
            student.parameter_count,
            student.nbytes,
            time.perf_counter() - started,
        )

    def _fit(self, candidate: Candidate) -> TrainedModel:
        model, recipe = candidate.model, candidate.recipe
        assert model is not None and recipe is not None
        key = model.model_dump_json(), recipe.model_dump_json()
        if key != self._fitted_key:
            # One at a time is enough: candidates that share a model follow each other.
            self._fitted = fit(
                model, recipe, self.dataset, lambda done, total, _: self._report(model.name, done, total)
            )
            self._fitted_key = key
        assert self._fitted is not None
        return self._fitted

    def _shared_teacher(self) -> TeacherPredictions:
        if self._shared is None:
            teacher = Teacher(
                self.dataset,
                self.teacher,
                self._work,
                seed=self.seed,
                tile_users=TILE_USERS,
                on_progress=self._on_progress,
            )
            self._shared = teacher.predictions(self.blend)
        return self._shared

    def _report(self, what: str, done: int, total: int) -> None:
        if self._on_progress:
            self._on_progress(what, done, total)


class SelfTeacher(TeacherPredictions):
    """A small model as the teacher of its own packed form: nothing is stored, tiles are computed."""

    def __init__(self, factors: Factors) -> None:
        self._factors = factors

    def tile(self, rows: slice) -> Floats:
        """`(users of the tile, movies)` stars."""
        return np.float32(MAX_STARS) * sigmoid(self._factors.logits(rows))


def factors_of(fitted: TrainedModel) -> Factors:
    """A model with biases that was fitted by gradients, whatever its families, as plain factors."""
    assert fitted.settings.biases
    layer = fitted.model.indexed.get_layer
    tables = []
    for side, count in (("user", fitted.model.num_users), ("movie", fitted.model.num_movies)):
        index = np.arange(count, dtype=np.int32)
        parts = [np.asarray(layer(f"{side}_{what}")(index)) for what in ("embedding", "bias")]
        tables.append(np.concatenate(parts, axis=1).astype(np.float32))
    return Factors(tables[0], tables[1], float(np.asarray(layer("rating").global_bias)))
