"""`/predict/new-movie`: predictions for a movie without training ratings."""

from fastapi import APIRouter
from starlette.responses import Response

from app.api.dependencies import RegistryDep, StateDep
from app.api.openapi import BODY_ERRORS, problems
from app.api.strict_route import StrictRoute
from app.contract.errors import TooManyPairs, UnknownModel
from app.contract.schemas.requests import NewMovieRequest
from app.contract.schemas.responses import NewMoviePrediction
from app.http.json_response import JSONResponse
from app.http.thread_pool import SMALL_BATCH
from app.services.new_movie import predict_new_movie

router = APIRouter(tags=["predict"], route_class=StrictRoute)


@router.post(
    "/predict/new-movie",
    summary="Predict ratings of a new movie",
    response_model=NewMoviePrediction,
    responses=problems(*BODY_ERRORS, TooManyPairs, UnknownModel),
)
async def post_new_movie(request: NewMovieRequest, registry: RegistryDep, state: StateDep) -> Response:
    """Estimate the ratings of a movie from its features, if the model was trained with `--new-movies`.

    A user without training ratings gets what is expected of an average one.
    """
    return await state["thread_pool"].run(
        lambda: JSONResponse(predict_new_movie(registry, request)),
        in_thread=len(request.user_ids) > SMALL_BATCH,
    )
