"""The layout of a models store in object storage.

```
current.json                            the pointer: the version that services load
versions/<version>/version.json         the files of the version, with their digests
versions/<version>/compact/model.keras  ... the folders of the models, as in a local store
```

A version is named after the SHA-256 of its `version.json`, so it never changes. The pointer is the only
object that is replaced.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, ValidationError

from training.artefact.manifest import ARTEFACT_FILES, FileRecord, Record, Sha256
from training.errors import ArtefactDamaged

POINTER_FILE: Final = "current.json"
VERSION_FILE: Final = "version.json"
MAX_POINTER_BYTES: Final = 4096
MAX_VERSION_BYTES: Final = 1024 * 1024

_NAMES: Final = "|".join(map(re.escape, ARTEFACT_FILES))
FileName = Annotated[str, Field(pattern=rf"^[a-z][a-z0-9_-]{{0,63}}/({_NAMES})$")]


class Pointer(Record):
    """The content of `current.json`."""

    format_version: Literal[1] = 1
    version: Sha256


class Version(Record):
    """The content of `version.json`: every file of the version by its path in the store."""

    format_version: Literal[1] = 1
    files: Annotated[dict[FileName, FileRecord], Field(min_length=1)]


def render_version(files: Mapping[str, FileRecord]) -> tuple[str, bytes]:
    """Return the name of the version with these files, and its `version.json`."""
    content = Version(files=dict(sorted(files.items()))).model_dump_json(indent=2).encode()
    return hashlib.sha256(content).hexdigest(), content


def render_pointer(version: str) -> bytes:
    """Return the `current.json` that names a version."""
    return json.dumps(Pointer(version=version).model_dump()).encode()


Read = TypeVar("Read", Pointer, Version)


def parse(kind: type[Read], content: bytes, path: str) -> Read:
    """Parse one of the two files.

    Raises:
        ArtefactDamaged: The content is invalid.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "content"
        raise ArtefactDamaged(path, f"{where}: {first['msg']}") from error


def version_folder(version: str) -> str:
    """Return the folder of a version, which has the layout of a local store."""
    return f"versions/{version}"
