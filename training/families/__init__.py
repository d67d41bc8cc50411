"""The embedding families, one module each: settings, Keras layer and NumPy tables.

Importing this package registers them. A new family is one module and one line here (docs/architecture.md).
Nothing here imports Keras, because the service reads model tables through these modules.
"""

from training.families.full import FullTable as FullTable
from training.families.hashing_trick import HashingTrick as HashingTrick
from training.families.mixed_dimension import MixedDimension as MixedDimension
from training.families.packed import Packed as Packed
from training.families.quotient_remainder import QuotientRemainder as QuotientRemainder
