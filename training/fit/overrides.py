"""Override named settings from the command line, with an error for options that do not apply."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from training.errors import SettingsError
from training.families import MixedDimension
from training.settings import ModelSettings, Recipe

_Settings = TypeVar("_Settings", bound=BaseModel)


def override_recipe(recipe: Recipe, **changes: Any) -> Recipe:
    """Return the recipe with the changes that are not None.

    The name of the recipe becomes `custom` if anything but the seed changes.

    Raises:
        SettingsError: A value is out of its range.
    """
    wanted = {name: value for name, value in changes.items() if value is not None}
    if set(wanted) - {"seed"}:
        wanted["name"] = "custom"
    return _changed(recipe, wanted)


def override_models(models: list[ModelSettings], **changes: Any) -> list[ModelSettings]:
    """Return the models with the changes that are not None, each applied to the settings that have it.

    Raises:
        SettingsError: A value is out of its range, or no model has the setting.
    """
    wanted = {name: value for name, value in changes.items() if value is not None}
    parts = [part for model in models for part in (model, model.users, model.movies)]
    for name in wanted:
        if not any(_own(part, {name: None}) for part in parts):
            names = ", ".join(model.name for model in models)
            raise SettingsError(f"--{name.replace('_', '-')} does not apply to {names}: neither side has it")
    return [_override_model(model, wanted) for model in models]


def _override_model(model: ModelSettings, wanted: dict[str, Any]) -> ModelSettings:
    changes = _own(model, wanted)
    for name, side in (("users", model.users), ("movies", model.movies)):
        own = _own(side, wanted)
        # Block widths come from one source only: the given option replaces the published widths.
        if isinstance(side, MixedDimension) and own.keys() & {"temperature", "parameter_budget"}:
            own.setdefault("block_dims", None)
        changes[name] = _changed(side, own)
    return _changed(model, changes)


def _own(settings: BaseModel, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the changes that name a field of these settings."""
    return {name: value for name, value in wanted.items() if name in type(settings).model_fields}


def _changed(settings: _Settings, changes: dict[str, Any]) -> _Settings:
    # Not model_copy, because it does not validate.
    fields = {name: getattr(settings, name) for name in type(settings).model_fields}
    try:
        return type(settings)(**{**fields, **changes})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "-".join(str(part) for part in first["loc"] if isinstance(part, str)).replace("_", "-")
        raise SettingsError(f"--{where}: {first['msg']}, got {first['input']!r}") from error
