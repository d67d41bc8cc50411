"""Schemas of the Open Inference Protocol, version 2, over REST, with its extension for binary tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from app.contract.schemas.fields import ModelName, OnUnknown, OptionalField
from app.contract.schemas.requests import RequestModel

USER, MOVIE = "user_id", "movie_id"
RATING, KNOWN_USER, KNOWN_MOVIE = "rating", "known_user", "known_movie"
OutputName = Literal["rating", "known_user", "known_movie"]
BINARY_TENSORS: Final = "binary_tensor_data"
MAX_REQUEST_ID: Final = 256
_MAX_SIZE: Final = 2**63 - 1

Size = Annotated[int, Field(ge=0, le=_MAX_SIZE)]
# The reader of tensors checks all values of a list at once. With the shape [n, 1], each may be in a list of
# its own.
Values = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0, "format": "int64"}]},
            "description": "ids in order: strings for BYTES, whole numbers for INT64",
        }
    ),
]


class InferenceParameters(RequestModel, extra="ignore"):
    """Parameters of a request. Unknown parameters are ignored: the protocol leaves them to each server."""

    on_unknown: OnUnknown = "error"
    binary_data_output: Annotated[
        bool, Field(description="whether outputs are binary unless they state otherwise")
    ] = False


class InputParameters(RequestModel, extra="ignore"):
    """Parameters of an input tensor."""

    binary_data_size: Annotated[
        OptionalField[Size], Field(description="bytes of the tensor after the JSON, instead of `data`")
    ] = None


class OutputParameters(RequestModel, extra="ignore"):
    """Parameters of a requested output tensor."""

    binary_data: Annotated[OptionalField[bool], Field(description="whether it follows the JSON as bytes")] = (
        None
    )


class InputTensor(RequestModel):
    """The ids of one side."""

    name: Literal["user_id", "movie_id"]
    shape: Annotated[list[Size], Field(min_length=1, max_length=2, description="[n], or [n, 1]")]
    datatype: Literal["BYTES", "INT64"]
    parameters: InputParameters = InputParameters()
    data: OptionalField[Values] = None


class RequestedOutput(RequestModel):
    """The name of an output tensor."""

    name: OutputName
    parameters: OutputParameters = OutputParameters()


_EXAMPLE: Final[JsonDict] = {
    "inputs": [
        {"name": USER, "shape": [2], "datatype": "BYTES", "data": ["user_1", "2"]},
        {"name": MOVIE, "shape": [2], "datatype": "INT64", "data": [1193, 661]},
    ]
}


class InferenceRequest(RequestModel):
    """Pairs of ids as two tensors of one shape."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    # Sent by KServe's SDK; the path names the model.
    model_name: OptionalField[str] = None
    id: Annotated[
        OptionalField[Annotated[str, Field(max_length=MAX_REQUEST_ID)]],
        Field(description="returned in the response"),
    ] = None
    parameters: InferenceParameters = InferenceParameters()
    inputs: Annotated[list[InputTensor], Field(min_length=2, max_length=2)]
    outputs: Annotated[
        OptionalField[Annotated[list[RequestedOutput], Field(min_length=1, max_length=3)]],
        Field(description="all outputs if omitted"),
    ] = None

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for field, tensors in (("inputs", self.inputs), ("outputs", self.outputs or ())):
            if len({tensor.name for tensor in tensors}) != len(tensors):
                raise ValueError(f"{field} has a tensor twice")
        if self.inputs[0].shape != self.inputs[1].shape:
            raise ValueError("the inputs differ in shape")
        return self


@dataclass(frozen=True, slots=True)
class Live:
    """The process is alive."""

    live: Annotated[bool, Field(examples=[True])]


@dataclass(frozen=True, slots=True)
class ServerReady:
    """Every expected model is loaded and has rated a test pair."""

    ready: Annotated[bool, Field(examples=[True])]


@dataclass(frozen=True, slots=True)
class ModelReady:
    """The model is loaded and has rated a test pair."""

    name: ModelName
    ready: Annotated[bool, Field(examples=[True])]


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """Name, version and extensions of the server."""

    name: Annotated[str, Field(examples=["Movie ratings"])]
    version: Annotated[str, Field(description="version of the API", examples=["1.0"])]
    extensions: Annotated[Sequence[str], Field(examples=[[BINARY_TENSORS]])]


@dataclass(frozen=True, slots=True)
class TensorMetadata:
    """Name, type and shape of a tensor; -1 stands for any size."""

    name: Annotated[str, Field(examples=[RATING])]
    datatype: Annotated[str, Field(examples=["FP32"])]
    shape: Annotated[Sequence[int], Field(examples=[[-1]])]


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """The tensors of a model."""

    name: ModelName
    platform: Annotated[str, Field(examples=["keras"])]
    inputs: Sequence[TensorMetadata]
    outputs: Sequence[TensorMetadata]


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """One output for each pair, in the order of the request."""

    name: OutputName
    datatype: Literal["FP32", "BOOL"]
    shape: Annotated[Sequence[int], Field(description="the shape of the inputs", examples=[[2]])]
    data: Annotated[
        Sequence[float] | Sequence[bool] | None, Field(description="absent if the tensor is binary")
    ] = None
    parameters: Annotated[InputParameters | None, Field(description="present if the tensor is binary")] = None


@dataclass(frozen=True, slots=True)
class InferenceResponse:
    """Ratings of pairs, and which ids have training ratings."""

    model_name: ModelName
    outputs: Sequence[OutputTensor]
    id: Annotated[str | None, Field(description="absent if the request has none")] = None


_ANY: Final = (-1,)
INPUTS: Final = (TensorMetadata(USER, "BYTES", _ANY), TensorMetadata(MOVIE, "BYTES", _ANY))
OUTPUTS: Final = (
    TensorMetadata(RATING, "FP32", _ANY),
    TensorMetadata(KNOWN_USER, "BOOL", _ANY),
    TensorMetadata(KNOWN_MOVIE, "BOOL", _ANY),
)
