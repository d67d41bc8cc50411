"""Quotient-remainder embedding (Shi et al. 2019, arXiv:1909.02107)."""

from __future__ import annotations

from typing import Any

import keras

from training.layers.legal import PACKAGE
from training.layers.lookup_embedding import LookupEmbedding


@keras.saving.register_keras_serializable(package=PACKAGE)
class QREmbedding(LookupEmbedding):
    """Embeds many ids with two small tables instead of one large one; no two ids share an embedding.

    In the paper (arXiv:1909.02107, section 2): |S| is `num_embeddings`, m is `num_buckets`, D is
    `embedding_dim`, W1 is `remainder`, W2 is `quotient`, and the operation is `operation`.

    The arguments are those of `LookupEmbedding` and the settings of `training.families.QuotientRemainder`.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        num_buckets: int,
        operation: str = "multiply",
        quotient_rows: int | None = None,
        **kwargs: Any,
    ) -> None:
        settings = {
            "family": "quotient_remainder",
            "num_buckets": num_buckets,
            "quotient_rows": quotient_rows,
            "operation": operation,
        }
        super().__init__(num_embeddings, embedding_dim, settings, **kwargs)
