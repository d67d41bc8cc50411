"""`/admin`: for whoever runs the service. `app.http.auth` lets nobody through to it without an admin key."""

from __future__ import annotations

from fastapi import APIRouter

from app.api.dependencies import LiveModelsDep
from app.api.openapi import problems
from app.api.strict_route import StrictRoute
from app.contract.errors import InvalidRequest, ReloadRefused
from app.contract.schemas.reloads import Reload, Reloads

router = APIRouter(prefix="/admin", tags=["admin"], route_class=StrictRoute)


@router.post("/reload", summary="Read the store anew", responses=problems(InvalidRequest, ReloadRefused))
async def post_reload(live: LiveModelsDep) -> Reload:
    """Reads, checks and probes what has changed, while the models before answer; then exchanges them at once.

    Other workers are told to do the same.
    """
    return await live.reload_everywhere()


@router.get("/reload", summary="The last reload", responses=problems(InvalidRequest))
async def get_reload(live: LiveModelsDep) -> Reloads:
    """The last reload of the worker that answers, whoever asked for it, and how many there were."""
    return Reloads(live.tallies.reloaded, live.tallies.reloads_refused, live.last)
