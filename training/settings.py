"""Hyperparameters: what a model is, and how it is fitted. Frozen, and round trips through JSON.

Nothing here reads a file or the environment.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Operation = Literal["multiply", "add", "concatenate"]


class Settings(BaseModel):
    """Base of all frozen settings; a field that does not exist is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FullTable(Settings):
    """One embedding row per id."""

    family: Literal["full"] = "full"


class QuotientRemainder(Settings):
    """Two small tables; index i reads rows i // num_buckets and i % num_buckets (arXiv:1909.02107).

    Attributes:
        num_buckets: Rows of the remainder table; None for `default_num_buckets` of the vocabulary.
        quotient_rows: Rows of the quotient table; None for the fewest that hold every id, `num_buckets` for
            as many as the remainder table has (the published layout).
        operation: How the two embeddings become one.
    """

    family: Literal["quotient_remainder"] = "quotient_remainder"
    num_buckets: Annotated[int, Field(ge=1)] | None = None
    quotient_rows: Annotated[int, Field(ge=1)] | Literal["num_buckets"] | None = None
    operation: Operation = "multiply"


class MixedDimension(Settings):
    """Blocks of ids by falling popularity, each with its own width, projected to one (arXiv:1909.11810).

    Give `block_dims`, or a `temperature` (power rule), or a `parameter_budget` (solved through the
    power rule), not two of them. With none, each block is half as wide as the one before, as published.

    Attributes:
        block_sizes: Ids in each block, most popular first; None for `default_block_sizes`.
        block_dims: Width of each block.
        temperature: alpha of the power rule d_i ~ popularity_i ** alpha.
        parameter_budget: Most parameters that tables and projections may have together.
        extra_row: Whether each block's table has one row more than ids (the published layout).
        projection_bias: Whether a projection adds a bias (the published layout; the paper's has none).
    """

    family: Literal["mixed_dimension"] = "mixed_dimension"
    block_sizes: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    block_dims: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    parameter_budget: Annotated[int, Field(ge=1)] | None = None
    extra_row: bool = False
    projection_bias: bool = False


class HashingTrick(Settings):
    """One small table; ids whose hashes meet share a row (arXiv:0902.2206). The yardstick of the others.

    Attributes:
        num_buckets: Rows of the table; None for `default_num_buckets` of the vocabulary.
    """

    family: Literal["hashing_trick"] = "hashing_trick"
    num_buckets: Annotated[int, Field(ge=1)] | None = None


class Packed(Settings):
    """A table in few bits, in blocks of ids by falling popularity; packed from what was fitted or distilled.

    Attributes:
        block_sizes: Ids in each block, most popular first; None for one block.
        code_bytes: Bytes of all codes; None for 8 bits a value.
        ones_at: Place in the embedding of a column of ones, which takes the other side's bias; None for
            no such column.
    """

    family: Literal["packed"] = "packed"
    block_sizes: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    code_bytes: Annotated[int, Field(ge=1)] | None = None
    ones_at: Annotated[int, Field(ge=0)] | None = None


Side = Annotated[
    FullTable | QuotientRemainder | MixedDimension | HashingTrick | Packed, Field(discriminator="family")
]


class ModelSettings(Settings):
    """What a model is: the family of each side, and the width that both meet in.

    Attributes:
        name: Name of the model and of its folder in the store.
        description: One line for people.
        embedding_dim: Length of the embeddings whose dot product is the rating.
        users: How users are embedded.
        movies: How movies are embedded.
        biases: Whether each user and each movie has a bias that is added to its dot products; implies a
            global bias.
        global_bias: Whether one more weight is added to every dot product.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    description: str
    embedding_dim: Annotated[int, Field(ge=1, le=4096)] = 64
    users: Side = FullTable()
    movies: Side = FullTable()
    biases: bool = False
    global_bias: bool = False


class Recipe(Settings):
    """How a model is fitted.

    Attributes:
        name: `reference`, `default`, or `custom` once anything was changed by hand.
        batch_size: Ratings a step; None for a 200th of the training rows, within 256 and 4,096.
        learning_rate: Adam's, at the start.
        schedule: `constant`, or `cosine` down to zero over all epochs.
        epochs: Passes over the training rows, at most.
        shuffle_window: None shuffles all rows anew each epoch; a number shuffles them as a buffer of so many
            rows over a file does.
        embedding_l2: Weight of the squared length of the looked-up embeddings in the loss, a row.
        bias_l2: Weight of the squares of the looked-up biases in the loss, a row.
        validation_fraction: Part of the training rows held out for early stopping; 0 trains on all.
        patience: Epochs without a better validation loss before fitting stops; None never stops early.
        seed: Of initial weights and of the order of rows.
    """

    name: str
    batch_size: Annotated[int, Field(ge=1, le=2**20)] | None = None
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    schedule: Literal["constant", "cosine"] = "constant"
    epochs: Annotated[int, Field(ge=1, le=10_000)]
    shuffle_window: Annotated[int, Field(ge=1)] | None = None
    embedding_l2: Annotated[float, Field(ge=0, le=100)] = 0.0
    bias_l2: Annotated[float, Field(ge=0, le=100)] = 0.0
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    patience: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
