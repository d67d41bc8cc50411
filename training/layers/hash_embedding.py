"""Hashing-trick embedding (Weinberger et al. 2009, arXiv:0902.2206): the baseline for compact tables."""

from __future__ import annotations

from typing import Any

import keras

from training.layers.legal import PACKAGE
from training.layers.lookup_embedding import LookupEmbedding


@keras.saving.register_keras_serializable(package=PACKAGE)
class HashEmbedding(LookupEmbedding):
    """Embeds an id with the table row at its hash; ids with colliding hashes share one embedding.

    Shi et al. (arXiv:1909.02107) compare the quotient-remainder trick with it. The arguments are those of
    `LookupEmbedding` and the settings of `training.families.HashingTrick`, which has the hash function.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, num_buckets: int, **kwargs: Any) -> None:
        settings = {"family": "hashing_trick", "num_buckets": num_buckets}
        super().__init__(num_embeddings, embedding_dim, settings, **kwargs)
