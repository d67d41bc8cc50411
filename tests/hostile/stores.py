"""Stores modified by an attacker with write access, other than the published bypasses.

Merely damaged models are in `tests/training/artefact`; here the files match their manifest and are hostile,
or are special files.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.artefact_edits import (
    rewrite_config,
    rewrite_manifest,
    rewrite_members,
    rewrite_weights,
    state_digest,
)
from tests.hostile.bypasses import MEMBERS, NO_PLAIN_ARRAY, TABLE, Attack, taken_out
from tests.hostile.starting import Canary

FILES = ("manifest.json", "model.keras", "movies.json")


def pipe(path: Path, canary: Canary) -> None:
    path.unlink()
    os.mkfifo(path)


def link_to_a_pipe(path: Path, canary: Canary) -> None:
    path.unlink()
    path.symlink_to(canary.pipe)


def link_to_zeros_without_end(path: Path, canary: Canary) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def link_to_a_secret(path: Path, canary: Canary) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def link_to_itself(path: Path, canary: Canary) -> None:
    path.unlink()
    path.symlink_to(path)


def socket_of_somebody(path: Path, canary: Canary) -> None:
    path.unlink()
    here = Path.cwd()
    # A socket's address is at most 107 bytes long.
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


def folder(path: Path, canary: Canary) -> None:
    path.unlink()
    path.mkdir()


def terabyte_of_nothing(path: Path, canary: Canary) -> None:
    os.truncate(path, 2**40)


NO_FILES = (
    pipe,
    link_to_a_pipe,
    link_to_zeros_without_end,
    link_to_a_secret,
    link_to_itself,
    socket_of_somebody,
    folder,
    terabyte_of_nothing,
)


def stated_terabyte(folder: Path, canary: Canary) -> None:
    os.truncate(folder / "model.keras", 2**40)
    rewrite_manifest(folder, lambda manifest: manifest["model_file"].update(bytes=2**40 + 1))


def bomb(folder: Path, canary: Canary) -> None:
    zeros = b"\0" * 50_000_000
    rewrite_members(
        folder,
        lambda members: members.update({"model.weights.h5": zeros}),
        compression=zipfile.ZIP_DEFLATED,
    )


def bomb_of_a_rare_kind(folder: Path, canary: Canary) -> None:
    rewrite_members(folder, lambda members: None, compression=zipfile.ZIP_LZMA)


def size_that_is_not_there(folder: Path, canary: Canary) -> None:
    """The directory states 4 GB for the configuration."""
    rewrite_directory(folder, "config.json", 20, struct.pack("<LL", 0xFFFFFFF0, 0xFFFFFFF0))


def member_that_starts_past_the_end(folder: Path, canary: Canary) -> None:
    rewrite_directory(folder, "config.json", 42, struct.pack("<L", 0x7FFFFFFF))


def encrypted_member(folder: Path, canary: Canary) -> None:
    rewrite_directory(folder, "config.json", 8, b"\1\0")


def rewrite_directory(folder: Path, name: str, place: int, value: bytes) -> None:
    """Overwrite bytes of a member's record in the archive's directory."""
    path = folder / "model.keras"
    data = bytearray(path.read_bytes())
    record = data.rindex(b"PK\1\2", 0, data.rindex(name.encode()))
    data[record + place : record + place + len(value)] = value
    path.write_bytes(data)
    state_digest(folder)


def the_same_member_twice(folder: Path, canary: Canary) -> None:
    with zipfile.ZipFile(folder / "model.keras", "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        archive.writestr("config.json", b"{}")
    state_digest(folder)


def other_name_before_the_bytes(folder: Path, canary: Canary) -> None:
    """The member's own header has another name than the directory."""
    path = folder / "model.keras"
    data = bytearray(path.read_bytes())
    place = data.index(b"config.json")
    data[place : place + 6] = b"../../"
    path.write_bytes(data)
    state_digest(folder)


def members_without_end(folder: Path, canary: Canary) -> None:
    path = folder / "model.keras"
    data = path.read_bytes()
    end = data.rindex(b"PK\5\6")
    size, start = struct.unpack("<LL", data[end + 12 : end + 20])
    directory = data[start : start + size] * 200_000
    stated = struct.pack("<L", len(directory))
    path.write_bytes(data[:start] + directory + data[end : end + 12] + stated + data[end + 16 :])
    state_digest(folder)


