"""`/admin`, for operators. `app.http.auth` refuses requests without an admin key."""

from fastapi import APIRouter

from app.api.dependencies import StateDep
from app.api.openapi import problems
from app.api.strict_route import StrictRoute
from app.contract.errors import InvalidRequest, ReloadRefused
from app.contract.schemas.responses import Reload, Reloads

router = APIRouter(prefix="/admin", tags=["admin"], route_class=StrictRoute)


@router.post("/reload", summary="Reload the models store", responses=problems(InvalidRequest, ReloadRefused))
async def post_reload(state: StateDep) -> Reload:
    """Load, check and probe the changed models while the current ones serve requests; then replace them.

    The other workers reload too.
    """
    return await state["live"].reload_everywhere()


@router.get("/reload", summary="The last reload", responses=problems(InvalidRequest))
async def get_reload(state: StateDep) -> Reloads:
    """Return the last reload of the worker that handles this request, and the numbers of its reloads."""
    live = state["live"]
    return Reloads(live.counters.reloaded, live.counters.reloads_refused, live.last)
