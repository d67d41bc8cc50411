"""The errors of the service: status, code, title and text of their problem documents (RFC 9457).

The text is here, too, except for two cases: a parser in `app.http` gives the reason of an `UnreadableBody`, a
`WrongContentType` or an `InvalidRequest`, and the text of a `StartError`, which only the operator sees, is
where it is raised. `app.contract.problems` turns an error into a response. Texts and fields are shortened to
a bounded length. Errors of the artefact reader are a separate hierarchy: `training.artefact.ArtefactError`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple

MAX_TEXT: Final = 80
MAX_ERRORS: Final = 10
MAX_NAMES: Final = 50
MAX_POSITIONS: Final = 100


def shorten(text: str, length: int = MAX_TEXT) -> str:
    """Shorten `text` to `length` characters, with an ellipsis if it was longer; replace lone surrogates."""
    text = text[: length + 1].encode("utf-8", "replace").decode()
    return text if len(text) <= length else f"{text[: length - 1]}…"


class Kind(NamedTuple):
    """A kind of problem: its HTTP status, its code for programs and its title for people."""

    status: int
    code: str
    title: str


class ServiceError(Exception):
    """Base class of all errors. An instance of the base class itself is an unexpected error.

    Attributes:
        kind: The kind of problem that every error of the class is reported as.
        detail: The default message.
        fields: Additional fields of the problem document by name; plain JSON values.
    """

    kind: ClassVar[Kind] = Kind(500, "internal_error", "Internal error")
    detail: ClassVar[str] = "an unexpected error occurred; the log of the service has the details"

    def __init__(self, message: str | None = None, **fields: Any) -> None:
        self.fields: Mapping[str, Any] = fields
        super().__init__(self.detail if message is None else message)


class StartError(ServiceError):
    """The service cannot start; the message is one line for the operator."""

    kind = Kind(503, "not_started", "The service could not start")
    detail = "the service cannot answer"


class BadSetting(StartError):
    """An environment variable has an invalid value; the message begins with its name."""


class ModelUnusable(ServiceError):
    """An artefact cannot be read; the message of the reader is logged for the operator."""

    kind = Kind(503, "model_unusable", "A model cannot be used")
    detail = "the service cannot answer"


class RequestError(ServiceError):
    """A request is refused; the text is one sentence for the caller."""

    detail = ""


class RouteNotFound(RequestError):
    """No route has the requested path."""

    kind = Kind(404, "route_not_found", "Path not found")
    detail = "this path does not exist"


class MethodNotAllowed(RequestError):
    """The path does not support the method."""

    kind = Kind(405, "method_not_allowed", "Method not allowed")
    detail = "this path does not support this method; the Allow header lists those that it supports"


class KeyMissing(RequestError):
    """An API key is required, and none was sent."""

    kind = Kind(401, "key_missing", "An API key is required")
    detail = "send an API key: Authorization: Bearer KEY"


class KeyUnknown(RequestError):
    """The `Authorization` header does not hold a valid API key."""

    kind = Kind(401, "key_unknown", "The API key is not valid")
    detail = "the Authorization header does not hold a valid API key"


class AdminOnly(RequestError):
    """The API key is valid, but the path requires an admin key."""

    kind = Kind(403, "admin_only", "An admin key is required")
    detail = "this path requires an admin key"


class PreflightRefused(RequestError):
    """The CORS policy does not allow the request that a browser asks about in a preflight request."""

    kind = Kind(400, "preflight_refused", "The CORS policy does not allow this request")

    def __init__(self, what: str) -> None:
        """Name what is not allowed: origin, method, headers."""
        super().__init__(f"the CORS policy does not allow this request: {what} not allowed")


class UnreadableBody(RequestError):
    """The body is not UTF-8 or not JSON, has a number that is not finite, or has a duplicate key."""

    kind = Kind(400, "unreadable_body", "The body cannot be read")


class BodyTooLarge(RequestError):
    """The body has more bytes than the service accepts."""

    kind = Kind(413, "body_too_large", "The body is too large")

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body has more than {limit} bytes", limit=limit)


class TooManyPairs(RequestError):
    """The request has more pairs than the limit."""

    kind = Kind(413, "too_many_pairs", "Too many pairs in one request")

    def __init__(self, given: int, limit: int) -> None:
        super().__init__(f"the request has {given} pairs; the limit is {limit}", limit=limit)


class WrongContentType(RequestError):
    """The headers do not declare the body as uncompressed JSON in UTF-8."""

    kind = Kind(415, "wrong_content_type", "The body is not plain JSON")


class InvalidRequest(RequestError):
    """The request was parsed, but does not match the schema of the endpoint."""

    kind = Kind(422, "invalid_request", "The request is not valid")

    def __init__(self, errors: Sequence[tuple[Sequence[str | int], str]]) -> None:
        """List the (location, message) pairs of invalid fields, at most `MAX_ERRORS` of them."""
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


class ColdId(RequestError):
    """An id has no training rating, and the request does not allow a fallback.

    Attributes:
        side: Side of the id: `user` or `movie`.
    """

    side: ClassVar[str]

    def __init__(self, cold_id: str, positions: Sequence[int] = (), of: int = 0, **fields: Any) -> None:
        """Name the id, or the first cold one of a list of length `of` with cold entries at all `positions`.

        The first `MAX_POSITIONS` are kept. `fields` are more fields of the problem document; `field` is the
        name of the list, if not pairs.
        """
        shown = shorten(cold_id)
        message = f"{self.side} {shown!r} has no training rating"
        if positions:
            entries = fields.get("field", "pairs")
            message = f"{len(positions)} of {of} {entries} have an id without a training rating; {message}"
            fields |= {"positions": list(positions[:MAX_POSITIONS]), "total": len(positions)}
        super().__init__(message, **{f"{self.side}_id": shown}, **fields)


class UnknownUser(ColdId):
    """The user has no training rating."""

    kind = Kind(404, "unknown_user", "The user has no training rating")
    side = "user"


class UnknownMovie(ColdId):
    """The movie has no training rating (the user does)."""

    kind = Kind(404, "unknown_movie", "The movie has no training rating")
    side = "movie"


class NoFoldIn(RequestError):
    """A new user cannot be fitted: the engine of the model does not expose its embeddings."""

    kind = Kind(501, "no_fold_in", "The model cannot be fitted to a new user")

    def __init__(self, model: str) -> None:
        super().__init__(
            f"the engine of model {shorten(model)!r} does not expose its embeddings", model=shorten(model)
        )


class NotReady(RequestError):
    """An expected model is not loaded."""

    kind = Kind(503, "not_ready", "Not ready")

    def __init__(self, missing: Iterable[str]) -> None:
        models = list(missing)[:MAX_NAMES]
        super().__init__(f"not ready: {', '.join(models) or 'no model'}", models=models)


class Overloaded(RequestError):
    """The process already handles as many requests as it can."""

    kind = Kind(503, "overloaded", "The service is overloaded")
    detail = "the service handles as many requests as it can; send the request again later"


class ReloadRefused(RequestError):
    """The models store was reloaded and is invalid; the previous models stay in service."""

    kind = Kind(409, "reload_refused", "The models store is invalid")

    def __init__(self, reason: str) -> None:
        super().__init__(f"the previous models stay in service: {shorten(reason, 500)}")


class Stopping(RequestError):
    """The service stops, and the request did not finish within the shutdown timeout."""

    kind = Kind(503, "stopping", "The service is stopping")
    detail = "the service is stopping; send the request again"
