"""What an embedding family is, and the registry of all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self, TypeVar

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from training.families.table import Arrays, Config, SideTable

Popularity = NDArray[Any]
"""`(count,)` training ratings of each id, in index order."""


class Family(BaseModel, ABC):
    """How the ids of one side, users or movies, become embeddings.

    An instance is a family's settings: frozen, and round trips through JSON. A subclass states its name as
    `family: Literal["its_name"] = "its_name"`, its own fields, and the methods below. Where its lookup is
    the same few operations in Keras and in NumPy, it subclasses `training.families.lookup.LookupFamily`.

    Attributes:
        family: Name of the family.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layer_class: ClassVar[str]
    """Name of its Keras layer: one of `keras.layers`, or one that is registered as `stars>Name`."""

    family: str

    def resolve(self, count: int, dim: int, popularity: Popularity | None) -> Self:  # noqa: ARG002
        """The same settings with every default filled in; resolving twice changes nothing.

        Args:
            count: How many ids there are.
            dim: Length of an embedding.
            popularity: Of the ids; None where it is not known.

        Raises:
            SettingsError: The settings are not legal for this many ids.
        """
        return self

    @abstractmethod
    def layer_config(self, count: int, dim: int) -> dict[str, Any]:
        """Arguments of `layer_class` for resolved settings, `count` ids and embeddings of length `dim`."""

    @classmethod
    @abstractmethod
    def read(cls, config: Config, arrays: Arrays) -> SideTable:
        """The table of a stored layer.

        Args:
            config: The layer's configuration, as read from the file.
            arrays: The layer's arrays by name.

        Raises:
            UnknownForm: They do not fit each other. (KeyError, TypeError, ValueError and AttributeError,
                which looking for what is not there raises, mean the same.)
        """


_FamilyT = TypeVar("_FamilyT", bound=Family)

_FAMILIES: Final[dict[str, type[Family]]] = {}


def register(family: type[_FamilyT]) -> type[_FamilyT]:
    """Make a family known by its name; a decorator.

    Raises:
        ValueError: Another family has the name.
    """
    name = family.model_fields["family"].default
    if _FAMILIES.setdefault(name, family) is not family:
        raise ValueError(f"there is a family {name!r} already")
    return family


def parse_family(value: Any) -> Any:
    """A family's settings from a mapping that states its name under `family`; other values unchanged.

    Raises:
        ValueError: There is no such family, or its settings are others.
    """
    if not isinstance(value, Mapping):
        return value
    name = value.get("family")
    if name not in _FAMILIES:
        raise ValueError(f"there is no family {str(name)[:60]!r}; there are {', '.join(_FAMILIES)}")
    return _FAMILIES[name].model_validate(value)


def family_of_layer(class_name: Any) -> type[Family] | None:
    """The family whose Keras layer has this name; None where none has."""
    return next((family for family in _FAMILIES.values() if family.layer_class == class_name), None)
