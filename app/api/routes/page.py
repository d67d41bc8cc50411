"""`/`: the page, and its files below `/page`. No part of the API, so not in its description."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.api.dependencies import PageDep
from app.web.page import INDEX, SECURITY_HEADERS, Asset

router = APIRouter(include_in_schema=False)


@router.get("/")
async def get_page_itself(request: Request, page: PageDep) -> Response:
    """The page. Its query says what to show, and is for the browser."""
    return _send(request, page[INDEX])


@router.get("/page/{name}")
async def get_page_file(request: Request, name: str, page: PageDep) -> Response:
    """A file of the page."""
    if name not in page or name == INDEX:
        raise HTTPException(404)
    return _send(request, page[name])


def _send(request: Request, asset: Asset) -> Response:
    # `no-cache` is: ask each time, and be told in a few bytes that nothing changed.
    headers = {**SECURITY_HEADERS, "ETag": asset.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            asset.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type
        )
    return Response(asset.plain, headers=headers, media_type=asset.media_type)
