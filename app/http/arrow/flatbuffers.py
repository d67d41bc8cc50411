"""A reader of flatbuffers, the format of Arrow metadata, that checks every offset before it reads."""

import struct
from dataclasses import dataclass

_MAX_ENTRIES = 1024


class BadBytesError(ValueError):
    """The bytes are not a valid flatbuffer or Arrow stream."""


def number_at(data: bytes, form: str, place: int) -> int:
    """Read the number of a `struct` format at an offset.

    Raises:
        BadBytesError: The offset is out of range.
    """
    if not 0 <= place <= len(data) - struct.calcsize(form):
        raise BadBytesError
    number: int = struct.unpack_from(form, data, place)[0]
    return number


@dataclass(frozen=True, slots=True)
class Table:
    """A table: optional fields by number.

    Attributes:
        data: The untrusted bytes that contain it.
        place: Offset of its first byte.
    """

    data: bytes
    place: int

    @classmethod
    def at(cls, data: bytes, place: int) -> "Table":
        """Return the table that the offset at `place` refers to; a flatbuffer begins with its root's."""
        return cls(data, place + number_at(data, "<I", place))

    def field(self, number: int) -> int | None:
        """Return the offset of a field, or None if it is absent."""
        fields = self.place - number_at(self.data, "<i", self.place)
        slot = 4 + 2 * number
        if slot + 2 > number_at(self.data, "<H", fields):
            return None
        offset = number_at(self.data, "<H", fields + slot)
        return self.place + offset if offset else None

    def number(self, number: int, form: str, default: int = 0) -> int:
        """Return a numeric field."""
        place = self.field(number)
        return default if place is None else number_at(self.data, form, place)

    def table(self, number: int) -> "Table | None":
        """Return a field that is a table, or None if it is absent."""
        place = self.field(number)
        return None if place is None else Table.at(self.data, place)

    def vector(self, number: int) -> tuple[int, int]:
        """Return the offset of the first entry of a vector, and the number of entries.

        Raises:
            BadBytesError: It has more entries than any stream of two columns.
        """
        place = self.field(number)
        if place is None:
            return 0, 0
        place += number_at(self.data, "<I", place)
        count = number_at(self.data, "<I", place)
        if count > _MAX_ENTRIES:
            raise BadBytesError
        return place + 4, count

    def text(self, number: int) -> str:
        """Return a text field; invalid UTF-8 is replaced."""
        place, count = self.vector(number)
        return self.data[place : place + count].decode("utf-8", "replace")

    def tables(self, number: int) -> "list[Table]":
        """Return the tables of a vector."""
        place, count = self.vector(number)
        return [Table.at(self.data, slot) for slot in range(place, place + 4 * count, 4)]
