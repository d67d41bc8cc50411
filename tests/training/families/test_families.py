"""Every family that can be fitted passes the contract; packed tables are made from fitted ones."""

from __future__ import annotations

from tests.contracts.family_contract import FamilyContract
from training.families import FullTable, HashingTrick, MixedDimension, QuotientRemainder


class TestFullTable(FamilyContract):
    family = FullTable()
    parameter_count = (6_040 + 3_706) * 6


class TestHashingTrick(FamilyContract):
    family = HashingTrick()
    parameter_count = (120 + 74) * 6


class TestQuotientRemainder(FamilyContract):
    family = QuotientRemainder(operation="add")
    parameter_count = (120 + 51 + 74 + 51) * 6


class TestMixedDimension(FamilyContract):
    family = MixedDimension(temperature=0.5)
    # Users 652 / 2,119 / 3,269, movies 400 / 1,300 / 2,006, each 6, 5 and 3 wide.
    parameter_count = 652 * 6 + 2_119 * 5 + 3_269 * 3 + 400 * 6 + 1_300 * 5 + 2_006 * 3 + 2 * (5 + 3) * 6
