"""Embedding families, a module each: their settings, what Keras layer they are, and their tables in NumPy.

Importing this package registers them. A new family is one module and one line here (docs/architecture.md).
Nothing here imports Keras: the service reads its tables through these modules.
"""

from training.families.full import FullTable as FullTable
from training.families.hashing_trick import HashingTrick as HashingTrick
from training.families.mixed_dimension import MixedDimension as MixedDimension
from training.families.packed import Packed as Packed
from training.families.quotient_remainder import QuotientRemainder as QuotientRemainder
