"""`/predict/new-user`: predictions for a user without training ratings."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from app.api.dependencies import RegistryDep, StateDep
from app.api.openapi import BODY_ERRORS, problems
from app.api.strict_route import StrictRoute
from app.contract.errors import NoFoldIn, TooManyPairs, UnknownModel, UnknownMovie, UnknownUser
from app.contract.schemas.requests import NewUserRequest
from app.contract.schemas.responses import NewUserPrediction
from app.http.json_response import JSONResponse
from app.http.thread_pool import SMALL_BATCH
from app.services.new_user import predict_for_new_user

router = APIRouter(tags=["predict"], route_class=StrictRoute)

# Rating this number of movies takes 1 to 3 ms, since all their embeddings are read. The first prediction with
# a model takes longer, because it reads the embeddings of the users.
SMALL_CATALOGUE: Final = 4096


@router.post(
    "/predict/new-user",
    summary="Predict ratings of a new user",
    response_model=NewUserPrediction,
    responses=problems(*BODY_ERRORS, TooManyPairs, UnknownUser, UnknownMovie, UnknownModel, NoFoldIn),
)
async def post_new_user(request: NewUserRequest, registry: RegistryDep, state: StateDep) -> Response:
    """Fit an embedding to the ratings of a user, with fixed movie embeddings. Nothing is stored.

    Without `user_id`, the average user is the start; with it, the user's trained embedding.
    """
    fold_in = state["fold_in"]
    scorer = registry.get(request.model).scorer
    return await state["thread_pool"].run(
        lambda: JSONResponse(predict_for_new_user(registry, fold_in, request)),
        in_thread=len(request.ratings) + len(request.movie_ids) > SMALL_BATCH
        or (request.n > 0 and scorer.movies.warm > SMALL_CATALOGUE)
        or not fold_in.has_prior(scorer),
    )
