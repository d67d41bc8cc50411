"""`/metrics`, for Prometheus. No part of the API, so not in its description."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.dependencies import TellingDep

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def get_metrics(request: Request, telling: TellingDep) -> Response:
    """What all workers have counted."""
    text, content_type = telling.text(request.headers.get("accept", ""))
    return Response(text, headers={"Content-Type": content_type})
