"""The address of a models store in object storage, such as `s3://bucket/prefix`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# Without user, password, query or fragment: credentials come from the environment only.
_ADDRESS: Final = re.compile(r"(s3|gs|az)://[a-z0-9][a-z0-9._-]*(/[\w=~-][\w.=~-]*)*/?", re.ASCII)
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True)
class StoreAddress:
    """A valid address.

    Attributes:
        url: Scheme, bucket and prefix, without a slash at the end.
    """

    url: str

    def __str__(self) -> str:
        return self.url


def is_url(text: str) -> bool:
    """Whether the text begins like a URL, and is thus not meant as the path of a folder."""
    return _URL.match(text) is not None


def parse_address(text: str) -> StoreAddress:
    """Parse an address.

    Raises:
        ValueError: It is invalid. The message does not repeat the text, which may contain a password.
    """
    if not _ADDRESS.fullmatch(text):
        raise ValueError(
            "is not a valid address: it must be like s3://bucket/prefix (also gs:// and az://), without "
            "credentials and with only letters, digits and ._=~- in the prefix"
        )
    return StoreAddress(text.rstrip("/"))
