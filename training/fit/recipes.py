"""Named recipes: the default ways to fit a model."""

from __future__ import annotations

from typing import Final

from training.settings import Recipe

# The published training, which gives the published figures: rows in the order of the file, which is by
# user, through a shuffle buffer of the published size (decision 4).
REFERENCE: Final = Recipe(
    name="reference", batch_size=128, learning_rate=0.001, epochs=3, shuffle_window=10_000
)

# At least the same accuracy in a fraction of the time: larger batches, a larger learning rate that decays to
# zero, and early stopping on held-out training rows. Chosen on validation rows of MovieLens 1M.
DEFAULT: Final = Recipe(
    name="default",
    learning_rate=0.008,
    schedule="cosine",
    epochs=3,
    embedding_l2=0.01,
    validation_fraction=0.01,
    patience=1,
)

# For models with biases: a stronger penalty and more epochs than without biases, with early stopping. Chosen
# on validation rows of MovieLens 1M and ml-latest-small.
BIASED: Final = Recipe(
    name="biased",
    learning_rate=0.008,
    schedule="cosine",
    epochs=12,
    embedding_l2=0.05,
    bias_l2=0.005,
    validation_fraction=0.05,
    patience=2,
)

# The projections already couple the rows of a block, so mixed dimensions need a weaker penalty.
BIASED_MIXED: Final = BIASED.model_copy(update={"name": "biased_mixed", "embedding_l2": 0.02})

# With the stronger penalty, a product of two tables collapses to zero.
BIASED_QUOTIENT: Final = BIASED.model_copy(update={"name": "biased_quotient", "embedding_l2": 0.01})

RECIPES: Final = {recipe.name: recipe for recipe in (DEFAULT, REFERENCE)}

# Steps per epoch from 2,097,152 rows.
_MOST_STEPS: Final = 512


def default_batch_size(rows: int) -> int:
    """Return the batch size of a recipe without one.

    It gives about 200 steps per epoch, more beyond 819,200 rows, and 512 from 2,097,152 rows. A step's cost
    grows with the tables, because Adam updates each of their values, so larger data needs larger batches.

    Args:
        rows: Number of training rows.
    """
    return min(max(rows // 200, 256), max(rows // _MOST_STEPS, 4096))
