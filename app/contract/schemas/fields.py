"""Field types shared by requests and responses, with examples for the documentation."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema

from app.contract.errors import InvalidRequest, TooManyPairs
from app.contract.ids import ID_SCHEMA, check_id, plain_ids
from app.contract.limits import LIMITS
from training.artefact import RawId, is_canonical_number
from training.artefact.ids.id_text import IdTexts

FieldT = TypeVar("FieldT")
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def _check_id(value: object) -> RawId:
    return check_id(value, LIMITS.get().max_id_length)


def _check_ids(values: object, info: ValidationInfo) -> Sequence[RawId]:
    max_length = LIMITS.get().max_id_length
    if not isinstance(values, list | IdTexts):
        raise ValueError("must be a list of ids")
    check_count(values)
    plain = plain_ids(values, max_length)
    if plain is not None:
        return plain
    for position, value in enumerate(values):
        try:
            check_id(value, max_length)
        except ValueError as error:
            # Pydantic reports no position in a list that it does not iterate over itself.
            raise InvalidRequest([((info.field_name or "", position), str(error))]) from None
    return values


def check_count(pairs: object) -> object:
    """Check the length of the list `pairs` before its entries are validated.

    Raises:
        TooManyPairs: It has more entries than `max_batch`.
    """
    limit = LIMITS.get().max_batch
    if isinstance(pairs, list | IdTexts) and len(pairs) > limit:
        raise TooManyPairs(len(pairs), limit)
    return pairs


def check_items(count: int) -> int:
    """Check that `count` is not above `max_items`.

    Raises:
        ValueError: It is.
    """
    limit = LIMITS.get().max_items
    if count > limit:
        raise ValueError(f"must be less than or equal to {limit}")
    return count


def _refuse_null(value: object) -> object:
    if value is None:
        raise ValueError("is null; leave the field out instead")
    return value


def _leave_out_null(schema: dict[str, Any]) -> None:
    """Leave null out of the JSON schema of an optional field."""
    value, _null = schema.pop("anyOf")
    schema.update({**value, **schema})


def _number_from_text(value: object) -> object:
    """Parse a number from a query string, in its canonical form only (no sign, no leading zeros)."""
    return int(value) if isinstance(value, str) and is_canonical_number(value) else value


def _decimal_from_text(value: object) -> object:
    """Parse a number from a query string, in plain decimals only (no sign, no exponent)."""
    return float(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else value


def _bool_from_text(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


# Fields of requests.
UserId = Annotated[RawId, PlainValidator(_check_id), WithJsonSchema({**ID_SCHEMA, "examples": ["user_1"]})]
MovieId = Annotated[
    RawId, PlainValidator(_check_id), WithJsonSchema({**ID_SCHEMA, "examples": ["movie_1193"]})
]
UserIds = Annotated[
    Sequence[RawId],
    PlainValidator(_check_ids),
    WithJsonSchema({"type": "array", "items": ID_SCHEMA, "examples": [["user_1", 2]]}),
]
MovieIds = Annotated[
    Sequence[RawId],
    PlainValidator(_check_ids),
    WithJsonSchema({"type": "array", "items": ID_SCHEMA, "examples": [["movie_1193", 661]]}),
]
# An optional field, which must not be null: there is only one way to omit it.
OptionalField = Annotated[
    FieldT | None, BeforeValidator(_refuse_null), Field(json_schema_extra=_leave_out_null)
]
OptionalModel = Annotated[
    OptionalField[str],
    Field(description="name of a model; the default model if omitted", examples=["baseline"]),
]
OnUnknown = Annotated[
    Literal["error", "fallback"],
    Field(description="how to treat an id without training ratings: report an error, or return a mean"),
]
Interval = Annotated[
    OptionalField[Annotated[float, Field(ge=0.5, le=0.99, allow_inf_nan=False)]],
    Field(
        description="return the ends `low` and `high` of an interval that contains the rating with this "
        "probability q: the lowest stars whose cumulative probability reaches (1-q)/2 and (1+q)/2",
        examples=[0.8],
    ),
]
Distribution = Annotated[
    bool, Field(description="return `stars`: the probability of every rating that users can give")
]
DECIMAL_FROM_TEXT: Final = BeforeValidator(_decimal_from_text)
NUMBER_FROM_TEXT: Final = BeforeValidator(_number_from_text)
BOOL_FROM_TEXT: Final = BeforeValidator(_bool_from_text)

# Fields of responses.
FullUserId = Annotated[str, Field(examples=["user_1"])]
FullMovieId = Annotated[str, Field(examples=["movie_1193"])]
ModelName = Annotated[str, Field(examples=["baseline"])]
DatasetName = Annotated[str, Field(description="data set that the model was trained on", examples=["ml-1m"])]
Rating = Annotated[
    float, Field(description="predicted rating, on the `rating_scale` of `/models`", examples=[4.31])
]
Known = Annotated[bool, Field(description="has training ratings; otherwise the rating is an estimate")]
