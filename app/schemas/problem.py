"""The one shape of every error: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE: Final = "application/problem+json"
MAX_BYTES: Final = 10_000


class ErrorPlace(BaseModel):
    """One thing that is wrong with a request."""

    loc: Annotated[list[str | int], Field(description="where: field names and list positions")]
    msg: Annotated[str, Field(description="what is wrong; never repeats the input")]


class Problem(BaseModel):
    """What was wrong. Fields beside the first five are there where they mean something."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(description="a name for this kind of problem, ends in the code")]
    title: Annotated[str, Field(description="the kind of problem in words")]
    status: Annotated[int, Field(description="the HTTP status")]
    detail: Annotated[str, Field(description="this problem in a sentence")]
    code: Annotated[str, Field(description="the kind of problem for programs")]
    user_id: Annotated[str, Field(description="the user that has no training rating, shortened")] = ""
    movie_id: Annotated[str, Field(description="the movie that has no training rating, shortened")] = ""
    models: Annotated[list[str], Field(description="names of models: known ones, or missing ones")] = []
    errors: Annotated[list[ErrorPlace], Field(description="what is wrong where, at most 10")] = []
    positions: Annotated[list[int], Field(description="the first cold positions, at most 100")] = []
    total: Annotated[int, Field(description="how many cold positions there are")] = 0
    limit: Annotated[int, Field(description="the limit that was passed")] = 0
