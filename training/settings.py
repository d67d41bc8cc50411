"""Hyperparameters: what a model is and how it is fitted. Frozen; they round-trip through JSON.

They are never read from a file or the environment here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny

from training.errors import SettingsError
from training.families import FullTable
from training.families.family import Family, Popularity, parse_family


class Settings(BaseModel):
    """Base of all frozen settings; unknown fields are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Side = Annotated[SerializeAsAny[Family], BeforeValidator(parse_family)]
"""The settings of any registered family, for users or movies."""


class ModelSettings(Settings):
    """What a model is: the family of each side, and the common embedding dimension.

    Attributes:
        name: Name of the model and of its folder in the store.
        description: One line for readers.
        embedding_dim: Length of the embeddings whose dot product is the rating.
        users: How users are embedded.
        movies: How movies are embedded.
        biases: Whether each user and each movie has a bias that is added to its dot products; implies a
            global bias.
        global_bias: Whether a single trained bias is added to every dot product.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    description: str
    embedding_dim: Annotated[int, Field(ge=1, le=4096)] = 64
    users: Side = FullTable()
    movies: Side = FullTable()
    biases: bool = False
    global_bias: bool = False

    def resolve(
        self,
        num_users: int,
        num_movies: int,
        movie_popularity: Popularity | None = None,
        user_popularity: Popularity | None = None,
    ) -> ModelSettings:
        """Return the settings with every default filled in, as the manifest records them; idempotent.

        Args:
            num_users: Number of users in the vocabulary.
            num_movies: Number of movies in the vocabulary.
            movie_popularity: `(num_movies,)` number of training ratings of each movie, in index order. Only
                the power rule needs it.
            user_popularity: `(num_users,)` the same for users.

        Raises:
            SettingsError: If the settings are not valid for these numbers of users and movies.
        """
        sides: dict[str, Family] = {}
        for name, side, count, popularity in (
            ("users", self.users, num_users, user_popularity),
            ("movies", self.movies, num_movies, movie_popularity),
        ):
            if count < 1:
                raise SettingsError(f"there are no {name}; the smallest legal number of {name} is 1")
            try:
                sides[name] = side.resolve(count, self.embedding_dim, popularity)
            except SettingsError as error:
                raise SettingsError(f"{name}: {error}") from None
        return self.model_copy(update={**sides, "global_bias": self.global_bias or self.biases})


class Recipe(Settings):
    """How a model is fitted.

    Attributes:
        name: `reference`, `default`, or `custom` if any option overrides it.
        batch_size: Ratings per step; None for `training.fit.recipes.default_batch_size`.
        learning_rate: Initial learning rate of Adam.
        schedule: `constant`, or `cosine` down to zero over all epochs.
        epochs: Maximum number of passes over the training rows.
        shuffle_window: None shuffles all rows in each epoch; a number shuffles like a buffer of that many
            rows that reads a file.
        embedding_l2: Weight in the loss of the squared norm of the looked-up embeddings, per row, for a scale
            of width 5; on others, it is multiplied by (width / 5)².
        bias_l2: Weight in the loss of the squared looked-up biases, per row, likewise.
        validation_fraction: Part of the training rows held out for early stopping; 0 trains on all.
        patience: Epochs without a better validation loss before fitting stops; None never stops early.
        seed: Seed of the initial weights and of the row order.
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
