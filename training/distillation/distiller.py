"""Distil models from a dataset: fit the teacher and its blends, then the students as Keras models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from training.artefact.fallback import Fallback
from training.data.dataset import Dataset, Examples
from training.distillation.base.settings import Blend, DistillationRecipe, DistilledModel, TeacherSettings
from training.distillation.base.work_folder import WorkFolder
from training.distillation.student.packing import check_limits, popularity_blocks
from training.distillation.student.student import Student, fit_student
from training.distillation.teacher.teacher import OnProgress, Teacher
from training.families import Packed
from training.fit.evaluation import Errors, evaluate_examples
from training.models.rating_model import RatingModel, build_rating_model
from training.models.trained import TrainedModel
from training.settings import ModelSettings, Settings


@dataclass(frozen=True)
class Distilled(TrainedModel):
    """A distilled model; its history is the `objective`, the weighted mean squared error against the teacher.

    `seconds` is the time for the teacher's members, their blend and the student, including steps that were
    computed by an earlier run.

    Attributes:
        student: Its tables.
    """

    student: Student

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
        """Wrap a student as a trained model."""
        history = {"objective": list(student.objective)}
        fallback = Fallback.from_biases(
            float(student.global_bias),
            student.users.values()[: dataset.users.warm, -1],
            student.movies.values()[: dataset.movies.warm, -1],
        )
        model = to_rating_model(name, description, student)
        return cls(model, recipe, seed, history, seconds, fallback, student)


@dataclass(frozen=True)
class Validated:
    """Blends and errors from the validation rows.

    Attributes:
        blends: The blend of each model, with weights.
        mse: Mean squared error on the validation rows, by member, blend (`0.6 a + 0.4 b`) or student.
    """

    blends: dict[str, Blend]
    mse: dict[str, float]


def check_limits_of(models: Sequence[DistilledModel], dataset: Dataset) -> None:
    """Check the limits of the models before hours are spent on a teacher.

    Raises:
        SettingsError: A limit is too small; the message names the smallest legal one.
    """
    for model in models:
        users, movies = (
            popularity_blocks(len(side), model.student.blocks, model.student.block_power)
            for side in (dataset.users, dataset.movies)
        )
        check_limits(model.student, users, movies)


class Distiller:
    """Distils models for one dataset, one seed and one set of members, and caches the steps."""

    def __init__(
        self,
        dataset: Dataset,
        work: WorkFolder,
        *,
        teacher: TeacherSettings | None = None,
        seed: int = 0,
        tile_users: int = 256,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Prepare the distillation; nothing is fitted yet.

        Args:
            dataset: The ratings to learn from.
            work: Cache of finished steps.
            teacher: Settings of the members.
            seed: Seed of every random draw.
            tile_users: Number of users whose predictions are in memory at a time.
            on_progress: Called to report progress.
        """
        self._dataset, self._seed, self._tile_users = dataset, seed, tile_users
        self._settings = teacher or TeacherSettings()
        self._teacher = Teacher(
            dataset, self._settings, work, seed=seed, tile_users=tile_users, on_progress=on_progress
        )

    def validate(self, models: Sequence[DistilledModel], *, with_students: bool) -> Validated:
        """Find the blends' weights on the dataset's validation rows.

        Args:
            models: The models with the blends; a blend that has weights keeps them.
            with_students: Whether to fit the students, too, and evaluate them on the validation rows.
        """
        blends, mse = {}, {}
        for model in models:
            found, members = self._teacher.find_blend(model.blend)
            blends[model.name] = found
            mse.update(members)
            if with_students:
                distilled = self.distil(model, found)
                name = f"{model.name}, {distilled.nbytes:,} bytes, {distilled.parameters:,} parameters"
                mse[name] = errors_on(distilled, self._dataset.validation, self._dataset).mse
        return Validated(blends, mse)

    def distil(self, model: DistilledModel, blend: Blend) -> Distilled:
        """Fit a model that is ready to publish.

        Args:
            model: The model.
            blend: Its teacher, with weights.

        Raises:
            SettingsError: A limit is too small for this many users and movies.
        """
        student = self._student(model, blend)
        recipe = DistillationRecipe(
            seed=self._seed,
            tile_users=self._tile_users,
            teacher=self._settings,
            blend=blend,
            student=model.student,
        )
        used = [name for name, weight in zip(blend.members, blend.weights or (), strict=True) if weight]
        steps = [*used, "blend", model.name]
        return Distilled.of(
            student,
            self._dataset,
            name=model.name,
            description=model.description,
            recipe=recipe,
            seed=self._seed,
            seconds=sum(self._teacher.seconds[name] for name in steps),
        )

    def _student(self, model: DistilledModel, blend: Blend) -> Student:
        teacher = self._teacher
        predictions = teacher.predictions(blend)

        def fit(_: Any) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
            student = fit_student(
                teacher.observed,
                predictions,
                model.student,
                tile_users=self._tile_users,
                seed=self._seed,
                on_round=lambda done, total: teacher.report(model.name, done, total),
            )
            return student.to_arrays(), {"bytes": student.nbytes, "parameters": student.parameter_count}

        decided_by = {
            "blend": teacher.blend_key(blend),
            "student": model.student.model_dump(mode="json"),
        }
        return Student.from_arrays(teacher.step(model.name, decided_by, fit).arrays)


def errors_on(trained: TrainedModel, examples: Examples, dataset: Dataset) -> Errors:
    """Compute the errors over all rows without Keras; the fallback predicts the cold rows."""
    predict = trained.student.predict if isinstance(trained, Distilled) else trained.predict
    return evaluate_examples(predict, trained.fallback, examples, dataset.users, dataset.movies)


def to_rating_model(name: str, description: str, student: Student) -> RatingModel:
    """Build a Keras model with the tables of a student.

    A user's embedding is (x, b_u, 1) and a movie's is (y, 1, c_i), so that their dot product includes both
    biases.
    """
    rank = student.rank
    settings = ModelSettings(
        name=name,
        description=description,
        embedding_dim=rank + 2,
        users=Packed(
            block_sizes=student.users.block_sizes,
            code_bytes=int(student.users.codes.size),
            ones_at=rank + 1,
        ),
        movies=Packed(
            block_sizes=student.movies.block_sizes,
            code_bytes=int(student.movies.codes.size),
            ones_at=rank,
        ),
        global_bias=True,
    )
    built = build_rating_model(settings, sum(student.users.block_sizes), sum(student.movies.block_sizes))
    built.indexed.get_layer("user_embedding").set_table(student.users)
    built.indexed.get_layer("movie_embedding").set_table(student.movies)
    built.indexed.get_layer("rating").global_bias.assign(student.global_bias)
    return built
