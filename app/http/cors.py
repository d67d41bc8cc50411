"""Calls from pages of other origins: a browser asks beforehand, and is refused with a problem."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from app.contract.errors import PreflightRefused
from app.contract.problems import problem

# The answer's own, which those of a problem take the place of.
_OF_THE_BODY = frozenset({"content-length", "content-type"})


class OtherOrigins(CORSMiddleware):
    """Starlette's, whose refusal is a line of text."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """What a browser is told that asks whether a page may make a call."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        headers = {name: value for name, value in answer.headers.items() if name not in _OF_THE_BODY}
        # "Disallowed CORS origin, method"
        error = PreflightRefused(bytes(answer.body).decode().rpartition("CORS ")[2])
        return problem(error, headers)
