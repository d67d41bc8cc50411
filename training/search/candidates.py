"""Candidate models and their training: by gradients, optionally packed afterwards, or by distillation.

The budget search and the frontier both compare size and error of many models on one dataset. A `Candidate`
describes a model to train; a `CandidateTrainer` trains it and fits the shared teacher only once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Final

import numpy as np
from pydantic import Field

from training.distillation.base.settings import Blend, StudentSettings
from training.distillation.base.tiles import Predictions
from training.distillation.distiller import Distilled
from training.distillation.student.factors import Factors
from training.distillation.student.student import fit_student
from training.distillation.teacher.teacher import Teacher
from training.factors.settings import VariationalModel, VariationalRecipe
from training.factors.trained import fit_variational_model
from training.families.family import Family
from training.fit.fitting import fit
from training.models.trained import TrainedModel
from training.settings import ModelSettings, Recipe, Settings

NAME: Final = "candidate"
# Chosen on validation rows of MovieLens 1M. At two bits per value, another column reduces the error more than
# another bit; beyond 40 columns, bits do. If parameters are limited, each has 8 bits, and rare ids lack the
# last columns; more blocks give a finer choice of where that begins.
_BITS_A_VALUE: Final = 2.1
MOST_FACTORS: Final = 40
_START_ABOVE_MEAN: Final = 1.4

ONE_CHAIN: Final = Blend(members=("ordinal",), weights=(1.0,))
"""The strongest single teacher: one Gibbs sampler."""


class Candidate(Settings):
    """A model to train.

    Attributes:
        label: Short description; it does not affect training, so records omit it.
        model: Model to fit according to `recipe`; None to distil only.
        recipe: How to fit `model`: by gradients, or full tables with biases by variational updates.
        student: Packed student to fit, if any. Its teacher is `model` if given, otherwise the teacher that
            all candidates of a trainer share.
    """

    label: str = Field(default="", exclude=True)
    model: ModelSettings | None = None
    recipe: Recipe | VariationalRecipe | None = None
    student: StudentSettings | None = None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks of its training, as they are reported, besides those of the shared teacher."""
        fitted = () if self.model is None else (fit_task(self.model),)
        return fitted if self.student is None else (*fitted, self.student_task)

    @property
    def student_task(self) -> str:
        """The name of the task that fits the student."""
        return "student" if self.model is None else f"{self.model.name} (packed)"

    @property
    def family(self) -> str:
        """The family of the tables; `mixed` if the sides differ."""
        if self.student is not None or self.model is None:
            return "packed"
        families = {self.model.users.family, self.model.movies.family}
        return families.pop() if len(families) == 1 else "mixed"


class CandidateTrainer:
    """Trains candidates on one dataset.

    Attributes:
        teacher: The shared teacher of all distilled candidates. Its dataset, which has validation rows, and
            its seed are used for everything, but a candidate's recipe has its own seed.
    """

    def __init__(self, teacher: Teacher) -> None:
        self.teacher = teacher
        # A cache of one model is enough, because candidates that share a model are consecutive.
        self._fit_once = lru_cache(maxsize=1)(self._fit)

    def train(self, candidate: Candidate) -> TrainedModel:
        """Train a candidate; `seconds` excludes the time of the shared teacher.

        Raises:
            SettingsError: If it is not valid for this dataset, or its limits are too small.
        """
        teacher, started = self.teacher, time.perf_counter()
        fitted = None
        if candidate.model is not None:
            assert candidate.recipe is not None
            fitted = self._fit_once(candidate.model, candidate.recipe)
        if candidate.student is None:
            assert fitted is not None
            return fitted
        recipe: Settings
        predictions: Predictions
        if fitted is None:
            predictions, started = teacher.predictions(ONE_CHAIN), time.perf_counter()
            recipe = teacher.recipe(ONE_CHAIN, candidate.student)
        else:
            # The model is the teacher of its own packed form.
            predictions, recipe = factors_of(fitted), fitted.recipe
        student = fit_student(
            teacher.observed,
            predictions,
            candidate.student,
            teacher.tiles,
            seed=teacher.seed,
            on_round=partial(teacher.report, candidate.student_task),
        )
        return Distilled.of(
            student,
            teacher.dataset,
            name=NAME,
            description="",
            recipe=recipe,
            seed=teacher.seed,
            seconds=time.perf_counter() - started,
        )

    def _fit(self, model: ModelSettings, recipe: Recipe | VariationalRecipe) -> TrainedModel:
        teacher, task = self.teacher, fit_task(model)

        def report(done: int, total: int, _: object) -> None:
            teacher.report(task, done, total)

        if isinstance(recipe, VariationalRecipe):
            fitted = fit_variational_model(
                VariationalModel(name=model.name, description=model.description, factors=recipe.factors),
                teacher.dataset,
                seed=recipe.seed,
                validation_fraction=recipe.validation_fraction,
                on_round=report,
            )
        else:
            fitted = fit(model, recipe, teacher.dataset, report)
        teacher.report(task, 1, 1)  # it may have stopped early
        return fitted


def fit_task(model: ModelSettings) -> str:
    """Return the name of the task that fits a candidate's model."""
    return f"{model.name} (fitted)"


def candidate_model(
    dim: int, sides: Mapping[str, Family] | None = None, *, name: str = NAME, biases: bool = True
) -> ModelSettings:
    """Return the settings of a candidate model; a side that is not given is a full table."""
    return ModelSettings.model_validate(
        {"name": name, "description": "", "embedding_dim": dim, "biases": biases, **(sides or {})}
    )


def student_within(
    ids: int, *, max_bytes: int | None = None, max_parameters: int | None = None
) -> StudentSettings:
    """Return student settings (initial factors, blocks, rounds) that make the most of a limit.

    Args:
        ids: Number of users and movies together.
        max_bytes: Maximum bytes of all arrays.
        max_parameters: Maximum number of logical scalars.
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


def factors_of(fitted: TrainedModel) -> Factors:
    """Convert a fitted model with biases, of any families, to plain factors."""
    assert fitted.settings.biases
    layer = fitted.model.indexed.get_layer
    tables = []
    for side, count in (("user", fitted.model.num_users), ("movie", fitted.model.num_movies)):
        index = np.arange(count, dtype=np.int32)
        parts = [np.asarray(layer(f"{side}_{what}")(index)) for what in ("embedding", "bias")]
        tables.append(np.concatenate(parts, axis=1).astype(np.float32))
    return Factors(tables[0], tables[1], float(np.asarray(layer("rating").global_bias)))
