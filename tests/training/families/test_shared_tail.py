from __future__ import annotations

from tests.contracts.family_contract import FamilyContract
from tests.training.families.shared_tail import SharedTail


class TestSharedTail(FamilyContract):
    family = SharedTail(own_rows=20)
    parameter_count = (21 + 21) * 6
