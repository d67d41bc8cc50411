"""Settings of the variational factorisation, and the model that `fit` trains with it, without Numba."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field

from training.distillation.base.settings import VariationalSettings
from training.settings import Settings


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
