"""The application factory `create_app(settings)`. Models are loaded when the application starts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio.to_thread
from fastapi import FastAPI, Security
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from app.api.dependencies import State
from app.api.error_handlers import ERROR_HANDLERS
from app.api.openapi import extend_openapi, inference_problems, problems
from app.api.routes import (
    admin,
    compare,
    health,
    inference,
    metrics,
    models,
    movies,
    new_movie,
    new_user,
    page,
    predict,
    recommend,
)
from app.contract.errors import AdminOnly, KeyMissing, KeyUnknown, ServiceError
from app.http.auth import ApiKeyMiddleware, Keys, load_keys
from app.http.fast_predict import FastPredict
from app.http.inference import JSON_LENGTH
from app.http.load_shedding import LoadShedding
from app.http.middleware import CORS, AddRootPath, AnswerAtShutdown, HeadAsGet, RemoveRootPath
from app.http.thread_pool import ThreadPool
from app.observability.instrumentation import Instrumentation
from app.observability.metrics.worker_files import WorkerFile
from app.scoring.loading import load_registry
from app.scoring.registry import Registry
from app.services.fold_in import FoldIn
from app.services.reload import LiveModels
from app.settings import Settings, load_settings
from app.web.page import load_page

# That of the package, which also runs without being installed.
VERSION: Final = "0.1.0"
_DESCRIPTION: Final = """\
How would this user rate this movie? `/models` states the scale of all ratings (`rating_scale`).

An id is text (`"user_1"`), or a whole number (`1`, or the digits `"1"`), which is appended to the prefix of
the model's ids. Every error is a problem document (RFC 9457) with a `code` for programs; below `/v2`, it is
an error of the Open Inference Protocol.
"""


def create_app(
    settings: Settings | None = None,
    registry: Registry | None = None,
    keys: Keys | None = None,
    worker_file: WorkerFile | None = None,
) -> FastAPI:
    """Create the application, by default with the settings and API keys of the environment.

    Without a `registry` of loaded models, the store is loaded when the application starts. `worker_file` is
    the metrics file of this process if there are several workers.

    Raises:
        BadSetting: A setting or an API key is invalid, or tracing is enabled and OpenTelemetry is not
            installed.
    """
    settings = settings or load_settings()
    keys = load_keys(settings) if keys is None else keys
    instrumentation = Instrumentation(settings, worker_file)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        loaded = registry if registry is not None else await anyio.to_thread.run_sync(load_registry, settings)
        loaded.check_ready()
        live = LiveModels(loaded, settings, instrumentation)
        async with instrumentation.running():
            yield State(
                live=live,
                limits=settings.limits,
                thread_pool=ThreadPool(settings.batch_threads),
                fold_in=FoldIn(),
                page=load_page(settings.root_path),
                exporter=instrumentation.exporter,
            )

    # FastAPI, with the files of /docs served locally and not from the internet.
    app = FastAPIOffline(
        title="Movie ratings",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        static_url="/docs/files",
        # Otherwise looked up for every request, which takes as long as the prediction.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        generate_unique_id_function=lambda route: route.name,
        responses=problems(ServiceError),
        exception_handlers=ERROR_HANDLERS,
    )
    # Only for the OpenAPI document: `app.http.auth` checks keys, for paths without a route too.
    bearer = [Security(HTTPBearer(scheme_name="key", auto_error=False))]
    guarded: dict[str, Any] = (
        {"dependencies": bearer, "responses": problems(KeyMissing, KeyUnknown)} if keys.reading else {}
    )
    guarded_inference = guarded and {**guarded, "responses": inference_problems(KeyMissing, KeyUnknown)}
    app.include_router(predict.arrow_router)
    for route in (predict, new_user, new_movie, recommend, movies, models, compare):
        app.include_router(route.router, **guarded)
    app.include_router(inference.router, **guarded_inference)
    for open_router in (health.router, inference.health_router, page.router):
        app.include_router(open_router)
    if settings.metrics:
        app.include_router(metrics.router)
    if keys.admin:
        app.include_router(
            admin.router, dependencies=bearer, responses=problems(KeyMissing, KeyUnknown, AdminOnly)
        )
    app.add_middleware(HeadAsGet)
    app.add_middleware(AnswerAtShutdown)
    build_rest = app.build_middleware_stack

    def build_stack() -> ASGIApp:
        # Before the framework's own middlewares, each of which adds a little time to every request.
        stack = AddRootPath(build_rest(), settings.root_path) if settings.root_path else build_rest()
        stack = LoadShedding(
            stack, settings.max_requests, settings.max_large_requests, instrumentation.counters
        )
        stack = FastPredict(stack, settings.limits)
        if keys.reading or keys.admin:
            stack = ApiKeyMiddleware(stack, keys)
        if settings.cors_origins:
            # Before the check of keys, because browsers send preflight requests without a key.
            stack = CORS(
                stack,
                settings.cors_origins,
                allow_methods=("GET", "HEAD", "POST"),
                allow_headers=("authorization", "content-type", JSON_LENGTH, "x-request-id"),
                expose_headers=("retry-after", JSON_LENGTH, "x-request-id"),
            )
        stack = instrumentation.wrap(stack)
        return RemoveRootPath(stack, settings.root_path) if settings.root_path else stack

    app.build_middleware_stack = build_stack  # type: ignore[method-assign]

    extend_openapi(app, settings.limits)
    return app
