"""Check manifests by the models of KServe's SDK, in whose environment this runs: `kserve_models.py FILE...`.

It prints one line for each field that the SDK does not know or whose value has the wrong type.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kserve.models
import kubernetes.client
import yaml

SCALARS: dict[str, type] = {"str": str, "int": int, "bool": bool}


def problems(value: Any, kind: str, where: str) -> Iterator[str]:
    """Yield the problems of a value, `kind` being a type as the SDKs write it: `list[V1Container]`."""
    items = re.fullmatch(r"[Ll]ist\[(.+)\]", kind)
    values = re.fullmatch(r"[Dd]ict[(\[]str, (.+)[)\]]", kind)
    if kind in SCALARS:
        if type(value) is not SCALARS[kind]:
            yield f"{where}: {value!r} is not of type {kind}"
    elif items is not None and isinstance(value, list):
        for index, item in enumerate(value):
            yield from problems(item, items[1], f"{where}.{index}")
    elif values is not None and isinstance(value, dict):
        for key, item in value.items():
            yield from problems(item, values[1], f"{where}.{key}")
    elif items is not None or values is not None:
        yield f"{where}: {value!r} is not of type {kind}"
    else:
        model: Any = getattr(kserve.models, kind, None) or getattr(kubernetes.client, kind, None)
        types: dict[str, str] = getattr(model, "openapi_types", {})
        if not types:
            return  # a value of any type, such as a quantity
        names = {field: name for name, field in model.attribute_map.items()}
        for field, item in value.items():
            if field in names:
                yield from problems(item, types[names[field]], f"{where}.{field}")
            else:
                yield f"{where}.{field}: is not a field of {kind}"


def main(paths: list[str]) -> Iterator[str]:
    """Yield the problems of all manifests in some files."""
    for path in paths:
        for manifest in yaml.safe_load_all(Path(path).read_text("utf-8")):
            # serving.kserve.io/v1alpha1, ServingRuntime: V1alpha1ServingRuntime
            version = manifest["apiVersion"].removeprefix("serving.kserve.io/")
            kind = f"{version.capitalize()}{manifest['kind']}"
            if not hasattr(kserve.models, kind):
                yield f"{path}: the SDK has no {kind}"
                continue
            yield from problems(manifest, kind, manifest["kind"])


if __name__ == "__main__":
    found = list(main(sys.argv[1:]))
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.exit(1 if found else 0)
