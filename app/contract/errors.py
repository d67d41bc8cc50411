"""What the service refuses, with what a caller is told: status, code and title of a problem (RFC 9457).

`app.contract.problems` makes the answer. Texts and fields are cut to a bounded length here, where they are
made. What the reader of artefacts refuses is a tree of its own: `training.artefact.ArtefactError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple

MAX_TEXT: Final = 80
MAX_ERRORS: Final = 10
MAX_NAMES: Final = 50
MAX_POSITIONS: Final = 100


def shorten(text: str, length: int = MAX_TEXT) -> str:
    """`text`, cut to `length` characters with a sign that it was; without half surrogate pairs."""
    text = text[: length + 1].encode("utf-8", "replace").decode()
    return text if len(text) <= length else f"{text[: length - 1]}…"


class Kind(NamedTuple):
    """A kind of problem: its HTTP status, its name for programs and its name for people."""

    status: int
    code: str
    title: str


class ServiceError(Exception):
    """Base of all errors. By itself, one that nobody foresaw.

    Attributes:
        kind: What a caller is told of every error of the class.
        detail: The message of an error that is given none.
        fields: What a program may want to read beside the message, by name; plain JSON values.
    """

    kind: ClassVar[Kind] = Kind(500, "internal_error", "Something is wrong on our side")
    detail: ClassVar[str] = "the request could not be answered"

    def __init__(self, message: str | None = None, **fields: Any) -> None:
        self.fields: Mapping[str, Any] = fields
        super().__init__(self.detail if message is None else message)


class StartError(ServiceError):
    """The service must not start; the message is one line for the operator."""

    kind = Kind(503, "not_started", "The service could not start")
    detail = "the service cannot answer"


class BadSetting(StartError):
    """An environment variable with a bad value; the message begins with its name."""


class CannotListen(StartError):
    """Host and port are not available."""


class EngineFailed(StartError):
    """An engine that is not installed, or that does not load a model which is otherwise sound."""


class ProbeFailed(StartError):
    """A model that loads, but whose answers are not ratings."""


class ModelUnusable(ServiceError):
    """An artefact that cannot be read; the reader's own message is for the operator."""

    kind = Kind(503, "model_unusable", "A model cannot be used")
    detail = "the service cannot answer"


class RequestError(ServiceError):
    """A request that is not answered; the message is one sentence for the caller."""

    detail = ""


class RouteNotFound(RequestError):
    """An address that does not exist."""

    kind = Kind(404, "route_not_found", "No such address")
    detail = "there is nothing at this address"


class MethodNotAllowed(RequestError):
    """An address that does not take the method."""

    kind = Kind(405, "method_not_allowed", "Not this method")
    detail = "this address does not take this method"


class KeyMissing(RequestError):
    """An API key is needed, and none was sent."""

    kind = Kind(401, "key_missing", "An API key is needed")
    detail = "send an API key: Authorization: Bearer KEY"


class KeyUnknown(RequestError):
    """What was sent is not a key of this service."""

    kind = Kind(401, "key_unknown", "Not a key of this service")
    detail = "the Authorization header holds no API key of this service"


class AdminOnly(RequestError):
    """A key for other addresses, but not for this one."""

    kind = Kind(403, "admin_only", "An admin key is needed")
    detail = "this address takes an admin key only"


class PreflightRefused(RequestError):
    """A browser asks whether a page may make a call, and it may not."""

    kind = Kind(400, "preflight_refused", "A page from elsewhere may not call so")

    def __init__(self, what: str) -> None:
        """Say what of the call is not allowed: origin, method, headers."""
        super().__init__(f"pages from elsewhere may not call so: {what} not allowed")


class UnreadableBody(RequestError):
    """A body that is not UTF-8 or not JSON, or holds a number that is not finite, or a key twice."""

    kind = Kind(400, "unreadable_body", "The body cannot be read")


class BodyTooLarge(RequestError):
    """More bytes than the service reads."""

    kind = Kind(413, "body_too_large", "The body is too large")

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body has more than {limit} bytes", limit=limit)


class TooManyPairs(RequestError):
    """More pairs than one call may hold."""

    kind = Kind(413, "too_many_pairs", "Too many pairs in one call")

    def __init__(self, given: int, limit: int) -> None:
        super().__init__(f"{given} pairs are more than the {limit} that one call may hold", limit=limit)


class WrongContentType(RequestError):
    """A body that does not claim to be plain JSON in UTF-8."""

    kind = Kind(415, "wrong_content_type", "The body is not plain JSON")


class InvalidRequest(RequestError):
    """A request that can be read, but is not what the call takes."""

    kind = Kind(422, "invalid_request", "The request is not what this call takes")

    def __init__(self, errors: Sequence[tuple[Sequence[str | int], str]]) -> None:
        """Say what is wrong where.

        Args:
            errors: (location, message) pairs; the first few are kept.
        """
        kept = [
            {
                "loc": [shorten(part) if isinstance(part, str) else part for part in location],
                "msg": shorten(message, 200),
            }
            for location, message in errors[:MAX_ERRORS]
        ]
        where = ".".join(str(part) for part in kept[0]["loc"])
        super().__init__(f"{where}: {kept[0]['msg']}" if where else str(kept[0]["msg"]), errors=kept)


class UnknownModel(RequestError):
    """No model has this name."""

    kind = Kind(404, "unknown_model", "No such model")

    def __init__(self, name: str, known: Iterable[str]) -> None:
        models = list(known)[:MAX_NAMES]
        super().__init__(f"there is no model {shorten(name)!r}", models=models)


class UnknownUser(RequestError):
    """A user without a training rating, and no fallback was asked for."""

    kind = Kind(404, "unknown_user", "The user has no training rating")


class UnknownMovie(RequestError):
    """A movie without a training rating, and no fallback was asked for; the user has some."""

    kind = Kind(404, "unknown_movie", "The movie has no training rating")


class NoFoldIn(RequestError):
    """A new user cannot be fitted: the model's engine does not give its embeddings."""

    kind = Kind(501, "no_fold_in", "The model cannot be fitted to a new user")

    def __init__(self, model: str) -> None:
        super().__init__(f"the engine of model {shorten(model)!r} tells no embeddings", model=shorten(model))


class NotReady(RequestError):
    """An expected model is not loaded."""

    kind = Kind(503, "not_ready", "Not ready")

    def __init__(self, missing: Iterable[str]) -> None:
        models = list(missing)[:MAX_NAMES]
        super().__init__(f"not ready: {', '.join(models) or 'no model'}", models=models)


class Overloaded(RequestError):
    """More requests than the process takes on."""

    kind = Kind(503, "overloaded", "Too much to do")
    detail = "there is more to do than can be done at once; send the request again later"


class ReloadRefused(RequestError):
    """A store that was read anew and is not fit to be served; what was served before still is."""

    kind = Kind(409, "reload_refused", "The store is not fit to be served")

    def __init__(self, reason: str) -> None:
        super().__init__(f"the models go on as they are: {shorten(reason, 500)}")


class Stopping(RequestError):
    """The service stops, and the request has used up its time to finish."""

    kind = Kind(503, "stopping", "Stopping")
    detail = "the service stops; send the request again"
