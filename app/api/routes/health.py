"""`/healthz` and `/readyz`, for whoever runs the service. Neither waits for anything."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from app.api import examples
from app.api.dependencies import RegistryDep
from app.api.operations import answers
from app.contract.errors import NotReady
from app.http.json_response import JSONAnswer

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class Alive:
    """The process lives."""

    status: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Every expected model is loaded and has answered a real probe."""

    status: str
    models: list[str]


@router.get("/healthz", summary="Is it alive?", response_model=Alive, responses=answers(examples.ALIVE))
async def get_healthz() -> Response:
    """200 while the process lives."""
    return JSONAnswer(Alive("ok"))


@router.get(
    "/readyz", summary="Is it ready?", response_model=Ready, responses=answers(examples.READY, NotReady)
)
async def get_readyz(registry: RegistryDep) -> Response:
    """200 when every expected model is loaded and has answered a probe; else 503 and which one is missing."""
    registry.check_ready()
    return JSONAnswer(Ready("ready", list(registry.models)))
