"""Something that could be trained, and what came out: by gradients, by packing that, or by distillation.

The budget command and the frontier both ask "what does this model weigh, and how far off is it?" of many
models on one dataset. A `Plan` says what to make; a `Bench` makes it, and fits teachers only once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.artefact.fallback import Fallback
from training.data.dataset import Dataset, Examples
from training.distillation.base.observed import Floats, Observed
from training.distillation.base.settings import Blend, StudentSettings, TeacherSettings
from training.distillation.base.work_folder import WorkFolder
from training.distillation.distilling import student_fallback
from training.distillation.student.factors import MAX_STARS, Factors, sigmoid
from training.distillation.student.student import Student, fit_student
from training.distillation.teacher.teacher import OnProgress, TeacherPredictions, Teaching
from training.fit.evaluation import Errors, Predict, errors, model_fallback, predict_all
from training.fit.fitting import Fitted, fit
from training.models.rating_model import logical_sizes
from training.settings import ModelSettings, Recipe, Settings

TILE_USERS: Final = 256


ONE_CHAIN: Final = Blend(members=("ordinal",), weights=(1.0,))
"""The strongest single teacher: one Gibbs sampler."""


class Plan(Settings):
    """What to make.

    Attributes:
        model: Fitted by gradients, as `recipe` says; None where nothing is.
        recipe: How.
        student: A packed student. Of `model` where there is one, which is then its own teacher; else of
            the teacher that all plans of a bench share.
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
class Made:
    """A model that was made from a plan.

    Attributes:
        plan: What was asked for.
        fitted: What gradients made; None for a student of the shared teacher.
        student: The packed student; None where none was asked for.
        fallback: What answers for cold ids; always the model's own biases, or damped means without any.
        predict: Warm pairs to stars.
        parameters: Logical scalars before packing.
        nbytes: Bytes of all arrays, ids apart.
        seconds: Wall time, without the shared teacher's.
    """

    plan: Plan
    fitted: Fitted | None
    student: Student | None
    fallback: Fallback
    predict: Predict
    parameters: int
    nbytes: int
    seconds: float

    def errors_on(self, examples: Examples, dataset: Dataset) -> Errors:
        """Errors over all of these rows, cold ones by the fallback."""
        users, movies = dataset.users.warm, dataset.movies.warm
        rated, _ = predict_all(self.predict, self.fallback, examples, users, movies)
        return errors(examples.ratings, rated)


class Bench:
    """Makes plans on one dataset.

    Attributes:
        dataset: What everything is fitted on.
        teacher: Members of the shared teacher.
        blend: What each counts in it.
        seed: Of the teacher and of students; a plan's recipe has its own.
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
        """Prepare a bench; nothing is fitted yet.

        Args:
            dataset: With validation rows.
            work: Where a finished teacher is kept for the next run.
            seed: Of the teacher and of students; a plan's recipe has its own.
            teacher: Members of the shared teacher.
            blend: What each counts in it, weights included.
            on_progress: Told about progress.
        """
        self.dataset, self.seed, self.blend = dataset, seed, blend
        self.teacher = teacher or TeacherSettings()
        self._work, self._on_progress = work, on_progress
        self._observed = Observed.of(dataset)
        self._shared: TeacherPredictions | None = None
        self._fitted: dict[str, Fitted] = {}

    def make(self, plan: Plan) -> Made:
        """Make what a plan asks for.

        Raises:
            SettingsError: It is not legal for this dataset, or its limits are too small.
        """
        started = time.perf_counter()
        fitted = None if plan.model is None else self._fit(plan)
        if plan.student is None:
            assert fitted is not None
            weights = fitted.model.indexed.weights
            parameters = sum(logical_sizes(fitted.model.indexed).values())
            return Made(
                plan,
                fitted,
                None,
                model_fallback(fitted.model, self.dataset),
                fitted.predict,
                parameters,
                sum(int(np.prod(weight.shape)) * np.dtype(weight.dtype).itemsize for weight in weights),
                fitted.seconds,
            )
        teacher = self._teacher() if fitted is None else OwnTeacher(factors_of(fitted))
        if fitted is None:
            started = time.perf_counter()
        student = fit_student(
            self._observed,
            teacher,
            plan.student,
            tile_users=TILE_USERS,
            seed=self.seed,
            on_round=lambda done, total: self._tell("student", done, total),
        )
        seconds = time.perf_counter() - started
        fallback = student_fallback(student, self.dataset)
        return Made(
            plan,
            fitted,
            student,
            fallback,
            student.predict,
            student.parameter_count,
            student.nbytes,
            seconds,
        )

    def _fit(self, plan: Plan) -> Fitted:
        assert plan.model is not None and plan.recipe is not None
        key = plan.model_copy(update={"student": None}).model_dump_json()
        if key not in self._fitted:
            # One at a time is enough: plans that share a model follow each other.
            name = plan.model.name
            self._fitted = {
                key: fit(
                    plan.model,
                    plan.recipe,
                    self.dataset,
                    lambda done, total, _: self._tell(name, done, total),
                )
            }
        return self._fitted[key]

    def _teacher(self) -> TeacherPredictions:
        if self._shared is None:
            teaching = Teaching(
                self.dataset,
                self.teacher,
                self._work,
                seed=self.seed,
                tile_users=TILE_USERS,
                on_progress=self._on_progress,
            )
            self._shared = teaching.predictions(self.blend)
        return self._shared

    def _tell(self, what: str, done: int, total: int) -> None:
        if self._on_progress:
            self._on_progress(what, done, total)


class OwnTeacher(TeacherPredictions):
    """A small model as the teacher of its own packed form: nothing is stored, tiles are computed."""

    def __init__(self, factors: Factors) -> None:
        self._factors = factors

    def tile(self, rows: slice) -> Floats:
        """`(users of the tile, movies)` stars."""
        return np.float32(MAX_STARS) * sigmoid(self._factors.logits(rows))


def factors_of(fitted: Fitted) -> Factors:
    """A model with biases that was fitted by gradients, whatever its families, as plain factors."""
    assert fitted.settings.biases
    layer = fitted.model.indexed.get_layer
    tables = []
    for side, count in (("user", fitted.model.num_users), ("movie", fitted.model.num_movies)):
        index = np.arange(count, dtype=np.int32)
        parts = [np.asarray(layer(f"{side}_{what}")(index)) for what in ("embedding", "bias")]
        tables.append(np.concatenate(parts, axis=1).astype(np.float32))
    return Factors(tables[0], tables[1], float(np.asarray(layer("rating").global_bias)))
