"""Answers of `/admin/reload`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from app.contract.schemas.fields import ModelName

Change = Literal["added", "changed", "unchanged", "removed"]


@dataclass(frozen=True, slots=True)
class ReloadedModel:
    """What became of one model.

    Attributes:
        name: Its name.
        change: How it differs from what was served before.
        sha256: Of the model file that is served now; null where it is not served any more.
    """

    name: ModelName
    change: Change
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Reload:
    """What came of reading the store anew.

    Attributes:
        outcome: Whether other models answer now, the same ones, or the same ones because the new are unfit.
        at: When it began, in UTC.
        seconds: How long it took.
        models: Every model; empty where it was refused.
        reason: Why it was refused.
    """

    outcome: Literal["reloaded", "unchanged", "refused"]
    at: Annotated[str, Field(examples=["2026-11-25T04:51:22+00:00"])]
    seconds: Annotated[float, Field(examples=[0.214])]
    models: list[ReloadedModel]
    reason: str | None


@dataclass(frozen=True, slots=True)
class Reloads:
    """The reloads of a process.

    Attributes:
        reloads: How many went well.
        refused: How many did not.
        last: The last of them; null before the first.
    """

    reloads: int
    refused: int
    last: Reload | None
