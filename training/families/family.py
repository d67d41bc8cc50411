"""The base class of embedding families, and their registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self, TypeVar

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from training.families.table import Arrays, Config, SideTable

Popularity = NDArray[Any]
"""`(count,)` Number of training ratings of each id, in index order."""


class Family(BaseModel, ABC):
    """How the ids of one side (users or movies) are mapped to embeddings.

    An instance holds a family's settings; it is frozen and round-trips through JSON. A subclass declares its
    name as `family: Literal["its_name"] = "its_name"`, its own fields, and the methods below. If the same
    few array operations do its lookup in Keras and in NumPy, it can subclass
    `training.families.lookup.LookupFamily` instead.

    Attributes:
        family: Name of the family.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layer_class: ClassVar[str]
    """Name of its Keras layer: a class in `keras.layers`, or one registered as `stars>Name`."""

    family: str

    def resolve(self, count: int, dim: int, popularity: Popularity | None) -> Self:  # noqa: ARG002
        """Return these settings with every default filled in; idempotent.

        Args:
            count: Number of ids.
            dim: Length of an embedding.
            popularity: Popularity of the ids; None if it is not known.

        Raises:
            SettingsError: If the settings are not valid for this number of ids.
        """
        return self

    @abstractmethod
    def layer_config(self, count: int, dim: int) -> dict[str, Any]:
        """Return the arguments of `layer_class` for `count` ids and embeddings of length `dim`.

        Call it on resolved settings.
        """

    @classmethod
    @abstractmethod
    def read(cls, config: Config, arrays: Arrays) -> SideTable:
        """Return the table of a stored layer.

        Args:
            config: The layer's configuration, as read from the file.
            arrays: The layer's arrays by name.

        Raises:
            UnknownForm: If configuration and arrays are inconsistent. The caller treats KeyError, TypeError,
                ValueError and AttributeError (raised for missing entries) in the same way.
        """


_FamilyT = TypeVar("_FamilyT", bound=Family)

_FAMILIES: Final[dict[str, type[Family]]] = {}


def register(family: type[_FamilyT]) -> type[_FamilyT]:
    """Register a family under its name; used as a class decorator.

    Raises:
        ValueError: If another family already has this name.
    """
    name = family.model_fields["family"].default
    if _FAMILIES.setdefault(name, family) is not family:
        raise ValueError(f"there is a family {name!r} already")
    return family


def parse_family(value: Any) -> Any:
    """Parse a mapping with the key `family` into that family's settings; return other values unchanged.

    Raises:
        ValueError: If there is no such family, or the settings are not valid for it.
    """
    if not isinstance(value, Mapping):
        return value
    name = value.get("family")
    if name not in _FAMILIES:
        raise ValueError(f"there is no family {str(name)[:60]!r}; there are {', '.join(_FAMILIES)}")
    return _FAMILIES[name].model_validate(value)


def family_of_layer(class_name: Any) -> type[Family] | None:
    """Return the family whose Keras layer has this name, or None."""
    return next((family for family in _FAMILIES.values() if family.layer_class == class_name), None)
