"""`/healthz` and `/readyz`, for whoever runs the service. Neither waits for anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from app.api.dependencies import RegistryDep
from app.api.openapi import problems
from app.contract.errors import NotReady

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class Alive:
    """The process lives."""

    status: Annotated[str, Field(examples=["ok"])]


@dataclass(frozen=True, slots=True)
class Ready:
    """Every expected model is loaded and has answered a real probe."""

    status: Annotated[str, Field(examples=["ready"])]
    models: Annotated[list[str], Field(examples=[["baseline", "memory_efficient"]])]


@router.get("/healthz", summary="Is it alive?")
async def get_healthz() -> Alive:
    """200 while the process lives."""
    return Alive("ok")


@router.get("/readyz", summary="Is it ready?", responses=problems(NotReady))
async def get_readyz(registry: RegistryDep) -> Ready:
    """200 when every expected model is loaded and has answered a probe; else 503 and which one is missing."""
    registry.check_ready()
    return Ready("ready", list(registry.models))
