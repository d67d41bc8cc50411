"""How much computation the budget search spends on each candidate."""

from __future__ import annotations

from typing import Final

from training.distillation.base.settings import BayesianFactorsSettings, StudentSettings, TeacherSettings
from training.settings import Recipe, Settings


class Effort(Settings):
    """Limits of computation; lower limits give worse models sooner.

    Attributes:
        least_ratings_to_teach: With fewer training ratings than this, no shared teacher is used, because a
            student learns as much from the ratings alone.
        teacher: The shared teacher; None for one that fits in minutes for any number of ratings.
        epochs: Maximum number of epochs; None for each recipe's own.
        rounds: Maximum number of rounds of least squares; None for the student's own.
        factors: Maximum number of factors of a packed student; None for the best number for the budget.
    """

    least_ratings_to_teach: int = 20_000
    teacher: TeacherSettings | None = None
    epochs: int | None = None
    rounds: int | None = None
    factors: int | None = None

    def teacher_for(self, ratings: int) -> TeacherSettings:
        """Return the shared teacher for this number of training ratings."""
        if self.teacher is not None:
            return self.teacher
        sweeps = 60 if ratings < 200_000 else 130 if ratings < 2_000_000 else 40
        return TeacherSettings(ordinal=BayesianFactorsSettings(noise="ordinal", sweeps=sweeps))

    def limit_recipe(self, recipe: Recipe) -> Recipe:
        """Return the recipe with its epochs limited."""
        epochs = recipe.epochs if self.epochs is None else min(self.epochs, recipe.epochs)
        return recipe.model_copy(update={"epochs": epochs})

    def limit_student(self, student: StudentSettings) -> StudentSettings:
        """Return the student with its factors and rounds limited."""
        rounds = student.float_rounds + student.packed_rounds if self.rounds is None else self.rounds
        return student.model_copy(
            update={
                "rank": min(student.rank, self.factors or student.rank),
                "float_rounds": min(student.float_rounds, rounds),
                "packed_rounds": min(student.packed_rounds, rounds),
            }
        )


FULL: Final = Effort()
