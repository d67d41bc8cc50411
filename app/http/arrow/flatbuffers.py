"""Reading of flatbuffers, the form of Arrow's metadata, with every place checked before it is read."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_MAX_ENTRIES = 1024


class BadBytesError(ValueError):
    """The bytes are not what they claim to be."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes that nobody trusts."""

    data: bytes

    def number(self, form: str, place: int) -> int:
        """The number in the form of `struct` at a place.

        Raises:
            BadBytesError: The place lies outside.
        """
        if not 0 <= place <= len(self.data) - struct.calcsize(form):
            raise BadBytesError
        number: int = struct.unpack_from(form, self.data, place)[0]
        return number


@dataclass(frozen=True, slots=True)
class Table:
    """A table: fields by number, each there or left out.

    Attributes:
        source: What it lies in.
        place: Its first byte.
    """

    source: Bytes
    place: int

    @classmethod
    def root(cls, source: Bytes, start: int) -> Table:
        """The outermost table of the flatbuffer that begins at `start`."""
        return cls(source, start + source.number("<I", start))

    def field(self, number: int) -> int | None:
        """Where a field lies, or None where it is left out."""
        fields = self.place - self.source.number("<i", self.place)
        slot = 4 + 2 * number
        if slot + 2 > self.source.number("<H", fields):
            return None
        offset = self.source.number("<H", fields + slot)
        return self.place + offset if offset else None

    def number(self, number: int, form: str, default: int = 0) -> int:
        """A field that is a number."""
        place = self.field(number)
        return default if place is None else self.source.number(form, place)

    def table(self, number: int) -> Table | None:
        """A field that is a table."""
        place = self.field(number)
        return None if place is None else Table(self.source, place + self.source.number("<I", place))

    def vector(self, number: int) -> tuple[int, int]:
        """A field that is a vector: its first entry's place, and how many entries there are.

        Raises:
            BadBytesError: There are more than any table of two columns has.
        """
        place = self.field(number)
        if place is None:
            return 0, 0
        place += self.source.number("<I", place)
        count = self.source.number("<I", place)
        if count > _MAX_ENTRIES:
            raise BadBytesError
        return place + 4, count

    def text(self, number: int) -> str:
        """A field that is text; anything that is not UTF-8 is replaced."""
        place, count = self.vector(number)
        return self.source.data[place : place + count].decode("utf-8", "replace")

    def tables(self, number: int) -> list[Table]:
        """A field that is a vector of tables."""
        place, count = self.vector(number)
        slots = range(place, place + 4 * count, 4)
        return [Table(self.source, slot + self.source.number("<I", slot)) for slot in slots]
