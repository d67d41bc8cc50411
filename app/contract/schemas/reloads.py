"""Answers of `/admin/reload`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from app.contract.schemas.fields import ModelName

Change = Literal["added", "changed", "unchanged", "removed"]


@dataclass(frozen=True, slots=True)
class ReloadedModel:
    """What became of one model."""

    name: ModelName
    change: Annotated[Change, Field(description="how it differs from what was served before")]
    sha256: Annotated[
        str | None, Field(description="digest of the model file that is served now; null if it was removed")
    ]


@dataclass(frozen=True, slots=True)
class Reload:
    """The outcome of reading the store anew."""

    outcome: Annotated[
        Literal["reloaded", "unchanged", "refused"],
        Field(description="whether other models answer now, or the same ones, because the new are unfit"),
    ]
    at: Annotated[str, Field(description="when it began, in UTC", examples=["2026-11-25T04:51:22+00:00"])]
    seconds: Annotated[float, Field(description="how long it took", examples=[0.214])]
    models: Annotated[list[ReloadedModel], Field(description="every model; empty if it was refused")]
    reason: Annotated[str | None, Field(description="why it was refused")]


@dataclass(frozen=True, slots=True)
class Reloads:
    """The reloads of a process."""

    reloads: Annotated[int, Field(description="how many succeeded")]
    refused: Annotated[int, Field(description="how many did not")]
    last: Annotated[Reload | None, Field(description="the last one; null before the first")]
