"""`/predict/batch` for Arrow streams; `routes.predict` has the documentation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.dependencies import BodyDep, LimitsDep, RegistryDep, ThreadPoolDep
from app.api.strict_route import ArrowRoute
from app.contract.schemas.requests import BatchOptions
from app.http.arrow import read_pairs, write_ratings
from app.http.request_body import ARROW_STREAM
from app.http.thread_pool import SMALL_BYTES
from app.services.predict import predict_columns

router = APIRouter(route_class=ArrowRoute, include_in_schema=False)


@router.post("/predict/batch")
async def post_predict_arrow(
    stream: BodyDep,
    options: Annotated[BatchOptions, Query()],
    registry: RegistryDep,
    limits: LimitsDep,
    thread_pool: ThreadPoolDep,
) -> Response:
    """Ratings in the order asked for, as a stream."""

    def rate() -> Response:
        scored = predict_columns(registry, read_pairs(stream, limits), options)
        content = write_ratings(scored.ratings, scored.known_user, scored.known_movie)
        return Response(content, media_type=ARROW_STREAM)

    return await thread_pool.run(rate, in_thread=len(stream) > SMALL_BYTES)
