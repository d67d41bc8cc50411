"""How much is spent on each thing that a budget allows."""

from __future__ import annotations

from typing import Final

from training.distillation.base.settings import BayesianFactorsSettings, StudentSettings, TeacherSettings
from training.settings import Recipe, Settings


class Effort(Settings):
    """How much to spend; less of it makes worse models sooner.

    Attributes:
        least_ratings_to_teach: Below so many training ratings nothing is distilled from a shared teacher,
            which would have nothing to teach that its student could not learn itself.
        teacher: The shared teacher; None for one whose fit takes minutes, whatever the number of ratings.
        epochs: Passes over the ratings at most; None for each recipe's own.
        rounds: Rounds of least squares at most; None for the student's own.
        factors: Factors of a packed student at most; None for as many as the budget is best spent on.
    """

    least_ratings_to_teach: int = 20_000
    teacher: TeacherSettings | None = None
    epochs: int | None = None
    rounds: int | None = None
    factors: int | None = None

    def teacher_for(self, ratings: int) -> TeacherSettings:
        """The shared teacher for so many training ratings."""
        if self.teacher is not None:
            return self.teacher
        sweeps = 60 if ratings < 200_000 else 130 if ratings < 2_000_000 else 40
        return TeacherSettings(ordinal=BayesianFactorsSettings(noise="ordinal", sweeps=sweeps))

    def limit_recipe(self, recipe: Recipe) -> Recipe:
        """The recipe with no more epochs than this."""
        epochs = recipe.epochs if self.epochs is None else min(self.epochs, recipe.epochs)
        return recipe.model_copy(update={"epochs": epochs})

    def limit_student(self, student: StudentSettings) -> StudentSettings:
        """The student with no more factors and rounds than this."""
        rounds = student.float_rounds + student.packed_rounds if self.rounds is None else self.rounds
        return student.model_copy(
            update={
                "rank": min(student.rank, self.factors or student.rank),
                "float_rounds": min(student.float_rounds, rounds),
                "packed_rounds": min(student.packed_rounds, rounds),
            }
        )


FULL: Final = Effort()
