"""The embedding families, one module each: settings, Keras layer and NumPy tables.

To add a family:

1. Write a module here with a subclass of `LookupFamily`, decorated with `@register`. It declares the
   settings, the shapes of the tables and the lookup; tests/training/families/shared_tail.py is an example.
2. Import it below: this registers the family for settings, the trainer, the archive reader and the service.
3. Test it with a subclass of `FamilyContract` in tests/training/families/test_families.py.

The section "Add an embedding family" of docs/architecture.md has the details, including families that need a
Keras layer of their own. Nothing here imports Keras, because the service reads tables through these modules.
"""

from training.families.full import FullTable as FullTable
from training.families.hashing_trick import HashingTrick as HashingTrick
from training.families.mixed_dimension import MixedDimension as MixedDimension
from training.families.packed import Packed as Packed
from training.families.quotient_remainder import QuotientRemainder as QuotientRemainder
