"""`/admin`: for whoever runs the service. `app.http.auth` lets nobody through to it without an admin key."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from app.api import admin_examples as examples
from app.api.dependencies import LiveModelsDep
from app.api.operations import answers
from app.contract.errors import InvalidRequest, ReloadRefused
from app.contract.schemas.reloads import Reload, Reloads
from app.http.json_response import JSONAnswer
from app.http.request_body import refuse_query

router = APIRouter(prefix="/admin", tags=["admin"], dependencies=[Depends(refuse_query)])


@router.post(
    "/reload",
    summary="Read the store anew",
    response_model=Reload,
    responses=answers(examples.RELOAD, InvalidRequest, ReloadRefused),
)
async def post_reload(live: LiveModelsDep) -> Response:
    """Reads, checks and probes what has changed, while the models before answer; then exchanges them at once.

    Other workers are told to do the same.
    """
    done = await live.reload()
    live.tell_others()
    return JSONAnswer(done)


@router.get(
    "/reload",
    summary="What came of the last reload",
    response_model=Reloads,
    responses=answers(examples.RELOADS, InvalidRequest),
)
async def get_reload(live: LiveModelsDep) -> Response:
    """The last reload of the worker that answers, whoever asked for it, and how many there were."""
    return JSONAnswer(Reloads(live.tallies.reloaded, live.tallies.reloads_refused, live.last))
