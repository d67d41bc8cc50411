"""Hyperparameters: what a model is, and how it is fitted. Frozen, and round trips through JSON.

Nothing here reads a file or the environment.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny

from training.families import FullTable
from training.families.family import Family, parse_family


class Settings(BaseModel):
    """Base of all frozen settings; a field that does not exist is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Side = Annotated[SerializeAsAny[Family], BeforeValidator(parse_family)]
"""How users or movies are embedded: the settings of any registered family."""


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
