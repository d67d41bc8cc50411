"""Responses of `/admin/reload`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from app.contract.schemas.fields import ModelName

Change = Literal["added", "changed", "unchanged", "removed"]


@dataclass(frozen=True, slots=True)
class ReloadedModel:
    """The change of one model."""

    name: ModelName
    change: Annotated[Change, Field(description="how it differs from the model served before")]
    sha256: Annotated[
        str | None, Field(description="digest of the model file in service; null if the model was removed")
    ]


@dataclass(frozen=True, slots=True)
class Reload:
    """The outcome of a reload of the models store."""

    outcome: Annotated[
        Literal["reloaded", "unchanged", "refused"],
        Field(description="`refused`: the store is invalid, and the previous models stay in service"),
    ]
    at: Annotated[str, Field(description="start time in UTC", examples=["2026-11-25T04:51:22+00:00"])]
    seconds: Annotated[float, Field(description="duration", examples=[0.214])]
    models: Annotated[list[ReloadedModel], Field(description="every model; empty if the reload was refused")]
    reason: Annotated[str | None, Field(description="why it was refused")]


@dataclass(frozen=True, slots=True)
class Reloads:
    """The reloads of a worker process."""

    reloads: Annotated[int, Field(description="number of reloads that succeeded")]
    refused: Annotated[int, Field(description="number of reloads that were refused")]
    last: Annotated[Reload | None, Field(description="the last reload; null before the first")]
