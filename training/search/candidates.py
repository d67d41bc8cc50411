"""Candidate models and how they are trained: by gradients, by packing what came of that, or by distillation.

The budget search and the frontier both ask "what does this model weigh, and how far off is it?" of many
models on one dataset. A `Candidate` says what to train; a `CandidateTrainer` trains it, and fits each teacher
only once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Final

import numpy as np
from pydantic import Field

from training.data.dataset import Dataset
from training.distillation.base.observed import Floats
from training.distillation.base.settings import Blend, DistillationRecipe, StudentSettings, TeacherSettings
from training.distillation.base.work_folder import WorkFolder
from training.distillation.distiller import Distilled
from training.distillation.student.factors import MAX_STARS, Factors, sigmoid
from training.distillation.student.student import fit_student
from training.distillation.teacher.teacher import OnProgress, Teacher, TeacherPredictions
from training.families.family import Family
from training.fit.fitting import fit
from training.models.trained import TrainedModel
from training.settings import ModelSettings, Recipe, Settings

TILE_USERS: Final = 256
NAME: Final = "candidate"
# Chosen on validation rows of MovieLens 1M: at two bits a value a further column buys more than a further
# bit; beyond 40 columns the bits do. Where parameters are limited, each is worth 8 bits, and rare ids do
# without the last columns; more blocks say more finely where that begins.
_BITS_A_VALUE: Final = 2.1
MOST_FACTORS: Final = 40
_START_ABOVE_MEAN: Final = 1.4

ONE_CHAIN: Final = Blend(members=("ordinal",), weights=(1.0,))
"""The strongest single teacher: one Gibbs sampler."""


class Candidate(Settings):
    """What to train.

    Attributes:
        label: In a few words; decides nothing, so it is left out of records.
        model: Fitted by gradients, as `recipe` says; None where nothing is.
        recipe: How.
        student: A packed student. Of `model` where there is one, which is then its own teacher; else of
            the teacher that all candidates of a trainer share.
    """

    label: str = Field(default="", exclude=True)
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
        self._teacher = Teacher(
            dataset, self.teacher, work, seed=seed, tile_users=TILE_USERS, on_progress=on_progress
        )
        # One at a time is enough: candidates that share a model follow each other.
        self._fit_once = lru_cache(maxsize=1)(self._fit)

    def train(self, candidate: Candidate) -> TrainedModel:
        """Train a candidate; `seconds` are without the shared teacher's.

        Raises:
            SettingsError: It is not legal for this dataset, or its limits are too small.
        """
        started = time.perf_counter()
        fitted = None
        if candidate.model is not None:
            assert candidate.recipe is not None
            fitted = self._fit_once(candidate.model, candidate.recipe)
        if candidate.student is None:
            assert fitted is not None
            return fitted
        recipe: Settings
        if fitted is None:
            teacher, started = self._teacher.predictions(self.blend), time.perf_counter()
            recipe = DistillationRecipe(
                seed=self.seed,
                tile_users=TILE_USERS,
                teacher=self.teacher,
                blend=self.blend,
                student=candidate.student,
            )
        else:
            teacher, recipe = SelfTeacher(factors_of(fitted)), fitted.recipe
        student = fit_student(
            self._teacher.observed,
            teacher,
            candidate.student,
            tile_users=TILE_USERS,
            seed=self.seed,
            on_round=partial(self._teacher.report, "student"),
        )
        return Distilled.of(
            student,
            self.dataset,
            name=NAME,
            description="",
            recipe=recipe,
            seed=self.seed,
            seconds=time.perf_counter() - started,
        )

    def _fit(self, model: ModelSettings, recipe: Recipe) -> TrainedModel:
        return fit(
            model, recipe, self.dataset, lambda done, total, _: self._teacher.report(model.name, done, total)
        )


def candidate_model(
    dim: int, sides: Mapping[str, Family] | None = None, *, name: str = NAME, biases: bool = True
) -> ModelSettings:
    """Make the settings of a model to be fitted; a side that is not given is a full table."""
    return ModelSettings.model_validate(
        {"name": name, "description": "", "embedding_dim": dim, "biases": biases, **(sides or {})}
    )


def student_within(
    ids: int, *, max_bytes: int | None = None, max_parameters: int | None = None
) -> StudentSettings:
    """How many factors a student starts with, and in how many blocks, to make the most of a limit.

    Args:
        ids: Users and movies together.
        max_bytes: Most bytes of all arrays.
        max_parameters: Most logical scalars.
    """
    if max_bytes is not None:
        columns = max_bytes * 8 / ids / _BITS_A_VALUE
        blocks, packed_rounds = 5, 8
    else:
        assert max_parameters is not None
        columns = max_parameters / ids * _START_ABOVE_MEAN
        blocks, packed_rounds = 12, 3
    rank = min(max(round(columns) - 1, 1), MOST_FACTORS)
    if rank == MOST_FACTORS:
        packed_rounds = 1
    return StudentSettings(
        rank=rank,
        max_bytes=max_bytes,
        max_parameters=max_parameters,
        blocks=blocks,
        packed_rounds=packed_rounds,
    )


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
