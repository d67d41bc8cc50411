"""What a caller may send, as a JSON body or as a query string (there every value is text)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.contract.errors import InvalidRequest, TooManyPairs, shorten
from app.contract.ids import ID_SCHEMA, check_id, plain_ids
from app.contract.limits import Limits
from training.artefact import RawId
from training.artefact.ids.id_text import IdTexts


def limits_of(info: ValidationInfo) -> Limits:
    """The limits that the request is read under."""
    return info.context if isinstance(info.context, Limits) else Limits()


def _one_id(raw: object, info: ValidationInfo) -> RawId:
    return check_id(raw, limits_of(info).max_id_length)


def _many_ids(raws: object, info: ValidationInfo) -> Sequence[RawId]:
    limits = limits_of(info)
    if not isinstance(raws, list | IdTexts):
        raise ValueError("must be a list of ids")
    check_count(raws, info)
    plain = plain_ids(raws, limits.max_id_length)
    if plain is not None:
        return plain
    for position, raw in enumerate(raws):
        try:
            check_id(raw, limits.max_id_length)
        except ValueError as error:
            # Pydantic has no way to place an error inside a list that it does not walk itself.
            raise InvalidRequest([((info.field_name or "", position), str(error))]) from None
    return raws


def check_count(pairs: object, info: ValidationInfo) -> object:
    """`pairs`, if it is no list with more entries than one call may hold."""
    limit = limits_of(info).max_batch
    if isinstance(pairs, list | IdTexts) and len(pairs) > limit:
        raise TooManyPairs(len(pairs), limit)
    return pairs


def not_null(value: object) -> object:
    """`value`, if it is something."""
    if value is None:
        raise ValueError("is null; leave the field out instead")
    return value


Id = Annotated[RawId, PlainValidator(_one_id), WithJsonSchema(ID_SCHEMA)]
Ids = Annotated[
    Sequence[RawId], PlainValidator(_many_ids), WithJsonSchema({"type": "array", "items": ID_SCHEMA})
]
Model = Annotated[
    str | None,
    BeforeValidator(not_null),
    Field(description="name of a model; the default one where it is left out"),
    WithJsonSchema({"type": "string"}),
]
Stars = Annotated[
    Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] | None,
    BeforeValidator(not_null),
    Field(description="observed rating, in stars"),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 5}),
]
OnUnknown = Annotated[
    Literal["error", "fallback"],
    Field(description="what becomes of an id without a training rating: refused, or answered by a mean"),
]


class RequestModel(BaseModel):
    """Base of all requests: nothing is coerced, and fields that do not exist are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_fields(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise PydanticCustomError("not_an_object", "must be a JSON object")
        # Before pydantic does: it would make an error of each of a million fields.
        if not data.keys() <= cls.model_fields.keys():
            unknown = sorted(data.keys() - cls.model_fields.keys())
            names = ", ".join(shorten(name, 40) for name in unknown[:3])
            raise PydanticCustomError(
                "unknown_field",
                "no such field: {names}{more}; there are {known}",
                {
                    "names": names,
                    "more": " and more" if len(unknown) > 3 else "",
                    "known": ", ".join(cls.model_fields),
                },
            )
        return data


class PredictRequest(RequestModel):
    """One pair."""

    user_id: Id
    movie_id: Id
    model: Model = None
    on_unknown: OnUnknown = "error"


class BatchRequest(RequestModel):
    """Many pairs as two columns: the pair at position i is `user_ids[i]`, `movie_ids[i]`."""

    user_ids: Ids
    movie_ids: Ids
    model: Model = None
    on_unknown: OnUnknown = "error"

    @model_validator(mode="after")
    def _same_length(self) -> BatchRequest:
        if len(self.user_ids) != len(self.movie_ids):
            raise ValueError(
                f"user_ids and movie_ids differ in length: {len(self.user_ids)} and {len(self.movie_ids)}"
            )
        return self


class BatchOptions(RequestModel):
    """What goes with a batch whose columns are an Arrow stream, as a query string."""

    model: Model = None
    on_unknown: OnUnknown = "error"


class CompareQuery(RequestModel):
    """One pair to be rated by every model, or nothing."""

    user_id: Annotated[Id | None, BeforeValidator(not_null), WithJsonSchema(ID_SCHEMA)] = None
    movie_id: Annotated[Id | None, BeforeValidator(not_null), WithJsonSchema(ID_SCHEMA)] = None

    @model_validator(mode="after")
    def _both_or_none(self) -> CompareQuery:
        if (self.user_id is None) != (self.movie_id is None):
            raise ValueError("user_id and movie_id go together")
        return self


class LabelledPair(RequestModel):
    """A pair, and the rating that was observed, where there is one."""

    user_id: Id
    movie_id: Id
    rating: Stars = None


def _check_names(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("names a model twice")
    return names


class CompareRequest(RequestModel):
    """Pairs to be rated by several models."""

    pairs: Annotated[list[LabelledPair], Field(fail_fast=True), BeforeValidator(check_count)]
    models: Annotated[
        Annotated[
            list[str], Field(min_length=1, max_length=1000, fail_fast=True), AfterValidator(_check_names)
        ]
        | None,
        BeforeValidator(not_null),
        Field(description="names of the models to compare; all where it is left out"),
        WithJsonSchema({"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string"}}),
    ] = None
