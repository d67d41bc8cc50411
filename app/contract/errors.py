"""Everything the service can refuse, as one tree.

ServiceError
├── StartError               the service must not start; `str()` is one line for the operator
│   ├── BadSetting           an environment variable that means nothing, named
│   ├── CannotListen         host and port are not to be had
│   ├── EngineFailed         an engine that is not installed, or that does not take the model
│   └── ProbeFailed          a model that loads but does not answer as it must
└── RequestError             a request that is not answered; `str()` is one sentence for the caller
    ├── KeyMissing           an API key is asked for, and none was sent
    ├── KeyUnknown           what was sent is no key of this service
    ├── AdminOnly            a key that opens other addresses, but not this one
    ├── PreflightRefused     a page of an origin, with a method or with headers that are not let in
    ├── UnreadableBody       not UTF-8, not JSON, not finite, or a key given twice
    ├── BodyTooLarge         more bytes than the service reads
    ├── TooManyPairs         more pairs than one call may hold
    ├── WrongContentType     not `application/json`
    ├── InvalidRequest       readable, but not what the call takes
    ├── UnknownModel         no model has this name
    ├── ColdPairs            an id without a training rating, and no fallback was asked for
    │   ├── UnknownUser      the user has none (first where both sides have none)
    │   └── UnknownMovie     only the movie has none
    ├── NoFoldIn             a new user, and a model whose engine does not tell its embeddings
    ├── NotReady             an expected model is not loaded
    ├── Overloaded           more requests than the process takes on
    ├── ReloadRefused        the store was read anew, and is not fit to be served
    └── Stopping             the service stops before it could answer

What the training side's reader can refuse (`training.artefact.ArtefactError`) is a tree of its own.
None of these knows about HTTP: `app.contract.problems` has the one table that does. Texts and fields are
cut to a bounded length here, where they are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

MAX_TEXT: Final = 80
MAX_ERRORS: Final = 10
MAX_NAMES: Final = 50
MAX_POSITIONS: Final = 100


def shorten(text: str, length: int = MAX_TEXT) -> str:
    """`text`, cut to `length` characters with a sign that it was; without half surrogate pairs."""
    text = text[: length + 1].encode("utf-8", "replace").decode()
    return text if len(text) <= length else f"{text[: length - 1]}…"


class ServiceError(Exception):
    """Base of every refusal.

    Attributes:
        fields: What a program may want to read beside the sentence, by name; plain JSON values.
    """

    def __init__(self, message: str, **fields: Any) -> None:
        self.fields: Mapping[str, Any] = fields
        super().__init__(message)


class StartError(ServiceError):
    """The service must not start; the message is one line for the operator."""


class BadSetting(StartError):
    """An environment variable that means nothing; the message begins with its name."""


class CannotListen(StartError):
    """The address cannot be listened on."""


class EngineFailed(StartError):
    """An engine that is not installed, or that does not take a model which is otherwise sound."""


class ProbeFailed(StartError):
    """A model that could be loaded, but whose answers are not ratings."""


class RequestError(ServiceError):
    """A request that is not answered; the message is one sentence for the caller."""


class KeyMissing(RequestError):
    """An API key is asked for, and none was sent."""

    def __init__(self) -> None:
        super().__init__("send an API key: Authorization: Bearer KEY")


class KeyUnknown(RequestError):
    """What was sent is no key of this service."""

    def __init__(self) -> None:
        super().__init__("the Authorization header holds no API key of this service")


class AdminOnly(RequestError):
    """The key opens other addresses, but not this one."""

    def __init__(self) -> None:
        super().__init__("this address takes an admin key only")


class PreflightRefused(RequestError):
    """A browser asks for a page whether it may make a call, and it may not."""

    def __init__(self, what: str) -> None:
        """Say what of the call is not let in: origin, method, headers."""
        super().__init__(f"pages from elsewhere may not call so: {what} not allowed")


class UnreadableBody(RequestError):
    """The body is not UTF-8, not JSON, holds no finite number, or a key twice."""


class BodyTooLarge(RequestError):
    """More bytes than the service reads."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body has more than {limit} bytes", limit=limit)


class TooManyPairs(RequestError):
    """More pairs than one call may hold."""

    def __init__(self, given: int, limit: int) -> None:
        super().__init__(f"{given} pairs are more than the {limit} that one call may hold", limit=limit)


class WrongContentType(RequestError):
    """A body that does not claim to be plain JSON in UTF-8."""


class InvalidRequest(RequestError):
    """Readable, but not what the call takes."""

    def __init__(self, errors: Sequence[tuple[Sequence[str | int], str]]) -> None:
        """Say what is wrong where.

        Args:
            errors: (location, message) pairs; the first few are told.
        """
        told = [
            {
                "loc": [shorten(part) if isinstance(part, str) else part for part in location],
                "msg": shorten(message, 200),
            }
            for location, message in errors[:MAX_ERRORS]
        ]
        where = ".".join(str(part) for part in told[0]["loc"])
        super().__init__(f"{where}: {told[0]['msg']}" if where else str(told[0]["msg"]), errors=told)


class UnknownModel(RequestError):
    """No model has this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        models = list(known)[:MAX_NAMES]
        super().__init__(f"there is no model {shorten(name)!r}", models=models)


class ColdPairs(RequestError):
    """Ids without a training rating, and no fallback was asked for."""


class UnknownUser(ColdPairs):
    """A user without a training rating."""


class UnknownMovie(ColdPairs):
    """A movie without a training rating, while the user has some."""


class NoFoldIn(RequestError):
    """A new user cannot be fitted: the model's engine does not tell its embeddings."""

    def __init__(self, model: str) -> None:
        super().__init__(f"the engine of model {shorten(model)!r} tells no embeddings", model=shorten(model))


class NotReady(RequestError):
    """An expected model is not loaded."""

    def __init__(self, missing: Iterable[str]) -> None:
        models = list(missing)[:MAX_NAMES]
        super().__init__(f"not ready: {', '.join(models) or 'no model'}", models=models)


class Overloaded(RequestError):
    """More requests than the process takes on."""

    def __init__(self) -> None:
        super().__init__("there is more to do than can be done at once; send the request again later")


class ReloadRefused(RequestError):
    """The store was read anew and is not fit to be served; what was served before still is."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the models go on as they are: {shorten(reason, 500)}")


class Stopping(RequestError):
    """The service stops, and the request has used up its time to finish."""

    def __init__(self) -> None:
        super().__init__("the service stops; send the request again")
