"""Write ratings as the output tensors of an inference response: JSON, or bytes that follow the JSON."""

from typing import Any, Final

import orjson
from numpy.typing import NDArray
from starlette.responses import Response

from app.contract.schemas.inference import KNOWN_MOVIE, KNOWN_USER, OUTPUTS, RATING, InferenceRequest
from app.http.inference.reading import JSON_LENGTH
from app.http.json_response import JSONResponse
from app.http.request_body import OCTETS
from training.artefact.engine import ScoredPairs, rounded

_DATATYPES: Final = {output.name: output.datatype for output in OUTPUTS}


def write_outputs(model: str, request: InferenceRequest, scored: ScoredPairs) -> Response:
    """Return the response with the requested outputs, or with all.

    Binary ratings are float32; in JSON they are rounded, as in all other JSON responses.

    Args:
        model: Name of the model.
        request: The request, whose id and shape are returned.
        scored: The `n` scored pairs.
    """
    arrays: dict[str, NDArray[Any]] = {
        RATING: scored.ratings,
        KNOWN_USER: scored.known_user,
        KNOWN_MOVIE: scored.known_movie,
    }
    wanted = dict.fromkeys(arrays, request.parameters.binary_data_output)
    if request.outputs is not None:
        wanted = {
            output.name: wanted[output.name]
            if output.parameters.binary_data is None
            else output.parameters.binary_data
            for output in request.outputs
        }
    outputs, parts = [], []
    for name, is_binary in wanted.items():
        output: dict[str, Any] = {
            "name": name,
            "datatype": _DATATYPES[name],
            "shape": request.inputs[0].shape,
        }
        if is_binary:
            parts.append(arrays[name].astype(arrays[name].dtype.newbyteorder("<"), copy=False).tobytes())
            output["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            output["data"] = rounded(arrays[name]) if name == RATING else arrays[name]
        outputs.append(output)
    head = {"model_name": model, "outputs": outputs}
    if request.id is not None:
        head["id"] = request.id
    if not parts:
        return JSONResponse(head)
    json = orjson.dumps(head, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(b"".join([json, *parts]), headers={JSON_LENGTH: str(len(json))}, media_type=OCTETS)
