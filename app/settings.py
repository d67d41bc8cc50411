"""Process settings, read from environment variables that begin with `RATINGS_`."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.contract.errors import BadSetting, shorten
from app.contract.limits import MIB, Limits
from training.artefact import MAX_ID_LENGTH
from training.artefact.remote.address import StoreAddress, is_url, parse_address

PREFIX: Final = "RATINGS_"
# As browsers send it: lower case, without a path or a trailing slash.
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?|https?://\[[0-9a-f:]+\](:[0-9]+)?")
# Variables that Kubernetes sets in every container for a Service whose name begins with `ratings`.
_SERVICE_NAME: Final = re.compile(
    PREFIX + r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")
# The service has paths below these, which would be ambiguous with those below a prefix.
_ROOT_PATH: Final = re.compile(r"(?!/(admin|docs|models|page|predict|v2)(/|$))(/[\w~-][\w.~-]*)*", re.ASCII)
DEFAULT_PORT: Final = 8000
# User and password of a URL, which no message may repeat.
_CREDENTIALS: Final = re.compile(r"//[^/]*@")


def _read_store(value: Any) -> Any:
    return parse_address(value) if isinstance(value, str) and is_url(value) else value


def _split_names(value: Any) -> Any:
    return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value


def _check_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(names) or len(set(names)) != len(names):
        raise ValueError("must be distinct model names, separated by commas")
    return names


def _check_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("must be origins such as https://shop.example, separated by commas, or *")
    return origins


def _check_digits(value: Any) -> Any:
    # Python would also accept "80_00" and " 8000".
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a whole number, written in digits only")
    return value


def _ignore_service_address(value: Any) -> Any:
    return DEFAULT_PORT if isinstance(value, str) and _SERVICE_ADDRESS.match(value) else value


def _strip_brackets(host: str) -> str:
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _check_root_path(path: str) -> str:
    path = path.rstrip("/")
    if not _ROOT_PATH.fullmatch(path):
        raise ValueError(
            "must be a path such as /stars, with letters, digits and ._~- only, that does not begin with "
            "/admin, /docs, /models, /page, /predict or /v2"
        )
    return path


Whole = Annotated[int, BeforeValidator(_check_digits)]
Seconds = Annotated[Whole, Field(ge=1, le=3600)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]


class Settings(BaseSettings):
    """The settings of the process; `docs/settings.md` describes each."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True, allow_inf_nan=False
    )

    store: Annotated[Path | StoreAddress, BeforeValidator(_read_store)] = Path("models_store")
    models: Annotated[Names, AfterValidator(_check_names)] | None = None
    default_model: str | None = None
    engine: Literal["table", "keras"] = "table"
    host: Annotated[str, Field(min_length=1), AfterValidator(_strip_brackets)] = "127.0.0.1"
    port: Annotated[Whole, BeforeValidator(_ignore_service_address), Field(ge=0, le=65535)] = DEFAULT_PORT
    root_path: Annotated[str, AfterValidator(_check_root_path)] = ""
    workers: Annotated[Whole, Field(ge=1, le=256)] = 1

    api_keys: SecretStr | None = None
    api_keys_file: Path | None = None
    admin_keys: SecretStr | None = None
    admin_keys_file: Path | None = None
    cors_origins: Annotated[Names, AfterValidator(_check_origins)] | None = None

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    metrics: bool = True
    traces: bool = False

    # Limits for one request.
    max_body_bytes: Annotated[Whole, Field(ge=1024, le=1024 * MIB)] = 8 * MIB
    max_batch: Annotated[Whole, Field(ge=1, le=10_000_000)] = 100_000
    max_id_length: Annotated[Whole, Field(ge=1, le=MAX_ID_LENGTH)] = MAX_ID_LENGTH
    max_items: Annotated[Whole, Field(ge=1, le=100_000)] = 1000
    # Limits for one process.
    batch_threads: Annotated[Whole, Field(ge=1, le=64)] = 1
    max_connections: Annotated[Whole, Field(ge=2, le=100_000)] = 1000
    max_requests: Annotated[Whole, Field(ge=1, le=100_000)] = 256
    max_large_requests: Annotated[Whole, Field(ge=1, le=10_000)] = 32
    # Timeouts for one client, and for requests in flight at shutdown.
    head_seconds: Seconds = 10
    body_seconds: Seconds = 30
    answer_seconds: Seconds = 30
    idle_seconds: Seconds = 75
    shutdown_seconds: Seconds = 3

    @property
    def limits(self) -> Limits:
        """The limits on the size of one request."""
        return Limits(self.max_body_bytes, self.max_batch, self.max_id_length, self.max_items)


def load_settings() -> Settings:
    """Load the settings from the environment.

    Raises:
        BadSetting: A variable has an invalid value; the message is one line that begins with its name.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        variable = f"{PREFIX}{first['loc'][0]}".upper()
        message = first["msg"].removeprefix("Value error, ")
        given = os.environ.get(variable, str(first["input"]))
        shown = shorten(_CREDENTIALS.sub("//...@", given))
        raise BadSetting(f"{variable}: {message[0].lower()}{message[1:]}, got {shown!r}") from error


def unknown_variables() -> list[str]:
    """Return the variables with the prefix that are not known settings, and are probably mistyped."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | set(service_variables())
    return sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )


def service_variables() -> list[str]:
    """Return the variables that Kubernetes sets for Services named `ratings...`; they are ignored."""
    settings = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    return sorted(
        name
        for name, value in os.environ.items()
        if _SERVICE_NAME.fullmatch(name) and (name not in settings or _SERVICE_ADDRESS.match(value))
    )
