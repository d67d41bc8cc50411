"""Distil models from a dataset: fit the teacher and its blends, then the students as Keras models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.artefact.fallback import Fallback
from training.data.dataset import Dataset, Examples
from training.distillation.base.settings import Blend, DistilledModel
from training.distillation.student.student import Student, fit_student
from training.distillation.teacher.teacher import Teacher
from training.distillation.teacher.variational import VariationalMember
from training.families import Packed
from training.families.packed_table import PackedTable
from training.fit.evaluation import Errors, evaluate_examples
from training.models.rating_model import build_rating_model
from training.models.trained import TrainedModel
from training.settings import ModelSettings, Settings


@dataclass(frozen=True)
class Distilled(TrainedModel):
    """A distilled model; its history is the `objective`, the weighted mean squared error against the teacher.

    `seconds` is the time for the teacher's members, their blend and the student, including steps that were
    computed by an earlier run.

    Attributes:
        student: Its tables; it predicts in stars.
    """

    student: Student

    def predict_without_keras(
        self, user_index: NDArray[np.int32], movie_index: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return what `predict` does, up to rounding, from the student's tables."""
        return self.model.scale.from_stars(self.student.predict(user_index, movie_index))

    @classmethod
    def of(
        cls,
        student: Student,
        dataset: Dataset,
        *,
        name: str,
        description: str,
        recipe: Settings,
        seed: int,
        seconds: float,
    ) -> Distilled:
        """Build a Keras model with the tables of a student.

        A user's embedding is (x, b_u, 1) and a movie's is (y, 1, c_i), so that their dot product includes
        both biases.
        """

        def packed(table: PackedTable, ones_at: int) -> Packed:
            return Packed(block_sizes=table.block_sizes, code_bytes=int(table.codes.size), ones_at=ones_at)

        settings = ModelSettings(
            name=name,
            description=description,
            embedding_dim=student.rank + 2,
            users=packed(student.users, student.rank + 1),
            movies=packed(student.movies, student.rank),
            global_bias=True,
        )
        scale = dataset.scale
        model = build_rating_model(settings, len(dataset.users), len(dataset.movies), scale=scale)
        model.indexed.get_layer("user_embedding").set_table(student.users)
        model.indexed.get_layer("movie_embedding").set_table(student.movies)
        model.indexed.get_layer("rating").global_bias.assign(student.global_bias)
        fallback = Fallback.from_biases(
            float(student.global_bias),
            student.users.values()[: dataset.users.warm, -1],
            student.movies.values()[: dataset.movies.warm, -1],
            scale,
        )
        history = {"objective": [scale.unit**2 * error for error in student.objective]}
        return cls(model, recipe, seed, history, seconds, fallback, student)


def find_blends(
    teacher: Teacher, models: Sequence[DistilledModel], *, with_students: bool
) -> tuple[dict[str, Blend], dict[str, float]]:
    """Find the blends' weights on the validation rows of the teacher's dataset.

    Args:
        teacher: Fits the members.
        models: The models with the blends; a blend that has weights keeps them.
        with_students: Whether to fit the students, too, and evaluate them on the validation rows.

    Returns:
        The blend of each model, with weights, and the mean squared error on the validation rows by member,
        blend (`0.6 a + 0.4 b`) or student.
    """
    blends, mse = {}, {}
    for model in models:
        found, members = teacher.find_blend(model.blend)
        blends[model.name] = found
        mse.update(members)
        if with_students:
            distilled = distil(teacher, model, found)
            name = f"{model.name}, {distilled.nbytes:,} bytes, {distilled.parameters:,} parameters"
            mse[name] = errors_on(distilled, teacher.dataset.validation, teacher.dataset).mse
    return blends, mse


def distil(teacher: Teacher, model: DistilledModel, blend: Blend) -> Distilled:
    """Fit a model that is ready to publish, or load it if an earlier run fitted it.

    Args:
        teacher: Fits the members of the blend.
        model: The model.
        blend: Its teacher, with weights.

    Raises:
        SettingsError: A limit is too small for this many users and movies.
    """
    predictions = teacher.predictions(blend)

    def fit(_: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        student = fit_student(
            teacher.observed,
            predictions,
            model.student,
            teacher.tiles,
            seed=teacher.seed,
            # Other machines do not have the file of a blend's predictions.
            runner=teacher.runner if isinstance(predictions, VariationalMember) else None,
            on_round=partial(teacher.report, model.name),
        )
        return student.to_arrays(), {"bytes": student.nbytes, "parameters": student.parameter_count}

    decided_by = {"blend": teacher.blend_key(blend), "student": model.student.model_dump(mode="json")}
    student = Student.from_arrays(teacher.step(model.name, decided_by, fit).arrays)
    used = [name for name, weight in zip(blend.members, blend.weights or (), strict=True) if weight]
    return Distilled.of(
        student,
        teacher.dataset,
        name=model.name,
        description=model.description,
        recipe=teacher.recipe(blend, model.student),
        seed=teacher.seed,
        # A teacher that is kept as factors has no step `blend`.
        seconds=sum(teacher.seconds.get(name, 0.0) for name in [*used, "blend", model.name]),
    )


def errors_on(trained: TrainedModel, examples: Examples, dataset: Dataset) -> Errors:
    """Compute the errors over all rows without Keras; the fallback predicts the cold rows."""
    predict = trained.predict_without_keras if isinstance(trained, Distilled) else trained.predict
    return evaluate_examples(predict, trained.fallback, examples, dataset.users, dataset.movies)
