"""`/models`: descriptions of the models."""

from fastapi import APIRouter

from app.api.dependencies import RegistryDep
from app.api.openapi import problems
from app.api.strict_route import StrictRoute
from app.contract.errors import InvalidRequest, UnknownModel
from app.contract.schemas.responses import ModelDescription, ModelList
from app.services.models import describe, list_models

router = APIRouter(tags=["models"], route_class=StrictRoute)


@router.get("/models", summary="List models", responses=problems(InvalidRequest))
async def get_models(registry: RegistryDep) -> ModelList:
    """Return the description, size and accuracy of each model."""
    return list_models(registry)


@router.get("/models/{name}", summary="Describe a model", responses=problems(InvalidRequest, UnknownModel))
async def get_model(name: str, registry: RegistryDep) -> ModelDescription:
    """Return the same description as in the list."""
    return describe(registry, registry.get(name))