def deep_configuration(folder: Path, canary: Canary) -> None:
    text = b'{"config":' * 70_000 + b"1" + b"}" * 70_000
    rewrite_members(folder, lambda members: members.update({"config.json": text}))


def large_configuration(folder: Path, canary: Canary) -> None:
    text = b'{"config":"' + b"x" * 30_000_000 + b'"}'
    rewrite_members(folder, lambda members: members.update({"config.json": text}))


def configuration_of_many_objects(folder: Path, canary: Canary) -> None:
    text = b'{"config":[' + b"[]," * 340_000 + b"[]]}"
    rewrite_members(folder, lambda members: members.update({"config.json": text}))


def layers_without_names(folder: Path, canary: Canary) -> None:
    rewrite_config(folder, lambda config: config["config"].update(layers=[[]] * 200_000))


def number_of_many_digits(folder: Path, canary: Canary) -> None:
    text = b'{"config":' + b"9" * 1_000_000 + b"}"
    rewrite_members(folder, lambda members: members.update({"config.json": text}))


def configuration_in_another_encoding(folder: Path, canary: Canary) -> None:
    rewrite_members(folder, lambda members: members.update({"config.json": b'{"config": "\xff\xfe"}'}))


def version_with_a_line_break(folder: Path, canary: Canary) -> None:
    version = json.dumps({"keras_version": "3.15.1\ncannot start: \x1b[31m"}).encode()
    rewrite_members(folder, lambda members: members.update({"metadata.json": version}))


def class_with_control_characters(folder: Path, canary: Canary) -> None:
    rewrite_config(folder, lambda config: config.update(class_name="\x1b[2J\nready on http://x" * 1000))


def large_manifest(folder: Path, canary: Canary) -> None:
    rewrite_manifest(folder, lambda manifest: manifest.update(description="x" * 100_000_000))


def deep_manifest(folder: Path, canary: Canary) -> None:
    (folder / "manifest.json").write_text('{"settings":' * 1_000_000)


def manifest_with_a_path_for_a_name(folder: Path, canary: Canary) -> None:
    rewrite_manifest(folder, lambda manifest: manifest.update(name=f"../../{canary.file}"))


def manifest_with_a_long_kind(folder: Path, canary: Canary) -> None:
    rewrite_manifest(folder, lambda manifest: manifest["fallback"].update(kind="x" * 10_000))


def deep_titles(folder: Path, canary: Canary) -> None:
    rewrite_titles(folder, b"[" * 1_000_000)


def titles_that_are_numbers(folder: Path, canary: Canary) -> None:
    rewrite_titles(folder, b'{"movie_1": {"title": 7}}')


def large_titles(folder: Path, canary: Canary) -> None:
    os.truncate(folder / "movies.json", 2**30)
    rewrite_manifest(folder, lambda manifest: manifest["movies_file"].update(bytes=2**30))


def rewrite_titles(folder: Path, data: bytes) -> None:
    (folder / "movies.json").write_bytes(data)
    state_digest(folder, "movies.json", "movies_file")


def weights(change: Callable[[h5py.File, Canary], Any]) -> Attack:
    """An attack that changes the weights' HDF5."""

    def attack(folder: Path, canary: Canary) -> None:
        rewrite_weights(folder, lambda file: change(file, canary))

    attack.__name__ = change.__name__
    return attack


@weights
def soft_link(file: h5py.File, canary: Canary) -> None:
    file["layers/attack"] = h5py.SoftLink("/layers/user_lookup")


@weights
def dangling_soft_link(file: h5py.File, canary: Canary) -> None:
    file["layers/attack"] = h5py.SoftLink("/nowhere")


@weights
def group_that_holds_itself(file: h5py.File, canary: Canary) -> None:
    group = file["layers"].create_group("attack")
    for place in range(20):
        group[f"again{place}"] = group


@weights
def groups_without_end(file: h5py.File, canary: Canary) -> None:
    attack = file["layers"].create_group("attack")
    for place in range(11_000):
        attack.create_group(str(place))


@weights
def deep_groups(file: h5py.File, canary: Canary) -> None:
    file["layers"].create_group("/".join(["deep"] * 500))


@weights
def compressed_table(file: h5py.File, canary: Canary) -> None:
    table = taken_out(file)
    file.create_dataset(TABLE, data=table, compression="gzip")


