from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.artefact import UNKNOWN, Vocabulary, is_canonical_number

NUMBERED = Vocabulary.from_numbers(np.array([7, 0, 4_000_000_000]), "user_", warm=2)
TEXT = Vocabulary.from_texts(["zoë", "007", "1_0"], warm=1)


@pytest.mark.parametrize(
    ("raw", "index"),
    [
        (7, 0),
        ("7", 0),
        ("user_7", 0),
        ("user_0", 1),
        (4_000_000_000, 2),
        ("user_007", UNKNOWN),
        ("007", UNKNOWN),
        ("user_+7", UNKNOWN),
        ("user_1_0", UNKNOWN),
        (" user_7", UNKNOWN),
        ("user_7\n", UNKNOWN),
        ("user_٧", UNKNOWN),
        ("user_user_7", UNKNOWN),
        ("USER_7", UNKNOWN),
        ("", UNKNOWN),
        ("user_", UNKNOWN),
        (-1, UNKNOWN),
        (2**63, UNKNOWN),
        ("user_" + "9" * 400, UNKNOWN),
    ],
)
def test_numbered_vocabulary_accepts_only_the_canonical_number(raw: str | int, index: int) -> None:
    assert NUMBERED.index(raw) == index


@pytest.mark.parametrize(
    ("raw", "index"), [("zoë", 0), ("007", 1), ("7", UNKNOWN), ("1_0", 2), ("\ud800", UNKNOWN)]
)
def test_text_ids_match_verbatim(raw: str, index: int) -> None:
    assert TEXT.index(raw) == index


def test_canonical_adds_the_prefix_to_numbers() -> None:
    assert NUMBERED.canonical(7) == NUMBERED.canonical("7") == NUMBERED.canonical("user_7") == "user_7"
    assert NUMBERED.canonical("007") == "007"
    assert TEXT.canonical(7) == "7"


def test_index_outside_the_range_raises_index_error() -> None:
    assert [NUMBERED[0], NUMBERED[2], TEXT[2]] == ["user_7", "user_4000000000", "1_0"]
    for index in (-1, 3):
        with pytest.raises(IndexError):
            NUMBERED[index]
        with pytest.raises(IndexError):
            TEXT[index]


def test_duplicate_and_invalid_ids_are_rejected() -> None:
    with pytest.raises(ValueError, match="twice"):
        Vocabulary.from_numbers(np.array([3, 3]), "user_")
    with pytest.raises(ValueError, match="twice"):
        Vocabulary.from_numbers(np.array([3, 10**12, 3]), "user_")
    with pytest.raises(ValueError, match="twice"):
        Vocabulary.from_texts(["a", "a"])
    with pytest.raises(ValueError, match="between 0"):
        Vocabulary.from_numbers(np.array([-1]), "user_")
    with pytest.raises(ValueError, match="characters"):
        Vocabulary.from_texts([""])
    with pytest.raises(ValueError, match="warm"):
        Vocabulary.from_texts(["a"], warm=2)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays | {"offsets": arrays["offsets"][:-1]},
        lambda arrays: arrays | {"offsets": arrays["offsets"][::-1]},
        lambda arrays: arrays | {"order": arrays["order"][::-1]},
        lambda arrays: arrays | {"order": arrays["order"] + 1},
        lambda arrays: arrays | {"utf8": arrays["utf8"].astype(np.float32)},
        lambda arrays: arrays | {"utf8": np.full_like(arrays["utf8"], 255)},
        lambda arrays: {"numbers": np.zeros((2, 2), dtype=np.uint32)},
        lambda arrays: {},
    ],
)
def test_inconsistent_arrays_are_rejected(change: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each reason has its own words
        Vocabulary.from_arrays(change(TEXT.to_arrays()), None, 1)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, unique=True), st.data())
def test_numbers_round_trip(numbers: list[int], data: st.DataObject) -> None:
    warm = data.draw(st.integers(0, len(numbers)))
    made = Vocabulary.from_numbers(np.array(numbers, dtype=np.uint64), "m", warm)
    again = Vocabulary.from_arrays(made.to_arrays(), "m", warm)
    assert list(again) == [f"m{number}" for number in numbers]
    assert again.indices(list(again)).tolist() == list(range(len(numbers)))
    assert again.warm == warm


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=1, unique=True))
def test_texts_round_trip(texts: list[str]) -> None:
    made = Vocabulary.from_texts(texts)
    again = Vocabulary.from_arrays(made.to_arrays(), None, made.warm)
    assert list(again) == texts
    assert again.indices(texts).tolist() == list(range(len(texts)))
    order = np.arange(len(texts))[::-1]
    assert list(again.reordered(order, 0)) == texts[::-1]


@given(st.integers(0, 2**63 - 1))
def test_every_whole_number_has_one_canonical_form(number: int) -> None:
    assert is_canonical_number(str(number))
    for other in (f"0{number}", f"+{number}", f" {number}", f"{number}.0", f"-{number}"):
        assert not is_canonical_number(other)
