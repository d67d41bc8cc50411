"""Named recipes: how a model is fitted when nobody says otherwise."""

from __future__ import annotations

from typing import Final

from training.settings import Recipe

# The published training, which the published figures come from (shared by every model).
REFERENCE: Final = Recipe(name="reference", batch_size=128, learning_rate=0.001, epochs=3)

# At least the same accuracy in a fraction of the time: larger batches, a larger step that falls to zero,
# and a held-out part of the training rows that ends fitting once it stops improving. Chosen on validation
# rows of MovieLens 1M; a penalty on the embeddings helps the baseline and hurts quotient-remainder.
DEFAULT: Final = Recipe(
    name="default",
    learning_rate=0.003,
    schedule="cosine",
    epochs=4,
    validation_fraction=0.01,
    patience=1,
)

RECIPES: Final = {recipe.name: recipe for recipe in (DEFAULT, REFERENCE)}
