"""`/healthz` and `/readyz`, for orchestrators. Neither blocks."""

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
    """The process is alive."""

    status: Annotated[str, Field(examples=["ok"])]


@dataclass(frozen=True, slots=True)
class Ready:
    """Every expected model is loaded and has rated a test pair."""

    status: Annotated[str, Field(examples=["ready"])]
    models: Annotated[list[str], Field(examples=[["baseline", "memory_efficient"]])]


@router.get("/healthz", summary="Liveness")
async def get_healthz() -> Alive:
    """Return 200 while the process is alive."""
    return Alive("ok")


@router.get("/readyz", summary="Readiness", responses=problems(NotReady))
async def get_readyz(registry: RegistryDep) -> Ready:
    """Return 200 if every expected model is loaded and has rated a test pair, else 503."""
    registry.check_ready()
    return Ready("ready", list(registry.models))
