"""Settings of the teacher and the students. They are frozen, and recorded in the manifest's recipe."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from training.settings import Settings

Member = Literal["ordinal", "gaussian", "auto_encoder", "variational"]


class BayesianFactorsSettings(Settings):
    """A Bayesian matrix factorisation (see `training.distillation.teacher.bayesian_factors`).

    Attributes:
        noise: `ordinal` (a probit with cut points between the ratings that occur) or `gaussian` (one
            precision for each user).
        rank: Number of factors of a user and of a movie, besides their biases.
        sweeps: Rounds of the Gibbs sampler.
        burn_in: Rounds that are discarded before the first sample.
        thin: After the burn-in, every `thin`-th round is kept as a sample.
        kernel_rank: Number of eigenvectors of the prior's kernel that are kept for each side.
        intercept_scale: Weight in the kernel of a mean that all ids share.
        implicit_scale: Weight of implicit feedback, i.e. which movies a user rated (Bayesian SVD++), and
            likewise which users rated a movie.
        genre_scale: Weight of genres and decade, if the data has them.
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
    def _at_least_one_sample(self) -> BayesianFactorsSettings:
        if self.burn_in + self.thin > self.sweeps:
            raise ValueError("sweeps must be at least burn_in + thin, or no sample is kept")
        return self


class VariationalSettings(Settings):
    """A variational matrix factorisation (see `training.factors.solver`).

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


class AutoEncoderSettings(Settings):
    """An item autoencoder (see `training.distillation.teacher.auto_encoder`).

    Attributes:
        hidden: Number of units of the hidden layer.
        observed_flag: Added to the input of every rated pair, so that the network sees which pairs are rated.
        weight_l2: Weight of half the squared norm of both weight matrices.
        learning_rate: Initial learning rate of Adam; it decays to zero along a cosine.
        batch_size: Movies per step.
        epochs: Passes over the movies.
    """

    hidden: Annotated[int, Field(ge=1, le=10_000)] = 500
    observed_flag: Annotated[float, Field(ge=0)] = 4.0
    weight_l2: Annotated[float, Field(ge=0)] = 2e-4
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    batch_size: Annotated[int, Field(ge=1)] = 64
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 12


class TeacherSettings(Settings):
    """Settings of the members that teachers are blended from; a member that no blend uses is not fitted."""

    ordinal: BayesianFactorsSettings = BayesianFactorsSettings(noise="ordinal")
    gaussian: BayesianFactorsSettings = BayesianFactorsSettings(noise="gaussian", sweeps=100)
    auto_encoder: AutoEncoderSettings = AutoEncoderSettings()
    variational: VariationalSettings = VariationalSettings()


class Blend(Settings):
    """A teacher: a weighted mean of members.

    Attributes:
        members: Names of the members.
        weights: Weight of each member, adding up to 1; None to find the weights on validation rows.
    """

    members: Annotated[tuple[Member, ...], Field(min_length=1)]
    weights: tuple[Annotated[float, Field(ge=0, le=1)], ...] | None = None

    @model_validator(mode="after")
    def _one_weight_per_member(self) -> Blend:
        if len(set(self.members)) != len(self.members):
            raise ValueError("members must not be repeated")
        if self.weights is not None:
            if len(self.weights) != len(self.members):
                raise ValueError("there must be one weight for each member")
            if abs(sum(self.weights) - 1) > 1e-6:
                raise ValueError("the weights must add up to 1")
        return self


class StudentSettings(Settings):
    """A dot-product model with biases, fitted to a teacher and packed (see `student`).

    Attributes:
        rank: Maximum number of factors; a factor that gets no bits on one side is dropped.
        max_bytes: Maximum bytes of all arrays together; None for no limit.
        max_parameters: Maximum number of logical scalars, each counted once, however many bits it has; None
            for no limit.
        blocks: Maximum number of blocks, by popularity, that the ids of each side are divided into.
        block_power: Block j of n ends at (j / n) ** block_power of the ids: popular blocks are smaller.
        float_rounds: Rounds of alternating least squares before any rounding; more on a sample of the pairs,
            while a round reduces the error against the teacher by 2% or more.
        packed_rounds: Rounds after the bits are allocated, on the codes themselves.
        propensity_rank: Rank of the estimated probability that a pair is rated, which weights the pairs.
        propensity_floor: Minimum weight, as a fraction of the weight from popularity alone.
        ridge: Added to the diagonal of each row's normal equations, as a fraction of its mean.
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
    """A model made by distillation: its name, its teacher and how it is fitted."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    description: str
    blend: Blend
    student: StudentSettings


class DistillationRecipe(Settings):
    """Everything that determines a distilled model, given the data; the manifest records it.

    Attributes:
        name: Always `distillation`.
        seed: Seed of every random draw.
        tile_users: Number of users whose predictions are in memory at a time.
        teacher: Settings of the members.
        blend: The members of the teacher, with the weights that were used.
        student: How the model was fitted to the teacher.
    """

    name: Literal["distillation"] = "distillation"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    tile_users: Annotated[int, Field(ge=1)] = 256
    teacher: TeacherSettings = TeacherSettings()
    blend: Blend
    student: StudentSettings
