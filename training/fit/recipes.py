"""Named recipes: how a model is fitted when nobody says otherwise."""

from __future__ import annotations

from typing import Final

from training.settings import Recipe

# The published training, which the published figures come from: rows in the file's order, which is by
# user, through a shuffle buffer (twice the published 10,000 rows: see decision 4).
REFERENCE: Final = Recipe(
    name="reference", batch_size=128, learning_rate=0.001, epochs=3, shuffle_window=20_000
)

# At least the same accuracy in a fraction of the time: larger batches, a larger step that falls to zero,
# and a held-out part of the training rows that ends fitting once it stops improving. Chosen on validation
# rows of MovieLens 1M.
DEFAULT: Final = Recipe(
    name="default",
    learning_rate=0.008,
    schedule="cosine",
    epochs=3,
    embedding_l2=0.01,
    validation_fraction=0.01,
    patience=1,
)

# For models with biases. Chosen on validation rows of MovieLens 1M and ml-latest-small: a stronger penalty
# and more passes than without biases, until held-out rows get no better.
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

# Projections already tie a block's rows together: mixed dimensions need less of the penalty.
BIASED_MIXED: Final = BIASED.model_copy(update={"name": "biased_mixed", "embedding_l2": 0.02})

# Nor does a product of two tables stand it: it falls to zero.
BIASED_QUOTIENT: Final = BIASED.model_copy(update={"name": "biased_quotient", "embedding_l2": 0.01})

RECIPES: Final = {recipe.name: recipe for recipe in (DEFAULT, REFERENCE)}
