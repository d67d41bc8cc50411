"""The files of the page, read and compressed once, and its Content-Security-Policy."""

import gzip
import hashlib
import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Final

from training.artefact import RatingScale

INDEX: Final = "index.html"
# Chart.js, from the package `cone.charts`. The file is located by metadata; the package is not imported.
CHARTS_PACKAGE: Final = "cone.charts"
CHARTS_FILE: Final = "cone/charts/browser/static/chartjs/chart.umd.min.js"
CHARTS: Final = "chart.js"

_HERE: Final = Path(__file__).resolve().parent
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }
)
# Before the relative addresses in the page; `#...` is a place in it.
_LINKS: Final = re.compile(rb'\b(?:href|src)="(?=[^#])')
# In addition to the headers of every response (`app.observability.access_log`).
SECURITY_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page.

    Attributes:
        media_type: Media type.
        plain: Content.
        packed: Content, compressed by gzip.
        etag: Strong entity tag of `plain`, a digest of the content.
        packed_etag: Strong entity tag of `packed`: each form has its own (RFC 9110, 8.8.3).
    """

    media_type: str
    plain: bytes
    packed: bytes
    etag: str
    packed_etag: str


Page = Mapping[str, Asset]


def load_page(root_path: str = "") -> Page:
    """Load all files of the page, by their path in this folder; `index.html` is the template of `index_for`.

    Chart.js is missing if its package is not installed.

    Args:
        root_path: The path prefix that a proxy sets. With it, the page names its files by absolute paths,
            which are right at `/stars` and at `/stars/`. The scripts use paths relative to their own.
    """
    files = [path for path in sorted(_HERE.rglob("*")) if path.suffix in _TYPES]
    found = {path.relative_to(_HERE).as_posix(): _asset(path.suffix, path.read_bytes()) for path in files}
    if root_path:
        html = _LINKS.sub(rb"\g<0>%b/" % root_path.encode(), found[INDEX].plain)
        found[INDEX] = _asset(Path(INDEX).suffix, html)
    charts = _charts_path()
    if charts is not None:
        found[CHARTS] = _asset(charts.suffix, charts.read_bytes())
    return MappingProxyType(found)


@lru_cache(maxsize=8)
def index_for(template: Asset, item: str, scale: RatingScale) -> Asset:
    """Return the page itself, with `item` as the word for what is rated, on a rating scale."""
    words = {"item": item, "items": plural(item), "Item": item[0].upper() + item[1:]}
    words["Items"] = plural(words["Item"])
    words |= {name: "" if value is None else f"{value:g}" for name, value in vars(scale).items()}
    return _asset(Path(INDEX).suffix, Template(template.plain.decode()).substitute(words).encode())


def plural(noun: str) -> str:
    """Return the plural of a regular English noun."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "z", "ch", "sh")) else f"{noun}s"


def _charts_path() -> Path | None:
    try:
        path = Path(str(importlib.metadata.distribution(CHARTS_PACKAGE).locate_file(CHARTS_FILE)))
    except importlib.metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _asset(suffix: str, plain: bytes) -> Asset:
    digest = hashlib.sha256(plain).hexdigest()[:24]
    return Asset(_TYPES[suffix], plain, gzip.compress(plain, mtime=0), f'"{digest}"', f'"{digest}-gzip"')
