"""Bulk operations on ids as bytes in one buffer: eight bytes per step, without an object per id.

Words of eight bytes are read at any address, so a buffer has `PAD` spare bytes at both ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

PAD: Final = 32
WORD: Final = 8
_SEPARATOR: Final = "\n"
# Maximum number of digits parsed here; a longer number may not fit 63 bits.
_MAX_DIGITS: Final = 18
# The smallest number with each number of digits; a smaller value has leading zeros.
_LEAST: Final = np.array([0, 0, *(10**digits for digits in range(1, _MAX_DIGITS))])
# Texts parsed at a time, so that intermediate results stay in the CPU cache.
_BLOCK: Final = 4_096
_U = np.uint64
# By number of digits in a word of eight bytes: how many of its bits do not belong to the number.
_FOREIGN_BITS: Final = np.array([56, *range(56, -8, -8)], _U)
_ZEROS: Final = _U(0x3030303030303030)
# Adding this to a byte sets its highest bit if the value of the digit is above 9.
_ABOVE_NINE: Final = _U(0x7676767676767676)
_HIGH_BITS: Final = _U(0x8080808080808080)

Places = NDArray[np.int64]


class IdTexts(Sequence[str]):
    """`n` texts in one buffer.

    Attributes:
        starts: `(n,)` position of the first byte of each text.
        ends: `(n,)` position after its last byte.
    """

    def __init__(self, data: NDArray[np.uint8], starts: Places, ends: Places, separators: int = 0) -> None:
        """Copy consecutive texts from an unpadded buffer.

        Args:
            data: The bytes of all texts, with only separators and visible ASCII between them.
            starts: `(n,)` position in `data` of the first byte of each text.
            ends: `(n,)` position in `data` after its last byte.
            separators: Number of one-byte separators (line ends or blanks).
        """
        self._separators = separators
        self._padded = np.zeros(data.size + 2 * PAD, np.uint8)
        self._padded[PAD : PAD + data.size] = data
        self._data = self._padded[PAD : PAD + data.size]
        # The items have no numeric type, because NumPy reads unaligned numbers three times as slowly.
        self._words = np.ndarray(self._padded.size - WORD + 1, "V8", self._padded, strides=(1,))
        self.starts, self.ends = starts + PAD, ends + PAD

    def __len__(self) -> int:
        return int(self.starts.size)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        return self._bytes(place).decode("utf-8", "surrogatepass")

    def strict(self, place: int) -> str:
        """Return one text.

        Raises:
            UnicodeDecodeError: If it is not UTF-8.
        """
        return self._bytes(place).decode()

    @classmethod
    def within(cls, data: NDArray[np.uint8], starts: Places, ends: Places) -> IdTexts:
        """Take some texts from a large buffer, copying only their bytes."""
        sizes = ends - starts
        own_ends = np.cumsum(sizes)
        own_starts = own_ends - sizes
        taken = np.repeat(starts - own_starts, sizes) + np.arange(int(own_ends[-1]) if sizes.size else 0)
        return cls(data[taken], own_starts, own_ends)

    def compared(self, other: IdTexts) -> NDArray[np.int8]:
        """Return `(n,)` -1, 0 or 1: each text is before, equal to, or after the other in byte order."""
        sizes, others = self.ends - self.starts, other.ends - other.starts
        found = np.zeros(sizes.size, np.int8)
        open_ = np.arange(sizes.size)
        place = 0
        while open_.size:
            mine, theirs = self.word(place, open_), other.word(place, open_)
            found[open_] = (mine > theirs).astype(np.int8) - (mine < theirs).astype(np.int8)
            place += WORD
            open_ = open_[(mine == theirs) & (np.maximum(sizes[open_], others[open_]) > place)]
        # The padding of a shorter text may equal zero bytes of a longer one.
        equal = found == 0
        found[equal] = np.sign(sizes - others)[equal]
        return found

    @classmethod
    def of(cls, texts: Sequence[str]) -> IdTexts | None:
        """Return `texts` in one buffer, or None if one of them contains the separator."""
        joined = np.frombuffer(_SEPARATOR.join(texts).encode("utf-8", "surrogatepass"), np.uint8)
        found = np.flatnonzero(joined == ord(_SEPARATOR))
        if found.size != len(texts) - 1:
            return None
        starts = np.concatenate([[0], found + 1])
        return cls(joined, starts, np.concatenate([found, [joined.size]]), separators=found.size)

    def all_plain(self, max_length: int) -> bool:
        """Return whether all texts are visible ASCII of 1 to `max_length` characters."""
        data = self._data
        sizes = self.ends - self.starts
        # Separators have lower byte values than all visible characters.
        hidden = int(np.count_nonzero(data < 0x21)) - self._separators
        return (
            not hidden
            and int(data.max(initial=0)) < 0x7F
            and int(sizes.min(initial=1)) >= 1
            and int(sizes.max(initial=1)) <= max_length
        )

    def numbers(self, prefix: bytes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Parse the numbers in texts, with or without the prefix.

        Returns:
            `(n,)` numbers, -1 if a text is not a number in canonical form; and `(n,)` whether a text has too
            many digits to be parsed here, so that its -1 has no meaning.
        """
        value, long = np.empty(len(self), np.int64), np.empty(len(self), np.bool_)
        for start in range(0, len(self), _BLOCK):
            block = slice(start, start + _BLOCK)
            value[block], long[block] = self._numbers(prefix, self.starts[block], self.ends[block])
        return value, long

    def _numbers(
        self, prefix: bytes, starts: Places, ends: Places
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        digits = ends - starts
        digits -= len(prefix) * self._begin_with(prefix, starts, digits)
        long = digits > _MAX_DIGITS
        legal = (digits > 0) & ~long
        value = np.zeros(digits.size, np.int64)
        for place in range(0, min(int(digits.max(initial=0)), _MAX_DIGITS), WORD):
            # One byte per digit, the last digit in the highest byte; bytes before the number are shifted out.
            word = self._words_at(ends - (WORD + place)) ^ _ZEROS
            foreign = _FOREIGN_BITS.take(digits - place, mode="clip")
            word >>= foreign
            word <<= foreign
            if place:
                word[digits <= place] = 0
            legal &= ((word + _ABOVE_NINE) | word) & _HIGH_BITS == 0
            value += _eight_digits(word).view(np.int64) * 10**place
        legal &= value >= _LEAST.take(digits, mode="clip")
        value[~legal] = -1
        return value, long

    def word(self, place: int, index: Any = slice(None)) -> NDArray[np.uint64]:
        """Return `(n,)` eight bytes of each text from `place` on, zero-padded, as big-endian integers."""
        starts = self.starts[index] + place
        left = np.clip(self.ends[index] - starts, 0, WORD).astype(_U)
        word = self._words_at(np.minimum(starts, self._words.size - 1)).byteswap()
        keep = ~_U(0) << (_U(64) - _U(8) * np.maximum(left, _U(1)))
        return np.where(left == 0, _U(0), word & keep)

    def _begin_with(self, prefix: bytes, starts: Places, sizes: Places) -> NDArray[np.bool_]:
        matches = sizes >= len(prefix)
        for place in range(0, len(prefix), WORD):
            part = prefix[place : place + WORD]
            mask = _U((1 << 8 * len(part)) - 1)
            words = self._words_at(np.minimum(starts + place, self._words.size - 1))
            matches &= words & mask == _U(int.from_bytes(part, "little"))
        return matches

    def _words_at(self, places: Places) -> NDArray[np.uint64]:
        """Return the `(n,)` eight bytes from each place on, as little-endian integers."""
        return self._words[places].view(_U)

    def _bytes(self, place: int) -> bytes:
        found: bytes = self._padded[int(self.starts[place]) : int(self.ends[place])].tobytes()
        return found


def _eight_digits(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Convert words of eight digits to numbers by combining pairs, then fours, then all eight."""
    word = (word * _U(2561)) >> _U(8)
    word = ((word & _U(0x00FF00FF00FF00FF)) * _U(6553601)) >> _U(16)
    return ((word & _U(0x0000FFFF0000FFFF)) * _U(42949672960001)) >> _U(32)
