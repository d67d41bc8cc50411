"""`/metrics`, for Prometheus. Not part of the API, so not in the OpenAPI document."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.dependencies import StateDep

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def get_metrics(request: Request, state: StateDep) -> Response:
    """Return the metrics of all workers."""
    text, content_type = state["exporter"].text(request.headers.get("accept", ""))
    return Response(text, headers={"Content-Type": content_type})
