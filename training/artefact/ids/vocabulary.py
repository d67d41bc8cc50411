"""The two-way map between ids and indices, stored as arrays and not as Python strings.

An id is text. Most data sets number their users and movies; such ids are stored as a prefix and an
unsigned integer each (`user_` + 7), all others in one UTF-8 buffer. The archive stores these arrays
unchanged (`to_arrays`), so a vocabulary of millions of ids loads without parsing:

| ids | arrays |
| --- | --- |
| numbered | `numbers (n,)` uint32 or uint64, in index order |
| text | `utf8 (bytes,)` uint8, `offsets (n + 1,)` uint32 or uint64, `order (n,)` int32: indices in byte order of their ids |

The index of an id is its position. The first `warm` ids have training ratings and the rest have none, so
the cold ids need no array of their own.
"""  # noqa: E501 - a table row

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from training.artefact.ids.id_text import IdTexts

UNKNOWN: Final = -1
MAX_ID_LENGTH: Final = 256
_MAX_NUMBER: Final = 2**63 - 1
_MAX_DIGITS: Final = len(str(_MAX_NUMBER))
# A dense table from number to index is used if it has at most this many slots per id.
_DENSE_SLOTS_PER_ID: Final = 4
# Ids checked in one step while a vocabulary is validated; limits the memory used.
_CHECKED_IDS: Final = 262_144

RawId = str | int
Arrays = Mapping[str, NDArray[Any]]


def is_canonical_number(text: str) -> bool:
    """Return whether `text` is a whole number in canonical form: no sign, no leading zero."""
    return (
        text.isdecimal()
        and text.isascii()
        and (text[0] != "0" or text == "0")
        and len(text) <= _MAX_DIGITS
        and int(text) <= _MAX_NUMBER
    )


