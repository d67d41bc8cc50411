"""Hashing-trick embedding (Weinberger et al. 2009, arXiv:0902.2206): the yardstick of compact tables."""

from __future__ import annotations

from typing import Any

import keras

from training.layers.legal import PACKAGE
from training.layers.lookup_embedding import LookupEmbedding


@keras.saving.register_keras_serializable(package=PACKAGE)
class HashEmbedding(LookupEmbedding):
    """Embeds an id by the row that its hash names; ids whose hashes meet share the row, and are one.

    This is what Shi et al. (arXiv:1909.02107) hold the quotient-remainder trick against;
    `training.families.HashingTrick` has the hash.

    Args:
        num_embeddings: How many indices there are.
        embedding_dim: Length of an embedding.
        num_buckets: Rows of the table; may be more than there are indices.
        **kwargs: Of `LookupEmbedding`.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, num_buckets: int, **kwargs: Any) -> None:
        settings = {"family": "hashing_trick", "num_buckets": num_buckets}
        super().__init__(num_embeddings, embedding_dim, settings, **kwargs)