@weights
def compressed_zeros(file: h5py.File, canary: Canary) -> None:
    vars_ = file["layers"].create_group("attack/vars")
    vars_.create_dataset("0", data=np.zeros((10**4, 10**3), "f4"), compression="gzip", chunks=(10**4, 10**3))


@weights
def unknown_filter(file: h5py.File, canary: Canary) -> None:
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((4,))
    creation.set_filter(32_000, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((4,))
    group = file["layers"].create_group("attack/vars")
    h5py.h5d.create(group.id, b"0", h5py.h5t.NATIVE_FLOAT, space, creation)


@weights
def shape_whose_product_overflows(file: h5py.File, canary: Canary) -> None:
    group = file["layers"].create_group("attack/vars")
    group.create_dataset("0", shape=(2**33, 2**31), dtype="i1", chunks=(1, 2**10))


@weights
def array_that_was_never_written(file: h5py.File, canary: Canary) -> None:
    file["layers"].create_group("attack/vars").create_dataset("0", shape=(10**11,), dtype="f4")


@weights
def texts_of_any_length(file: h5py.File, canary: Canary) -> None:
    vars_ = file["layers"].create_group("attack/vars")
    vars_.create_dataset("0", data=["x" * 1000] * 10, dtype=h5py.string_dtype())


@weights
def references(file: h5py.File, canary: Canary) -> None:
    vars_ = file["layers"].create_group("attack/vars")
    vars_.create_dataset("0", data=[file.ref] * 3, dtype=h5py.ref_dtype)


@weights
def opaque_bytes(file: h5py.File, canary: Canary) -> None:
    file["layers"].create_group("attack/vars").create_dataset("0", data=np.zeros(3, "V100"))


@weights
def kind_of_its_own(file: h5py.File, canary: Canary) -> None:
    file["layers/attack"] = np.dtype("f8")


@weights
def array_with_an_attribute(file: h5py.File, canary: Canary) -> None:
    # Keras reads this one.
    file[TABLE].attrs["dtype"] = "bfloat16"


@weights
def array_outside_the_layers(file: h5py.File, canary: Canary) -> None:
    file.create_dataset("optimizer/vars/0", data=np.zeros(3, "f4"))


COMPRESSED = "has a compressed or encrypted member"
NESTED = "nested too deeply"
NO_JSON = "config.json is not JSON"
# Each with a part of the expected error, so that it is refused for the right reason.
ATTACKS: dict[Attack, str] = {
    stated_terabyte: "size or sha256 differ",
    bomb: COMPRESSED,
    bomb_of_a_rare_kind: COMPRESSED,
    size_that_is_not_there: "states members larger than itself",
    member_that_starts_past_the_end: "Truncated file header",
    encrypted_member: COMPRESSED,
    the_same_member_twice: MEMBERS,
    other_name_before_the_bytes: "File name in directory",
    members_without_end: MEMBERS,
    deep_configuration: NO_JSON,
    large_configuration: "config.json is larger than",
    configuration_of_many_objects: "is not the configuration of a model",
    layers_without_names: "is not the configuration of a model",
    number_of_many_digits: NO_JSON,
    configuration_in_another_encoding: NO_JSON,
    version_with_a_line_break: "states no keras_version",
    class_with_control_characters: "has the class",
    large_manifest: "manifest.json: is larger than",
    deep_manifest: "recursion limit",
    manifest_with_a_path_for_a_name: "name: String should match",
    manifest_with_a_long_kind: "fallback: Input tag 'xxx",
    deep_titles: "movies.json: is not JSON",
    titles_that_are_numbers: "movies.json: is not of the form",
    large_titles: "movies.json: is larger than",
    soft_link: "holds a link",
    dangling_soft_link: "holds a link",
    group_that_holds_itself: NESTED,
    groups_without_end: "holds more than 10000 objects",
    deep_groups: NESTED,
    compressed_table: NO_PLAIN_ARRAY,
    compressed_zeros: NO_PLAIN_ARRAY,
    unknown_filter: NO_PLAIN_ARRAY,
    shape_whose_product_overflows: NO_PLAIN_ARRAY,
    array_that_was_never_written: NO_PLAIN_ARRAY,
    texts_of_any_length: NO_PLAIN_ARRAY,
    references: NO_PLAIN_ARRAY,
    opaque_bytes: NO_PLAIN_ARRAY,
    kind_of_its_own: "holds an object that is neither a group nor an array",
    array_with_an_attribute: NO_PLAIN_ARRAY,
    array_outside_the_layers: "holds arrays outside its layers",
}
