"""Override named settings from the command line, with an error for options that do not apply."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from training.errors import SettingsError
from training.settings import MixedDimension, ModelSettings, QuotientRemainder, Recipe, Settings

_Settings = TypeVar("_Settings", bound=Settings)

# The family whose settings each option changes; None for the settings of the model as a whole.
_FAMILY_OPTIONS: dict[str, type[Settings] | None] = {
    "embedding_dim": None,
    "num_buckets": QuotientRemainder,
    "quotient_rows": QuotientRemainder,
    "operation": QuotientRemainder,
    "block_sizes": MixedDimension,
    "block_dims": MixedDimension,
    "temperature": MixedDimension,
    "parameter_budget": MixedDimension,
}


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
    """Return the models with the changes that are not None, each applied to the sides of its family.

    Raises:
        SettingsError: A value is out of its range, or no model has a side of the option's family.
    """
    wanted = {name: value for name, value in changes.items() if value is not None}
    changed = [_override_model(model, wanted) for model in models]
    for name in wanted:
        family = _FAMILY_OPTIONS[name]
        if family and not any(isinstance(side, family) for model in models for side in _sides(model)):
            names = ", ".join(model.name for model in models)
            raise SettingsError(
                f"--{name.replace('_', '-')} does not apply to {names}: neither side is of that family"
            )
    return changed


def _override_model(model: ModelSettings, wanted: dict[str, Any]) -> ModelSettings:
    changes: dict[str, Any] = {name: value for name, value in wanted.items() if _FAMILY_OPTIONS[name] is None}
    for side_name, side in zip(("users", "movies"), _sides(model), strict=True):
        own = {name: value for name, value in wanted.items() if isinstance(side, _FAMILY_OPTIONS[name] or ())}
        # Block widths come from one source only: the given option replaces the published widths.
        if isinstance(side, MixedDimension) and own.keys() & {"temperature", "parameter_budget"}:
            own.setdefault("block_dims", None)
        changes[side_name] = _changed(side, own)
    return _changed(model, changes)


def _sides(model: ModelSettings) -> tuple[Settings, Settings]:
    return model.users, model.movies


def _changed(settings: _Settings, changes: dict[str, Any]) -> _Settings:
    # Not model_copy, because it does not validate.
    fields = {name: getattr(settings, name) for name in type(settings).model_fields}
    try:
        return type(settings)(**{**fields, **changes})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "-".join(str(part) for part in first["loc"] if isinstance(part, str)).replace("_", "-")
        raise SettingsError(f"--{where}: {first['msg']}, got {first['input']!r}") from error
