"""Every invalid model folder is rejected with a one-line error before any of it is used."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tensorflow as tf

from tests.artefact_edits import rewrite_config, rewrite_manifest, rewrite_members, rewrite_weights
from tests.conftest import REPOSITORY
from training.artefact import (
    ArtefactDamaged,
    ArtefactError,
    ArtefactForeign,
    ArtefactMissing,
    StoreMissing,
    is_unchanged,
    list_artefacts,
    movie_titles,
    open_artefact,
    open_stored,
)
from training.models.loading import load_keras_model


def test_published_artefact_opens(store: Path) -> None:
    artefact = open_artefact(store / "baseline")
    assert (len(artefact.users), artefact.users.warm) == (30, 29)
    assert artefact.users[29] == "user_30"
    assert artefact.movies[39] == "movie_40"
    assert movie_titles(artefact.folder, artefact.manifest) == {
        "movie_1": {"title": "Café, Das (1999)", "genres": ["Comedy", "Drama"]}
    }
    assert [path.name for path in list_artefacts(store)] == ["baseline", "memory_efficient"]


def test_is_unchanged_detects_every_changed_file(store: Path) -> None:
    folder = store / "baseline"
    manifest = open_artefact(folder).manifest
    assert is_unchanged(folder, manifest)
    assert not is_unchanged(store / "memory_efficient", manifest)
    for name in ("model.keras", "movies.json"):
        good = (folder / name).read_bytes()
        (folder / name).write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.raises(ArtefactDamaged, match=name):
            is_unchanged(folder, manifest)
        (folder / name).write_bytes(good)
    assert is_unchanged(folder, manifest)


@pytest.mark.parametrize("name", ["lost+found", "__MACOSX", "@eaDir"])
def test_folder_without_a_model_is_skipped_with_a_warning(
    store: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    (store / name).mkdir()
    (store / name / "notes.txt").touch()
    assert [path.name for path in list_artefacts(store)] == ["baseline", "memory_efficient"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{store / name} holds no model and is skipped"
    ]


@pytest.mark.parametrize("left", ["manifest.json", "model.keras", "movies.json"])
def test_folder_with_part_of_a_model_counts_as_a_model(store: Path, left: str) -> None:
    for path in (store / "baseline").iterdir():
        if path.name != left:
            path.unlink()
    assert "baseline" in [path.name for path in list_artefacts(store)]
    with pytest.raises(ArtefactMissing):
        open_artefact(store / "baseline")


def test_missing_parts_are_reported(store: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="there is no models store"):
        list_artefacts(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(ArtefactMissing, match="store cannot be read"):
        list_artefacts(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreMissing, match="no model"):
        list_artefacts(tmp_path / "empty")
    (store / "baseline" / "model.keras").unlink()
    with pytest.raises(ArtefactMissing, match=r"model\.keras"):
        open_artefact(store / "baseline")
    (store / "memory_efficient" / "manifest.json").unlink()
    with pytest.raises(ArtefactMissing, match="no manifest"):
        open_artefact(store / "memory_efficient")


def state_precision(folder: Path) -> None:
    rewrite_manifest(folder, lambda manifest: manifest["settings"].update(precision={"bits": 16}))


def rounded_layer(folder: Path) -> None:
    registered = {"class_name": "RoundedEmbedding", "registered_name": "stars>RoundedEmbedding"}
    module = {"module": "training.layers.rounded_embedding"}
    rewrite_config(folder, lambda config: config["config"]["layers"][4].update(registered | module))


def rounded_tables_within_a_layer(folder: Path) -> None:
    rewrite_config(folder, lambda config: config["config"]["layers"][4]["config"].update(table_bits=4))


@pytest.mark.parametrize("change", [state_precision, rounded_layer, rounded_tables_within_a_layer])
def test_rounded_tables_of_earlier_versions_are_refused_in_one_line(
    change: Callable[[Path], None], store: Path
) -> None:
    folder = store / "memory_efficient"
    change(folder)
    with pytest.raises(ArtefactForeign, match="rounded tables, which are no longer supported") as refused:
        open_artefact(folder)
    assert "\n" not in str(refused.value)


def test_a_manifest_that_states_no_precision_opens(store: Path) -> None:
    rewrite_manifest(store / "baseline", lambda manifest: manifest["settings"].update(precision=None))
    open_artefact(store / "baseline")


@pytest.mark.parametrize("position", [0, 40, 2000, -1])
def test_flipped_byte_is_rejected_as_damage(store: Path, position: int) -> None:
    path = store / "baseline" / "model.keras"
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtefactDamaged, match="not the file that its manifest states"):
        open_artefact(store / "baseline")


def test_truncated_and_swapped_files_are_rejected_as_damage(store: Path) -> None:
    first, second = (store / name / "model.keras" for name in ("baseline", "memory_efficient"))
    whole = first.read_bytes()
    first.write_bytes(whole[:-1])
    second.write_bytes(whole)
    for folder in ("baseline", "memory_efficient"):
        with pytest.raises(ArtefactDamaged):
            open_artefact(store / folder)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda manifest: manifest.update(format_version=7), ArtefactForeign),
        (lambda manifest: manifest.update(format_version=2), ArtefactDamaged),
        (lambda manifest: manifest.update(format_version=1), ArtefactDamaged),
        (lambda manifest: manifest.pop("ratings_file"), ArtefactDamaged),
        (lambda manifest: manifest.pop("rating_scale"), ArtefactDamaged),
        (lambda manifest: manifest["rating_scale"].update(low=5), ArtefactDamaged),
        (lambda manifest: manifest["rating_scale"].update(high=10), ArtefactDamaged),
        (lambda manifest: manifest["rating_scale"].update(step=0), ArtefactDamaged),
        (lambda manifest: manifest.update(name="other"), ArtefactForeign),
        (lambda manifest: manifest["parameters"].update(total=1), ArtefactDamaged),
        (lambda manifest: manifest["parameters"]["tables"][0].update(dtype="int8"), ArtefactDamaged),
        (lambda manifest: manifest.update(weights_bytes=1), ArtefactDamaged),
        (lambda manifest: manifest.update(extra=1), ArtefactDamaged),
        (lambda manifest: manifest.pop("fallback"), ArtefactDamaged),
        (lambda manifest: manifest["fallback"]["user_means"].pop(), ArtefactDamaged),
        (lambda manifest: manifest["fallback"].update(global_mean="3"), ArtefactDamaged),
        (lambda manifest: manifest["fallback"].update(global_mean=6), ArtefactDamaged),
        (lambda manifest: manifest["vocabulary"]["users"].update(size=31), ArtefactDamaged),
        (lambda manifest: manifest["vocabulary"]["users"].update(warm=31), ArtefactDamaged),
        (lambda manifest: manifest["vocabulary"]["movies"].update(prefix=None), ArtefactDamaged),
    ],
)
def test_inconsistent_manifest_is_rejected(
    store: Path, change: Callable[[Any], Any], kind: type[ArtefactError]
) -> None:
    rewrite_manifest(store / "baseline", change)
    with pytest.raises(kind):
        open_stored(store / "baseline")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"format_version": 1}'])
def test_invalid_manifest_is_rejected(store: Path, text: str) -> None:
    (store / "baseline" / "manifest.json").write_text(text)
    with pytest.raises(ArtefactError):
        open_artefact(store / "baseline")


def add_layer(
    class_name: str, module: str | None, registered: str | None
) -> Callable[[dict[str, Any]], None]:
    layer: dict[str, Any] = {
        "class_name": class_name,
        "module": module,
        "registered_name": registered,
        "config": {},
        "name": "x",
    }
    return lambda config: config["config"]["layers"].append(layer)


@pytest.mark.parametrize(
    "change",
    [
        add_layer("Lambda", "keras.layers", None),
        add_layer("StringLookup", "keras.layers", None),
        add_layer("TorchModuleWrapper", "keras.layers", None),
        add_layer("system", "os", None),
        add_layer("Popen", "subprocess", "Popen"),
        add_layer("Evil", None, "other>Evil"),
        add_layer("Evil", None, "stars>Evil>Lambda"),
        lambda config: config["config"]["layers"][0]["config"].update(
            hidden={"module": "os", "class_name": "system"}
        ),
        lambda config: config["config"]["layers"][0].update(build_config={"module": "os"}),
        lambda config: config.update(class_name="Sequential", module="keras"),
        lambda config: config.update(class_name=7),
    ],
)
def test_foreign_classes_are_never_loaded(store: Path, change: Callable[[dict[str, Any]], None]) -> None:
    rewrite_config(store / "baseline", change)
    with pytest.raises(ArtefactForeign):
        open_artefact(store / "baseline")


@pytest.mark.parametrize(
    "change",
    [
        lambda members: members.update({"../evil": b"x"}),
        lambda members: members.update({"assets/vocabulary.txt": b"x"}),
        lambda members: members.pop("metadata.json"),
        lambda members: members.update({"config.json": b"{"}),
        lambda members: members.update({"config.json": b"[" * 100_000}),
        lambda members: members.update({"metadata.json": b"{}"}),
        lambda members: members.update({"model.weights.h5": b"not hdf5"}),
        lambda members: members.update({"model.weights.h5": members["model.weights.h5"][:3000]}),
    ],
)
def test_foreign_archives_are_rejected(store: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    rewrite_members(store / "baseline", change)
    with pytest.raises(ArtefactError):
        open_artefact(store / "baseline")


def test_compressed_members_are_rejected(store: Path) -> None:
    rewrite_members(store / "baseline", lambda members: None, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ArtefactForeign, match="compressed"):
        open_artefact(store / "baseline")


LAYER = "layers/embedding"


def add(file: h5py.File, **array: Any) -> None:
    file.create_dataset(f"{LAYER}/vars/9", **array)


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("holds a link", lambda file: file.update({f"{LAYER}/soft": h5py.SoftLink("/layers")})),
        ("holds a link", lambda file: file.update({f"{LAYER}/out": h5py.ExternalLink("/etc/passwd", "/x")})),
        ("plain numbers", lambda file: add(file, shape=(10**9,), dtype="f4", chunks=(1000,))),
        ("plain numbers", lambda file: add(file, shape=(10**12,), dtype="f4")),
        ("plain numbers", lambda file: add(file, shape=(4,), dtype="f4", external=[("/etc/passwd", 0, 16)])),
        ("plain numbers", lambda file: add(file, data=b"text")),
        ("outside its layers", lambda file: file.create_dataset("elsewhere", data=np.zeros(3))),
        ("not finite", lambda file: file[f"{LAYER}/vars/0"].write_direct(np.full((30, 4), np.nan, "f4"))),
    ],
)
def test_weights_other_than_plain_arrays_are_rejected(
    store: Path, why: str, change: Callable[[h5py.File], Any]
) -> None:
    rewrite_weights(store / "baseline", change)
    with pytest.raises(ArtefactError, match=why):
        open_artefact(store / "baseline")


def test_newer_keras_version_is_reported(store: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        members["metadata.json"] = b'{"keras_version": "99.0.0"}'

    rewrite_members(store / "baseline", change)
    with pytest.raises(ArtefactForeign, match=r"99\.0\.0.*newer than the installed"):
        load_keras_model(open_artefact(store / "baseline"))


def test_opening_does_not_import_keras(store: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from training.artefact import open_artefact;"
        f"open_artefact(Path({str(store / 'baseline')!r}));"
        "print([name for name in ('keras', 'tensorflow', 'pandas', 'app') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.long
def test_an_artefact_copied_alone_predicts_the_same_in_a_fresh_process(store: Path, tmp_path: Path) -> None:
    artefact = open_artefact(store / "memory_efficient")
    users, movies = list(artefact.users)[:29] * 2, (list(artefact.movies)[:39] * 2)[:58]
    here = np.asarray(load_keras_model(artefact)([tf.constant(users), tf.constant(movies)]))
    alone = tmp_path / "alone" / "another-name"
    alone.parent.mkdir()
    (store / "memory_efficient").rename(alone)
    code = (
        "import json, sys; from pathlib import Path; import tensorflow as tf;"
        "from training.artefact import open_artefact; from training.models.loading import load_keras_model;"
        f"model = load_keras_model(open_artefact(Path({str(alone)!r})));"
        "users, movies = json.load(sys.stdin);"
        "print(json.dumps(model([tf.constant(users), tf.constant(movies)]).numpy().tolist()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        input=json.dumps([users, movies]),
        capture_output=True,
        text=True,
        check=True,
    )
    np.testing.assert_allclose(json.loads(done.stdout.splitlines()[-1]), here, atol=1e-6)
