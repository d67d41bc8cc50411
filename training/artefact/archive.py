"""Reads a `.keras` file as data: a zip of JSON and HDF5. Nothing in it is executed.

Every check here runs before Keras sees the file, because Keras's own loaders have been bypassed again
and again (Lambda, arbitrary modules, vocabulary paths, links and bombs in HDF5, traversal in the
archive). The rule is an allow-list: only what `training` writes is accepted.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from training.artefact.manifest import ROUNDED_TABLES
from training.artefact.mapped import MappedFile, Window
from training.artefact.rating_scale import DEFAULT_SCALE, RatingScale
from training.errors import ArtefactDamaged, ArtefactForeign

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
_MEMBERS: Final = frozenset({METADATA, CONFIG, WEIGHTS})
# Our files have a few thousand bytes. A parsed text of brackets takes twenty times its length in memory.
MAX_CONFIG_BYTES: Final = 1024 * 1024
MAX_OBJECTS: Final = 10_000
PACKAGE: Final = "stars"
# Maximum number of characters of input that an error message repeats.
_MAX_NAME: Final = 200
_VERSION: Final = re.compile(r"[0-9A-Za-z.+-]{1,100}")
# A zip member begins with a header of 30 bytes, its name and an extra field; bytes 26 to 30 have their sizes.
_LOCAL_HEADER_BYTES: Final = 30
_LOCAL_NAME_SIZE: Final = 26
# It ends with a record of 22 bytes, before which a larger archive has one of 20.
_END_BYTES: Final = 22
_END64_PLACE_BYTES: Final = 20
_MAX_DIRECTORY_BYTES: Final = 4096

# The classes that the trainer's models consist of. Our layers are registered as `stars>Name`. For a name that
# is not registered, Keras imports the stated module, so the module is checked as well.
_OWN_MODULE: Final = re.compile(r"training\.layers\.[a-z_]+")
_KERAS_CLASSES: Final = frozenset(
    {
        ("keras", "Functional"),
        ("keras.src.models.functional", "Functional"),
        ("keras", "DTypePolicy"),
        ("keras.layers", "InputLayer"),
        ("keras.layers", "Embedding"),
        ("keras.initializers", "RandomUniform"),
        ("keras.initializers", "RandomNormal"),
        ("keras.initializers", "GlorotUniform"),
        ("keras.initializers", "Zeros"),
        ("keras.initializers", "Ones"),
    }
)


@dataclass(frozen=True)
class Archive:
    """The contents of a `.keras` file.

    Attributes:
        path: Path of the file.
        keras_version: Version of Keras that wrote it.
        config: `config.json`; it names only known classes.
        variables: Layer name -> variable name -> array, read-only; mapped from the file, not copied,
            if the file allows it. Quotient-remainder and other layers with children have names like
            `remainder/0`.
    """

    path: Path
    keras_version: str
    config: Mapping[str, Any]
    variables: Mapping[str, Mapping[str, NDArray[np.generic]]]


def read_archive(path: Path, file: BinaryIO) -> Archive:
    """Read the archive in `file`, which may be closed afterwards.

    Args:
        path: Path of the file, for messages.
        file: The whole file, open for reading.

    Raises:
        ArtefactDamaged: The file is not such an archive, or a part of it cannot be read.
        ArtefactForeign: It contains a class, member or link that the trainer never writes.
    """
    members = _find_members(path, file)
    metadata = _parse_json(path, METADATA, members[METADATA])
    config = _parse_json(path, CONFIG, members[CONFIG])
    version = metadata.get("keras_version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise ArtefactDamaged(path, f"{METADATA} states no keras_version")
    for module, class_name, registered in _named_classes(path, config):
        if not _is_known(module, class_name, registered):
            raise ArtefactForeign(path, f"has the class {class_name[:60]!r}, which the trainer never writes")
    if not _is_model(config):
        raise ArtefactForeign(path, f"{CONFIG} is not the configuration of a model")
    names = _layer_names(config["config"]["layers"])
    by_group = _read_variables(path, members[WEIGHTS], MappedFile(file))
    return Archive(
        path=path,
        keras_version=version,
        config=MappingProxyType(config),
        variables=MappingProxyType({names.get(group, group): arrays for group, arrays in by_group.items()}),
    )


def head_scale(archive: Archive) -> RatingScale:
    """Return the scale that the model's head rates on, without a step; 0 to 5 if it states none.

    Raises:
        ArtefactForeign: It is not two ascending numbers.
    """
    layers = archive.config["config"]["layers"]
    head: Any = next((layer.get("config") for layer in layers if layer["class_name"] == "RatingHead"), {})
    try:
        low, high = head.get("low", DEFAULT_SCALE.low), head.get("high", DEFAULT_SCALE.high)
        if not -math.inf < low < high < math.inf:
            raise ValueError("not ascending")
        return RatingScale(float(low), float(high), None)
    except (AttributeError, TypeError, ValueError) as error:
        raise ArtefactForeign(archive.path, "its head states no rating scale of two numbers") from error


def _layer_names(layers: list[dict[str, Any]]) -> dict[str, str]:
    """Map each group of the weights file to the name of its layer.

    Keras numbers the groups of a class in the order of the layers. The file also has the names as attributes,
    but the HDF5 library crashes or loops when it reads attribute text from a corrupted heap.
    """
    names: dict[str, str] = {}
    count: Counter[str] = Counter()
    for layer in layers:
        group = _snake_case(layer["class_name"])
        number = count[group]
        count[group] += 1
        names[f"{group}_{number}" if number else group] = layer["name"]
    return names


def _snake_case(class_name: str) -> str:
    """Convert a class name as Keras does for paths: `QREmbedding` to `qr_embedding`."""
    words = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()


def _find_members(path: Path, file: BinaryIO) -> dict[str, Window]:
    whole = os.fstat(file.fileno()).st_size
    try:
        _check_directory_size(path, file, whole)
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            if len(names) != len(set(names)) or set(names) != _MEMBERS:
                raise ArtefactForeign(path, f"must hold exactly {', '.join(sorted(_MEMBERS))}")
            if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 for info in infos):
                raise ArtefactForeign(path, "has a compressed or encrypted member; Keras stores them plain")
            members = {}
            for info in infos:
                # Opening a member compares its own header with the directory.
                archive.open(info).close()
                name_size, extra_size = struct.unpack(
                    "<HH", os.pread(file.fileno(), 4, info.header_offset + _LOCAL_NAME_SIZE)
                )
                start = info.header_offset + _LOCAL_HEADER_BYTES + name_size + extra_size
                if info.compress_size != info.file_size or start + info.file_size > whole:
                    raise ArtefactDamaged(path, "states members larger than itself")
                members[info.filename] = Window(file, start, info.file_size)
            return members
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError, struct.error) as error:
        raise ArtefactDamaged(path, f"is not a readable .keras archive ({str(error)[:_MAX_NAME]})") from error


def _check_directory_size(path: Path, file: BinaryIO, whole: int) -> None:
    """Refuse a central directory that is too large for three members, before zipfile reads all of it."""
    length = _END_BYTES + _END64_PLACE_BYTES
    tail = os.pread(file.fileno(), length, max(0, whole - length))
    if not tail[-_END_BYTES:].startswith(b"PK\x05\x06"):
        raise ArtefactDamaged(path, "is not a readable .keras archive (it does not end like one)")
    sizes = [struct.unpack("<L", tail[-10:-6])[0]]
    if tail.startswith(b"PK\x06\x07"):
        # Archives above 4 GiB have a record of their own for this.
        record = os.pread(file.fileno(), 56, struct.unpack("<Q", tail[8:16])[0])
        sizes.append(struct.unpack("<Q", record[40:48])[0])
    if max(sizes) > _MAX_DIRECTORY_BYTES:
        raise ArtefactForeign(path, f"must hold exactly {', '.join(sorted(_MEMBERS))}")


def _parse_json(path: Path, name: str, member: Window) -> dict[str, Any]:
    if member.size > MAX_CONFIG_BYTES:
        raise ArtefactForeign(path, f"{name} is larger than {MAX_CONFIG_BYTES} bytes")
    try:
        parsed = json.loads(member.read(MAX_CONFIG_BYTES))
    except (ValueError, RecursionError) as error:
        raise ArtefactDamaged(path, f"{name} is not JSON") from error
    if not isinstance(parsed, dict):
        raise ArtefactDamaged(path, f"{name} is not a JSON object")
    return parsed


def _is_model(config: Mapping[str, Any]) -> bool:
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else None
    named = isinstance(layers, list) and all(
        isinstance(layer, dict)
        and isinstance(layer.get("name"), str)
        and isinstance(layer.get("class_name"), str)
        for layer in layers
    )
    return named and config.get("class_name") == "Functional"


def _is_known(module: object, class_name: str, registered: str | None) -> bool:
    if not isinstance(module, str):
        return False
    if _OWN_MODULE.fullmatch(module):
        return registered == f"{PACKAGE}>{class_name}"
    return (module, class_name) in _KERAS_CLASSES and registered in (None, class_name)


def _named_classes(path: Path, node: Any) -> Iterator[tuple[object, str, str | None]]:
    """Yield every (module, class_name, registered_name) that Keras would resolve, at any depth."""
    stack = [node]
    while stack:
        found = stack.pop()
        if isinstance(found, dict):
            if "class_name" in found and found["class_name"] != "__keras_tensor__":
                module, name, registered = (found.get(k) for k in ("module", "class_name", "registered_name"))
                if not isinstance(name, str) or not isinstance(registered, str | None):
                    raise ArtefactForeign(path, f"{CONFIG} names a class that is not text")
                yield module, name, registered
            if "class_name" not in found and ("module" in found or "registered_name" in found):
                raise ArtefactForeign(path, f"{CONFIG} names a module without a class")
            if found.get("compile_config"):
                raise ArtefactForeign(path, f"{CONFIG} has a compile_config, which the trainer never writes")
            if found.get("class_name") == "RoundedEmbedding" or "table_bits" in found:
                raise ArtefactForeign(path, ROUNDED_TABLES)
            if "vocabulary" in found:
                raise ArtefactForeign(path, f"{CONFIG} names a vocabulary; ids are among the weights")
            stack.extend(found.values())
        elif isinstance(found, list):
            stack.extend(found)


def _read_variables(
    path: Path, weights: Window, mapped: MappedFile
) -> dict[str, dict[str, NDArray[np.generic]]]:
    try:
        with h5py.File(weights, "r") as file:
            layers: dict[str, dict[str, NDArray[np.generic]]] = {}
            for position, (group_path, item) in enumerate(_walk(path, file)):
                if position > MAX_OBJECTS:
                    raise ArtefactForeign(path, f"{WEIGHTS} holds more than {MAX_OBJECTS} objects")
                parts = group_path.split("/")
                if parts[0] != "layers" or len(parts) < 2:
                    if isinstance(item, h5py.Dataset):
                        raise ArtefactForeign(path, f"{WEIGHTS} holds arrays outside its layers")
                    continue
                if isinstance(item, h5py.Dataset):
                    inner = "/".join(part for part in parts[2:] if part != "vars")
                    layers.setdefault(parts[1], {})[inner] = _read_array(path, item, weights, mapped)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ArtefactDamaged(path, f"{WEIGHTS} is not readable HDF5") from error
    return layers


def _walk(path: Path, group: h5py.Group, above: str = "") -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Yield the objects below `group`. Only hard links are followed, never soft or external ones."""
    if above.count("/") > 8:
        raise ArtefactForeign(path, f"{WEIGHTS} is nested too deeply")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ArtefactForeign(path, f"{WEIGHTS} holds a link")
        item = group[name]
        if not isinstance(item, h5py.Group | h5py.Dataset):
            raise ArtefactForeign(path, f"{WEIGHTS} holds an object that is neither a group nor an array")
        here = f"{above}/{name}" if above else name
        yield here, item
        if isinstance(item, h5py.Group):
            yield from _walk(path, item, here)


