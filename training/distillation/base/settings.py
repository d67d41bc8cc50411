"""What a teacher and its students are made of. Frozen, and copied into the manifest's recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from training.settings import Settings

Member = Literal["ordinal", "gaussian", "auto_encoder"]


class BayesianFactorsSettings(Settings):
    """A Bayesian matrix factorisation (see `training.distillation.teacher.bayesian_factors`).

    Attributes:
        noise: `ordinal` (a probit with cut points between the ratings that occur) or `gaussian` (each
            user with a precision of their own).
        rank: Factors of a user and of a movie, besides their biases.
        sweeps: Rounds of the Gibbs sampler.
        burn_in: Rounds before the first one that counts.
        thin: From then on every so many rounds is a sample.
        kernel_rank: Eigenvectors of the prior's kernel that are kept, a side.
        intercept_scale: Weight in the kernel of a mean that all share.
        implicit_scale: Weight of "which ones were rated" (Bayesian SVD++ when on users, and its mirror).
        genre_scale: Weight of genres and decade, where the data has them.
    """

    noise: Literal["ordinal", "gaussian"] = "ordinal"
    rank: Annotated[int, Field(ge=1, le=512)] = 32
    sweeps: Annotated[int, Field(ge=2, le=10_000)] = 130
    burn_in: Annotated[int, Field(ge=0, le=10_000)] = 14
    thin: Annotated[int, Field(ge=1)] = 2
    kernel_rank: Annotated[int, Field(ge=1)] = 800
    intercept_scale: Annotated[float, Field(gt=0)] = 10.0
    implicit_scale: Annotated[float, Field(ge=0)] = 0.3
    genre_scale: Annotated[float, Field(ge=0)] = 0.3

    @model_validator(mode="after")
    def _some_round_counts(self) -> BayesianFactorsSettings:
        if self.burn_in + self.thin > self.sweeps:
            raise ValueError("sweeps must be at least burn_in + thin, or no round counts")
        return self


class AutoEncoderSettings(Settings):
    """An item autoencoder (see `training.distillation.teacher.auto_encoder`).

    Attributes:
        hidden: Units of the hidden layer.
        observed_flag: What is added to the input where there is a rating, so that "rated" shows.
        weight_l2: Weight of half the squared length of both weight matrices.
        learning_rate: Adam's, falling to zero along a cosine.
        batch_size: Movies a step.
        epochs: Passes over the movies.
    """

    hidden: Annotated[int, Field(ge=1, le=10_000)] = 500
    observed_flag: Annotated[float, Field(ge=0)] = 4.0
    weight_l2: Annotated[float, Field(ge=0)] = 2e-4
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    batch_size: Annotated[int, Field(ge=1)] = 64
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 12


class TeacherSettings(Settings):
    """The members that teachers are blended from; one that no student asks for is not fitted."""

    ordinal: BayesianFactorsSettings = BayesianFactorsSettings(noise="ordinal")
    gaussian: BayesianFactorsSettings = BayesianFactorsSettings(noise="gaussian", sweeps=100)
    auto_encoder: AutoEncoderSettings = AutoEncoderSettings()


class Blend(Settings):
    """A teacher: members and what each counts.

    Attributes:
        members: Which members.
        weights: What each counts, adding up to 1; None to find them on validation rows.
    """

    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    weights: tuple[Annotated[float, Field(ge=0, le=1)], ...] | None = None

    @model_validator(mode="after")
    def _one_weight_a_member(self) -> Blend:
        if len(set(self.members)) != len(self.members):
            raise ValueError("a member is named twice")
        if self.weights is not None:
            if len(self.weights) != len(self.members):
                raise ValueError("there must be one weight for each member")
            if abs(sum(self.weights) - 1) > 1e-6:
                raise ValueError("the weights must add up to 1")
        return self


class StudentSettings(Settings):
    """A dot-product model with biases, fitted to a teacher and packed (see `student`).

    Attributes:
        rank: Factors at most; those that get no bits on one side are left out.
        max_bytes: Most bytes of all arrays together; None is without limit.
        max_parameters: Most logical scalars, each counted once whatever its bits; None is without limit.
        blocks: Blocks of ids by popularity at most, on either side.
        block_power: Block j of n ends at (j / n) ** block_power of the ids: popular blocks are smaller.
        float_rounds: Rounds of alternating least squares before any rounding.
        packed_rounds: Rounds after the bits are allocated, on the codes themselves.
        propensity_rank: Rank of the estimate of how likely a pair is to be rated, which weighs the pairs.
        propensity_floor: Least weight, as a part of what popularity alone says.
        ridge: Added to the diagonal of each row's normal equations, as a part of its mean.
        code_sweeps: Passes of coordinate descent over a row's codes in one round.
    """

    rank: Annotated[int, Field(ge=1, le=512)]
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    max_parameters: Annotated[int, Field(ge=1)] | None = None
    blocks: Annotated[int, Field(ge=1, le=64)] = 5
    block_power: Annotated[float, Field(ge=1, le=4)] = 1.7
    float_rounds: Annotated[int, Field(ge=0, le=100)] = 3
    packed_rounds: Annotated[int, Field(ge=0, le=100)] = 8
    propensity_rank: Annotated[int, Field(ge=1, le=512)] = 30
    propensity_floor: Annotated[float, Field(gt=0, le=1)] = 0.1
    ridge: Annotated[float, Field(ge=0, le=1)] = 1e-3
    code_sweeps: Annotated[int, Field(ge=1, le=100)] = 4


class DistilledModel(Settings):
    """A model that is made by distillation: what it is called, who teaches it, how it is fitted."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    description: str
    blend: Blend
    student: StudentSettings


class DistillationRecipe(Settings):
    """All that decides a distilled model, given the data: what the manifest records.

    Attributes:
        name: Always `distillation`.
        seed: Of every random draw.
        tile_users: Users whose predictions are in memory at a time.
        teacher: The members.
        blend: Who of them taught, with the weights that were used.
        student: How the model was fitted to them.
    """

    name: Literal["distillation"] = "distillation"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    tile_users: Annotated[int, Field(ge=1)] = 256
    teacher: TeacherSettings = TeacherSettings()
    blend: Blend
    student: StudentSettings