class Vocabulary(ABC):
    """Ids in index order, created by `from_numbers`, `from_texts` or `from_arrays`.

    Attributes:
        warm: How many ids, from the first, have training ratings.
        prefix: Prefix of every numbered id (`user_`), or None if ids are arbitrary text.
    """

    prefix: str | None = None

    def __init__(self, warm: int | None) -> None:
        self.warm = len(self) if warm is None else warm
        if not 0 <= self.warm <= len(self):
            raise ValueError(f"warm must be between 0 and {len(self)}, got {self.warm}")

    @staticmethod
    def from_numbers(numbers: NDArray[Any], prefix: str, warm: int | None = None) -> Vocabulary:
        """Make a vocabulary of the ids `prefix + str(number)`.

        Args:
            numbers: `(n,)` distinct non-negative whole numbers, in index order.
            prefix: Text before each number.
            warm: How many of them, from the first, have training ratings; all by default.

        Raises:
            ValueError: If a number is negative or occurs twice.
        """
        if numbers.size and (int(numbers.min()) < 0 or int(numbers.max()) > _MAX_NUMBER):
            raise ValueError("an id number must be between 0 and 2**63 - 1")
        return NumberedVocabulary(_smallest_unsigned(numbers), prefix, warm)

    @staticmethod
    def from_texts(texts: Sequence[str], warm: int | None = None) -> Vocabulary:
        """Make a vocabulary of arbitrary texts, kept verbatim.

        Args:
            texts: Distinct, non-empty texts of at most `MAX_ID_LENGTH` characters, in index order.
            warm: How many of them, from the first, have training ratings; all by default.

        Raises:
            ValueError: If an id is empty, too long or a duplicate.
        """
        if any(not 0 < len(text) <= MAX_ID_LENGTH for text in texts):
            raise ValueError(f"an id must have between 1 and {MAX_ID_LENGTH} characters")
        encoded = [text.encode() for text in texts]
        ends = np.cumsum([len(item) for item in encoded], dtype=np.uint64)
        offsets = _smallest_unsigned(np.concatenate([np.zeros(1, dtype=np.uint64), ends]))
        order = np.array(sorted(range(len(encoded)), key=encoded.__getitem__), dtype=np.int32)
        return TextVocabulary(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets, order, warm)

    @staticmethod
    def from_arrays(arrays: Arrays, prefix: str | None, warm: int) -> Vocabulary:
        """Make a vocabulary from the result of `to_arrays`, after checking the arrays for consistency.

        Raises:
            ValueError: If the arrays do not describe a vocabulary.
        """
        if any(array.ndim != 1 or array.dtype.kind not in "iu" for array in arrays.values()):
            raise ValueError("id arrays must be one-dimensional arrays of integers")
        if set(arrays) == {"numbers"} and prefix is not None:
            return Vocabulary.from_numbers(arrays["numbers"], prefix, warm)
        if set(arrays) == {"utf8", "offsets", "order"} and prefix is None:
            if arrays["utf8"].dtype != np.uint8:
                raise ValueError("the id text must be bytes")
            return TextVocabulary(arrays["utf8"], arrays["offsets"], arrays["order"], warm)
        raise ValueError(f"no vocabulary has the arrays {sorted(arrays)} with prefix {prefix!r}")

    @abstractmethod
    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store, by name (see the table in the module's docstring)."""

    @property
    def nbytes(self) -> int:
        """Bytes of the stored arrays."""
        return sum(int(array.nbytes) for array in self.to_arrays().values())

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> str:
        """Return the id at `index`; raise IndexError outside 0..len-1, also for negative indices."""

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))

    def at(self, indices: NDArray[np.integer]) -> list[str]:
        """Return the ids at `(n,)` indices, each in 0..len-1."""
        return [self[index] for index in indices.tolist()]

    def canonical(self, raw: RawId) -> str:
        """Return the canonical form of `raw`: prefix + number for a whole number, else `raw` itself.

        `7` and `"7"` mean the same id. `"007"` is not a canonical number and is returned unchanged.
        """
        if isinstance(raw, int) or (self.prefix is not None and is_canonical_number(raw)):
            return f"{self.prefix or ''}{raw}"
        return raw

    @abstractmethod
    def index(self, raw: RawId) -> int:
        """Return the index of one id (raw or canonical), or `UNKNOWN`."""

    def indices(self, raws: Sequence[RawId]) -> NDArray[np.int32]:
        """`(n,)` int32 indices of many ids, `UNKNOWN` where there is none."""
        if isinstance(raws, IdTexts):
            return self.indices_of_texts(raws)
        kinds = set(map(type, raws))
        if kinds == {str}:
            texts = IdTexts.of(cast("Sequence[str]", raws))
            if texts is not None:
                return self.indices_of_texts(texts)
        elif kinds == {int}:
            with contextlib.suppress(OverflowError):
                return self.indices_of_numbers(np.array(raws, dtype=np.int64))
        elif kinds == {str, int}:
            return self.indices([str(raw) for raw in raws])
        return np.fromiter((self.index(raw) for raw in raws), dtype=np.int32, count=len(raws))

    @abstractmethod
    def indices_of_texts(self, texts: IdTexts) -> NDArray[np.int32]:
        """Return `(n,)` indices of text ids, `UNKNOWN` for missing ones, without an object per id."""

    @abstractmethod
    def indices_of_numbers(self, numbers: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return `(n,)` indices of whole-number ids, `UNKNOWN` for missing ones."""

    @abstractmethod
    def reordered(self, order: NDArray[np.integer], warm: int) -> Vocabulary:
        """Return the same ids with `self[order[i]]` at index `i`; the first `warm` of them are warm."""


class NumberedVocabulary(Vocabulary):
    """Ids that consist of a prefix and a whole number."""

    def __init__(self, numbers: NDArray[Any], prefix: str, warm: int | None) -> None:
        self._numbers = numbers
        self.prefix = prefix
        self._prefix_bytes = prefix.encode()
        super().__init__(warm)
        self._dense = self._order = None
        if _ascends(numbers):
            return  # they are searched in place and need no further memory
        self._dense = _dense_index(numbers)
        if self._dense is None:
            self._order = np.argsort(numbers, kind="stable").astype(np.int32)
            if not _ascends(numbers[self._order]):
                raise ValueError("an id occurs twice")

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return `numbers (n,)`."""
        return {"numbers": self._numbers}

    def __len__(self) -> int:
        return int(self._numbers.size)

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return f"{self.prefix}{int(self._numbers[index])}"

    def at(self, indices: NDArray[np.integer]) -> list[str]:
        """Return the ids at `(n,)` indices, each in 0..len-1."""
        return [f"{self.prefix}{number}" for number in self._numbers.take(indices).tolist()]

    def index(self, raw: RawId) -> int:
        """Return the index of one id (raw or canonical), or `UNKNOWN`."""
        if isinstance(raw, str):
            text = raw.removeprefix(self.prefix or "")
            if not is_canonical_number(text):
                return UNKNOWN
            raw = int(text)
        if not 0 <= raw <= _MAX_NUMBER:
            return UNKNOWN
        dense = self._dense
        if dense is not None:
            return int(dense[raw]) if raw < dense.size else UNKNOWN
        return int(self._search(np.array([raw], dtype=np.int64))[0])

    def indices_of_texts(self, texts: IdTexts) -> NDArray[np.int32]:
        """Return `(n,)` indices of text ids, `UNKNOWN` for missing ones."""
        numbers, long = texts.numbers(self._prefix_bytes)
        indices = self.indices_of_numbers(numbers)
        for place in np.flatnonzero(long).tolist():
            indices[place] = self.index(texts[place])
        return indices

    def indices_of_numbers(self, numbers: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return `(n,)` indices of whole-number ids, `UNKNOWN` for missing ones."""
        dense = self._dense
        if dense is None:
            return self._search(numbers)
        # As unsigned integers, negative numbers are beyond the last slot too, which holds `UNKNOWN`.
        slots = np.minimum(numbers.view(np.uint64), np.uint64(dense.size - 1)).view(np.int64)
        return dense.take(slots)

    def _search(self, numbers: NDArray[np.int64]) -> NDArray[np.int32]:
        if not len(self):
            return np.full(numbers.size, UNKNOWN, np.int32)
        own = self._numbers
        largest = np.iinfo(own.dtype).max
        inside = (numbers >= 0) & (numbers <= min(int(largest), _MAX_NUMBER))
        # With another type than the searched array, NumPy would convert the whole array.
        wanted = np.where(inside, numbers, 0).astype(own.dtype)
        place = np.minimum(np.searchsorted(own, wanted, sorter=self._order), len(self) - 1)
        index = place.astype(np.int32) if self._order is None else self._order[place]
        return np.where(inside & (own[index] == wanted), index, np.int32(UNKNOWN))

    def reordered(self, order: NDArray[np.integer], warm: int) -> Vocabulary:
        """Return the same ids with `self[order[i]]` at index `i`; the first `warm` of them are warm."""
        return NumberedVocabulary(self._numbers[order], self.prefix or "", warm)


class TextVocabulary(Vocabulary):
    """Ids that are arbitrary text, found by binary search in the stored byte order."""

    def __init__(
        self, utf8: NDArray[np.uint8], offsets: NDArray[Any], order: NDArray[Any], warm: int | None
    ) -> None:
        self._utf8, self._offsets, self._order = utf8, offsets, order
        if offsets.size < 1 or int(offsets[0]) != 0 or int(offsets[-1]) != utf8.size:
            raise ValueError("the id offsets do not span the id text")
        if np.any(offsets[1:] <= offsets[:-1]):
            raise ValueError("the id offsets do not increase")
        super().__init__(warm)
        if order.size != len(self) or (order.size and not 0 <= order.min() <= order.max() < len(self)):
            raise ValueError("the id order does not cover the ids")
        self._check_texts()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return `utf8 (bytes,)`, `offsets (n + 1,)` and `order (n,)`."""
        return {"utf8": self._utf8, "offsets": self._offsets, "order": self._order}

    def __len__(self) -> int:
        return int(self._offsets.size) - 1

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._bytes(index).decode()

    def index(self, raw: RawId) -> int:
        """Return the index of one id, or `UNKNOWN`."""
        wanted = str(raw).encode("utf-8", "surrogatepass")
        place = bisect_left(self._order, wanted, key=self._bytes)
        if place < len(self) and self._bytes(self._order[place]) == wanted:
            return int(self._order[place])
        return UNKNOWN

    def reordered(self, order: NDArray[np.integer], warm: int) -> Vocabulary:
        """Return the same ids with `self[order[i]]` at index `i`; the first `warm` of them are warm."""
        return Vocabulary.from_texts([self[int(index)] for index in order], warm)

    def indices_of_texts(self, texts: IdTexts) -> NDArray[np.int32]:
        """Return `(n,)` indices of text ids, `UNKNOWN` for missing ones, by one vectorised binary search."""
        low = np.zeros(len(texts), np.int64)
        high = np.full(len(texts), len(self), np.int64)
        for _ in range(len(self).bit_length()):
            middle = (low + high) // 2
            less = self._texts_at(np.minimum(middle, len(self) - 1)).compared(texts) < 0
            open_ = low < high
            low = np.where(open_ & less, middle + 1, low)
            high = np.where(open_ & ~less, middle, high)
        if not len(self):
            return np.full(len(texts), UNKNOWN, np.int32)
        place = np.minimum(low, len(self) - 1)
        same = (low < len(self)) & (self._texts_at(place).compared(texts) == 0)
        return np.where(same, self._order[place], UNKNOWN).astype(np.int32)

    def indices_of_numbers(self, numbers: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return `(n,)` indices of whole-number ids, `UNKNOWN` for missing ones."""
        texts = IdTexts.of([str(number) for number in numbers.tolist()])
        return np.empty(0, np.int32) if texts is None else self.indices_of_texts(texts)

    def _texts_at(self, place: NDArray[np.int64]) -> IdTexts:
        """Return `(n,)` ids at positions in byte order."""
        index = self._order[place]
        starts, ends = self._offsets[index].astype(np.int64), self._offsets[index.astype(np.int64) + 1]
        return IdTexts.within(self._utf8, starts, ends.astype(np.int64))

    def _check_texts(self) -> None:
        """Check, in blocks, that every id is UTF-8 and that ids are unique and in byte order."""
        for start in range(0, len(self), _CHECKED_IDS):
            stop = min(start + _CHECKED_IDS, len(self))
            first, last = int(self._offsets[start]), int(self._offsets[stop])
            block = self._utf8[first:last]
            block.tobytes().decode()  # UnicodeDecodeError is a ValueError
            starts = self._offsets[start:stop].astype(np.int64) - first
            if np.any(block[starts] & 0xC0 == 0x80):
                raise ValueError("an id begins within a character")
            place = np.arange(start, min(stop, len(self) - 1))
            if place.size and np.any(self._texts_at(place).compared(self._texts_at(place + 1)) >= 0):
                raise ValueError("an id occurs twice, or the id order is not sorted")

    def _bytes(self, index: int) -> bytes:
        return self._utf8[int(self._offsets[index]) : int(self._offsets[index + 1])].tobytes()


def _ascends(numbers: NDArray[Any]) -> bool:
    """Return whether the numbers strictly ascend; checked in blocks to limit memory."""
    blocks = (numbers[start : start + _CHECKED_IDS + 1] for start in range(0, numbers.size, _CHECKED_IDS))
    return all(bool(np.all(block[1:] > block[:-1])) for block in blocks)


def _dense_index(numbers: NDArray[Any]) -> NDArray[np.int32] | None:
    """Return the `(largest number + 2,)` index of each number, or None if that would be mostly gaps.

    Raises:
        ValueError: If a number occurs twice.
    """
    slots = int(numbers.max()) + 2 if numbers.size else 1
    if slots > _DENSE_SLOTS_PER_ID * max(numbers.size, 256):
        return None
    dense = np.full(slots, UNKNOWN, dtype=np.int32)
    for start in range(0, numbers.size, _CHECKED_IDS):
        block = numbers[start : start + _CHECKED_IDS]
        dense[block] = np.arange(start, start + block.size, dtype=np.int32)
    if slots - int(np.count_nonzero(dense == UNKNOWN)) != numbers.size:
        raise ValueError("an id occurs twice")
    return dense


def _smallest_unsigned(numbers: NDArray[Any]) -> NDArray[Any]:
    small = not numbers.size or int(numbers.max()) < 2**32
    return np.ascontiguousarray(numbers, dtype=np.uint32 if small else np.uint64)
