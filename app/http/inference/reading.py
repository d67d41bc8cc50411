"""Read an inference request: JSON, and the binary tensors that may follow it."""

from dataclasses import dataclass
from typing import Final

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.contract.errors import InvalidRequest, TooManyPairs, UnreadableBody
from app.contract.ids import Column, Pairs
from app.contract.limits import Limits
from app.contract.schemas.inference import MOVIE, USER, InferenceRequest
from app.http.inference.tensors import binary_column, json_column
from app.http.strict_json import MOST_LISTS, parse_json

# Header with the number of bytes of the JSON, if binary tensors follow it.
JSON_LENGTH: Final = "Inference-Header-Content-Length"


@dataclass(frozen=True, slots=True)
class Inference:
    """A request and its pairs."""

    request: InferenceRequest
    pairs: Pairs


def read_inference(body: bytes, json_length: int | None, limits: Limits) -> Inference:
    """Read the body of a request.

    Args:
        body: JSON, followed by the binary tensors in the order of the inputs.
        json_length: Number of bytes of the JSON; the whole body if None.
        limits: Limits of the service.

    Raises:
        UnreadableBody: The JSON cannot be parsed, or the binary tensors do not have the stated sizes.
        InvalidRequest, RequestValidationError: The request does not match the schema, or an id is not valid.
        TooManyPairs: There are more pairs than `limits.max_batch`.
    """
    length = len(body) if json_length is None else json_length
    if length > len(body):
        raise UnreadableBody(f"{JSON_LENGTH} is {length}, but the body has {len(body)} bytes")
    # Each id may be in a list of its own.
    parsed = parse_json(body[:length], MOST_LISTS + 2 * limits.max_batch)
    try:
        request = InferenceRequest.model_validate(parsed)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found) from None
    count, *width = request.inputs[0].shape
    if width not in ([], [1]):
        raise InvalidRequest([(("inputs",), "the shape must be [n] or [n, 1]")])
    if count > limits.max_batch:
        raise TooManyPairs(count, limits.max_batch)
    columns: dict[str, Column] = {}
    for tensor in request.inputs:
        size = tensor.parameters.binary_data_size
        if (size is None) == (tensor.data is None):
            raise InvalidRequest([((tensor.name,), "must have either data or binary_data_size")])
        if size is None:
            columns[tensor.name] = json_column(tensor, limits)
            continue
        if size > len(body) - length:
            raise UnreadableBody(f"the body ends before the binary data of {tensor.name}")
        columns[tensor.name] = binary_column(tensor, body[length : length + size], limits)
        length += size
    if length != len(body):
        raise UnreadableBody(f"the body has {len(body) - length} bytes that belong to no tensor")
    return Inference(request, Pairs(columns[USER], columns[MOVIE]))
