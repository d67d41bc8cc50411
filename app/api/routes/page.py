"""`/`: the web page, and its files below `/page`. Not part of the API, so not in the OpenAPI document."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.dependencies import RegistryDep, StateDep
from app.contract.errors import RouteNotFound
from app.web.page import INDEX, SECURITY_HEADERS, Asset, index_for

router = APIRouter(include_in_schema=False)


@router.get("/")
async def get_page_itself(request: Request, state: StateDep, registry: RegistryDep) -> Response:
    """Return the page. Only its script reads the query string."""
    return _send(request, index_for(state["page"][INDEX], registry.item_name, registry.scale))


@router.get("/page/{name:path}")
async def get_page_file(request: Request, name: str, state: StateDep) -> Response:
    """Return a file of the page."""
    page = state["page"]
    if name not in page or name == INDEX:
        raise RouteNotFound
    return _send(request, page[name])


def _send(request: Request, asset: Asset) -> Response:
    # Imported by the first request: werkzeug would delay every start.
    from werkzeug.datastructures import Accept
    from werkzeug.http import parse_accept_header, parse_etags

    accepts_gzip = parse_accept_header(request.headers.get("accept-encoding"), Accept)["gzip"] > 0
    etag = asset.packed_etag if accepts_gzip else asset.etag
    # With `no-cache`, a browser stores the file and revalidates it each time.
    headers = {**SECURITY_HEADERS, "ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    known = request.headers.get("if-none-match")
    if known is not None and parse_etags(known).contains_weak(etag.strip('"')):
        return Response(status_code=304, headers=headers)
    if accepts_gzip:
        headers["Content-Encoding"] = "gzip"
    return Response(
        asset.packed if accepts_gzip else asset.plain, headers=headers, media_type=asset.media_type
    )
