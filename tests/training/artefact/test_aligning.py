"""Members of an aligned archive start at multiples of 64 bytes and are otherwise unchanged."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.artefact import ArtefactDamaged, open_artefact
from training.artefact.files import ALIGNMENT, align_archive


def starts(path: Path) -> dict[str, int]:
    """Return the position of the first byte of each member, from the local headers."""
    found, data = {}, path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            name_bytes, extra_bytes = struct.unpack_from("<HH", data, info.header_offset + 26)
            found[info.filename] = info.header_offset + 30 + name_bytes + extra_bytes
    return found


def write(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


names = st.text(st.characters(codec="utf-8", exclude_characters="\x00/\\"), min_size=1, max_size=80)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(names, st.binary(max_size=300), min_size=1, max_size=5))
def test_aligned_members_start_at_multiples_of_64_and_keep_their_content(
    tmp_path: Path, members: dict[str, bytes]
) -> None:
    path = tmp_path / "model.keras"
    write(path, members)
    align_archive(path)
    begins, data = starts(path), path.read_bytes()
    assert list(begins) == list(members)
    for name, content in members.items():
        assert begins[name] % ALIGNMENT == 0
        assert data[begins[name] : begins[name] + len(content)] == content
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


def test_aligning_is_idempotent_and_removes_timestamps(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    write(path, {"a": b"1" * 100, "weights": bytes(1000)})
    align_archive(path)
    once = path.read_bytes()
    align_archive(path)
    assert path.read_bytes() == once
    with zipfile.ZipFile(path) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("content", [b"no archive", None])
def test_invalid_archive_is_rejected_and_unchanged(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.keras"
    write(path, {"a": b"1" * 100})
    content = content or path.read_bytes().replace(b"1" * 100, b"2" * 100)
    path.write_bytes(content)
    with pytest.raises(ArtefactDamaged, match=r"not a readable \.keras archive"):
        align_archive(path)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


def test_arrays_of_a_published_model_are_mapped_at_aligned_addresses(shared_store: Path) -> None:
    folder = shared_store / "baseline"
    assert all(start % ALIGNMENT == 0 for start in starts(folder / "model.keras").values())
    arrays = [one for layer in open_artefact(folder).archive.variables.values() for one in layer.values()]
    assert len(arrays) > 2
    # The arrays are mapped; copies would always be aligned.
    assert all(array.flags.aligned and not array.flags.owndata for array in arrays)
    assert all(isinstance(array, np.ndarray) and not array.flags.writeable for array in arrays)
