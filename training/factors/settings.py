"""Settings of the variational factorisation, and the model that `fit` trains with it, without Numba."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field

from training.settings import Settings


class VariationalSettings(Settings):
    """How factors are fitted (see `training.factors.solver`).

    The defaults were chosen on validation rows of MovieLens 1M.

    Attributes:
        rank: Number of factors of a user and of a movie, besides their biases.
        rounds: Maximum number of rounds; each solves for every user and every movie once.
        patience: Rounds without a validation error that is lower by `least_gain` before fitting stops.
        least_gain: Smallest decrease of the validation mean squared error that counts, in stars squared.
        first_spread: Standard deviation of the random factors at the start.
        noise_strength: Weight, in half ratings, of the common noise in the noise of each user and movie.
    """

    rank: Annotated[int, Field(ge=1, le=256)] = 24
    rounds: Annotated[int, Field(ge=1, le=1_000)] = 60
    patience: Annotated[int, Field(ge=1)] = 3
    least_gain: Annotated[float, Field(ge=0)] = 1e-4
    first_spread: Annotated[float, Field(gt=0, le=10)] = 0.3
    noise_strength: Annotated[float, Field(gt=0)] = 10.0


class VariationalModel(Settings):
    """A model of full tables that is fitted by variational updates."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    description: str
    factors: VariationalSettings = VariationalSettings()


class VariationalRecipe(Settings):
    """Everything that determines a variational model, given the data; the manifest records it.

    Attributes:
        name: Always `variational`.
        seed: Seed of the random factors at the start.
        validation_fraction: Part of the training rows held out, whose error ends the rounds; 0 runs all.
        factors: Settings of the solver.
    """

    name: Literal["variational"] = "variational"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.01
    factors: VariationalSettings = VariationalSettings()


VB: Final = VariationalModel(
    name="vb", description="24 factors and a bias for each user and each movie, by variational Bayes."
)

VARIATIONAL: Final[Mapping[str, VariationalModel]] = MappingProxyType({VB.name: VB})
"""The models that are fitted by variational updates, by name."""
