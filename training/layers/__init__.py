"""The project's Keras layers. Importing this package registers all of them, which loading a model needs."""

from training.layers.hash_embedding import HashEmbedding as HashEmbedding
from training.layers.id_lookup import IdLookup as IdLookup
from training.layers.lookup_embedding import LookupEmbedding as LookupEmbedding
from training.layers.md_embedding import MDEmbedding as MDEmbedding
from training.layers.packed_embedding import PackedEmbedding as PackedEmbedding
from training.layers.qr_embedding import QREmbedding as QREmbedding
from training.layers.rating_head import RatingHead as RatingHead
