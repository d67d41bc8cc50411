"""Tensors of the Open Inference Protocol as request and response bodies of `/v2/models/{name}/infer`."""

from app.http.inference.reading import JSON_LENGTH, Inference, read_inference
from app.http.inference.writing import write_outputs

__all__ = ["JSON_LENGTH", "Inference", "read_inference", "write_outputs"]