def _read_array(
    path: Path, dataset: h5py.Dataset, weights: Window, mapped: MappedFile
) -> NDArray[np.generic]:
    plain = dataset.chunks is None and not dataset.external and not dataset.is_virtual
    # Attributes are refused, because Keras would read them: see `_layer_names`.
    plain = plain and h5py.h5a.get_num_attrs(dataset.id) == 0
    # Computed here because the library's own product overflows.
    nbytes = math.prod(dataset.shape or ()) * dataset.dtype.itemsize
    if not plain or dataset.shape is None or dataset.dtype.kind not in "fiu" or nbytes > weights.size:
        raise ArtefactForeign(path, f"{WEIGHTS} holds an array that is not plain numbers within the file")
    offset = dataset.id.get_offset()
    as_stored = dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype)
    if offset is None or not as_stored or dataset.id.get_storage_size() != nbytes:
        # Kept in the header, never written, or in numbers that NumPy has no name for: the library knows.
        array: NDArray[np.generic] = dataset[()]
        finite = array.dtype.kind != "f" or bool(np.all(np.isfinite(array)))
    else:
        if offset + nbytes > weights.size:
            raise ArtefactDamaged(path, f"{WEIGHTS} states an array that goes past its end")
        start = weights.start + offset
        array = mapped.array(dataset.dtype, dataset.shape, start)
        finite = array.dtype.kind != "f" or mapped.is_finite(array, start)
    if not finite:
        raise ArtefactDamaged(path, f"{WEIGHTS} holds numbers that are not finite")
    return array
