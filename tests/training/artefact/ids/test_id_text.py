"""Bulk lookups of ids agree with single lookups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.artefact import UNKNOWN, Vocabulary
from training.artefact.ids.id_text import IdTexts

NUMBERS = [7, 0, 12, 345, 99_999_999, 100_000_000, 4_000_000_000, 2**53 + 1, 10**18 - 1, 10**18, 2**63 - 1]
VOCABULARIES = {
    "sparse": Vocabulary.from_numbers(np.array(NUMBERS, dtype=np.uint64), "user_"),
    "ascending": Vocabulary.from_numbers(np.array(sorted(NUMBERS), dtype=np.uint64), "user_"),
    "dense": Vocabulary.from_numbers(np.array([3, 1, 2, 0, 9]), "u"),
    "no prefix": Vocabulary.from_numbers(np.array([3, 1, 2, 0, 9]), ""),
    "long prefix": Vocabulary.from_numbers(np.array([3, 1, 10]), "customer-number:"),
    "text": Vocabulary.from_texts(
        ["a", "aa", "a\x00", "zoë", "zo", "007", "abcdefgh", "abcdefghi", "x" * 200, "7"]
    ),
}
odd = st.sampled_from(
    [
        *("user_7", "user_0", "user_007", "user_", "user_+7", "user_1_0", "", "user_user_7", "user_\u0667"),
        *(
            "u3",
            "u03",
            "u",
            "uu3",
            "3",
            "03",
            "1e3",
            "customer-number:3",
            "customer-number:",
            "customer-numbe3",
        ),
        *("abcdefgh", "abcdefghi", "abcdefg", "zoë", "zo\u0308e", "\ud800", "a\x00", "a\n", "\n", "x" * 200),
        *(f"user_{number}" for number in NUMBERS),
        *map(str, NUMBERS),
        *("9" * digits for digits in range(1, 30)),
    ]
)
raw_ids = st.lists(
    odd | st.sampled_from(NUMBERS) | st.integers(-5, 2**70) | st.text(max_size=12), max_size=12
)


@pytest.mark.parametrize("name", VOCABULARIES)
@given(raws=raw_ids)
def test_bulk_lookup_equals_single_lookups(name: str, raws: list[str | int]) -> None:
    vocabulary = VOCABULARIES[name]
    for own in (raws, [raw for raw in raws if isinstance(raw, str)], [r for r in raws if isinstance(r, int)]):
        assert vocabulary.indices(own).tolist() == [vocabulary.index(raw) for raw in own]


@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_id_is_found_in_any_order(name: str) -> None:
    vocabulary = VOCABULARIES[name]
    ids = list(vocabulary)
    assert vocabulary.indices(ids[::-1]).tolist() == list(range(len(ids)))[::-1]
    assert vocabulary.indices([*ids, "nobody"]).tolist()[-1] == UNKNOWN


@given(st.lists(st.text(max_size=40).filter(lambda text: "\n" not in text), min_size=2, max_size=9))
def test_texts_are_compared_in_byte_order(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass") for text in texts]
    one, other = IdTexts.of(texts), IdTexts.of(texts[1:] + texts[:1])
    assert one is not None and other is not None
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    expected = [
        (mine > theirs) - (mine < theirs)
        for mine, theirs in zip(encoded, encoded[1:] + encoded[:1], strict=True)
    ]
    assert one.compared(other).tolist() == expected
    assert [one[place] for place in range(len(texts))] == texts
