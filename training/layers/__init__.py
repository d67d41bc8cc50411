"""The project's Keras layers. Importing this package registers all of them, which loading a model needs."""

from training.layers.hash_embedding import HashEmbedding
from training.layers.id_lookup import IdLookup
from training.layers.lookup_embedding import LookupEmbedding
from training.layers.md_embedding import MDEmbedding
from training.layers.packed_embedding import PackedEmbedding
from training.layers.qr_embedding import QREmbedding
from training.layers.rating_head import RatingHead

__all__ = [
    "HashEmbedding",
    "IdLookup",
    "LookupEmbedding",
    "MDEmbedding",
    "PackedEmbedding",
    "QREmbedding",
    "RatingHead",
]
