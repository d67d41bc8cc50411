"""The ratings file of an artefact: valid files round-trip, and all others are rejected."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import USERS, tiny_table
from training.artefact import ArtefactDamaged, ArtefactError, ArtefactForeign, ArtefactMissing, open_artefact
from training.artefact.given_ratings import GivenRatings, read_given_ratings
from training.artefact.manifest import RatingsFileRecord
from training.artefact.writer import file_record

# User 0 gave movie 2 four and a half, user 2 gave movies 0 and 1; user 1 gave nothing.
ROWS = (np.array([2, 0, 2]), np.array([1, 2, 0]), np.array([5.0, 4.5, 0.0], dtype=np.float32))
SIMPLE = GivenRatings.from_rows(*ROWS, users=3, movies=3)
# Four starts of 4 bytes, three movies of 2 and two bytes of nothing, and three bytes of twice the stars.
SIMPLE_BYTES = bytes.fromhex("00000000 01000000 01000000 03000000  0200 0000 0100 0000  09 00 0a")


def recorded(path: Path, given: GivenRatings) -> RatingsFileRecord:
    return RatingsFileRecord(**file_record(path).model_dump(), rows=len(given), stars=given.kind)


def test_written_file_matches_hand_computed_bytes(tmp_path: Path) -> None:
    path = tmp_path / "ratings.bin"
    SIMPLE.write(path)
    assert path.read_bytes() == SIMPLE_BYTES
    read = read_given_ratings(path, recorded(path, SIMPLE), users=3, movies=3)
    assert [[part.tolist() for part in read.of_user(user)] for user in range(3)] == [
        [[2], [4.5]],
        [[], []],
        [[0, 1], [0.0, 5.0]],
    ]
    assert not any(
        array.flags.writeable or array.flags.owndata for array in (read.starts, read.movies, read.stars)
    )


pairs = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 6)), st.floats(0, 5, width=32), min_size=1
)


@settings(max_examples=60)
@given(rows=pairs, halves=st.booleans(), movies=st.sampled_from([7, 70_000]))
def test_ratings_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    rows: dict[tuple[int, int], float],
    halves: bool,
    movies: int,
) -> None:
    stars = {pair: round(value * 2) / 2 if halves else value for pair, value in rows.items()}
    user, movie = np.array(list(stars)).T
    written = GivenRatings.from_rows(user, movie, np.array(list(stars.values()), np.float32), 5, movies)
    path = tmp_path_factory.mktemp("given") / "ratings.bin"
    written.write(path)
    read = read_given_ratings(path, recorded(path, written), 5, movies)
    if halves:
        assert path.stat().st_size <= 6 * 4 + (3 if movies == 7 else 5) * len(stars) + 14
    found = {
        (one, int(movie)): float(value)
        for one in range(5)
        for movie, value in zip(*read.of_user(one), strict=True)
    }
    assert found == stars


@given(
    rows=st.dictionaries(
        st.tuples(st.integers(0, 4), st.integers(0, 6)), st.integers(0, 10).map(lambda n: n / 2), min_size=1
    ),
    block_rows=st.integers(1, 10),
    divided=st.integers(0, 20),
)
def test_blocks_and_parts_do_not_change_the_sorted_ratings(
    rows: dict[tuple[int, int], float], block_rows: int, divided: int
) -> None:
    user, movie = np.array(list(rows)).T
    ratings = np.array(list(rows.values()), np.float32)
    whole = GivenRatings.from_rows(user, movie, ratings, 5, 7)
    parts = [(user[part], movie[part], ratings[part]) for part in (slice(divided), slice(divided, None))]
    found = GivenRatings.from_parts(parts, 5, 7, block_rows=block_rows)
    for wanted, array in zip(vars(whole).values(), vars(found).values(), strict=True):
        np.testing.assert_array_equal(array, wanted)
    order = np.lexsort((movie, user))
    assert found.movies.tolist() == movie[order].tolist()
    assert found.scale.from_steps(found.stars).tolist() == ratings[order].tolist()


@pytest.fixture
def folder(rated_store: Path, tmp_path: Path) -> Path:
    """Return a copy of an artefact with ratings, which a test may damage."""
    return Path(shutil.copytree(rated_store / "baseline", tmp_path / "baseline"))


def test_artefact_contains_every_row_of_its_data_set_including_cold_ones(folder: Path) -> None:
    artefact, table = open_artefact(folder), tiny_table()
    assert artefact.given is not None and len(artefact.given) == table.rows
    wanted = {
        (table.users[int(user)], table.movies[int(movie)], float(stars))
        for user, movie, stars in zip(table.user_index, table.movie_index, table.ratings, strict=True)
    }
    found = {
        (artefact.users[user], artefact.movies[int(movie)], float(value))
        for user in range(USERS)
        for movie, value in zip(*artefact.given.of_user(user), strict=True)
    }
    assert found == wanted


def test_artefact_without_ratings_says_so(shared_store: Path) -> None:
    manifest = json.loads((shared_store / "baseline" / "manifest.json").read_text())
    assert manifest["format_version"] == 6 and manifest["ratings_file"] is None
    assert open_artefact(shared_store / "baseline").given is None


@pytest.mark.parametrize("position", [0, 4 * (USERS + 1) + 4, -1])
def test_flipped_byte_is_rejected_as_damage(folder: Path, position: int) -> None:
    data = bytearray((folder / "ratings.bin").read_bytes())
    data[position] ^= 1
    (folder / "ratings.bin").write_bytes(data)
    with pytest.raises(ArtefactDamaged, match=r"ratings\.bin.*not the file that its manifest states"):
        open_artefact(folder)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda _: b""])
def test_file_of_another_length_is_rejected_as_damage(folder: Path, change: Callable[[bytes], bytes]) -> None:
    path = folder / "ratings.bin"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ArtefactDamaged, match="size or sha256 differ"):
        open_artefact(folder)


def test_missing_ratings_file_is_reported(folder: Path) -> None:
    (folder / "ratings.bin").unlink()
    with pytest.raises(ArtefactMissing, match=r"ratings\.bin"):
        open_artefact(folder)


def rewrite_manifest(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda manifest: manifest.update(format_version=7), ArtefactForeign),
        (lambda manifest: manifest.update(format_version=1), ArtefactDamaged),
        (lambda manifest: manifest.pop("ratings_file"), ArtefactDamaged),
        (lambda manifest: manifest["ratings_file"].update(rows=1), ArtefactDamaged),
        (lambda manifest: manifest["ratings_file"].update(rows=10**30), ArtefactDamaged),
        (lambda manifest: manifest["ratings_file"].update(rows=-1), ArtefactDamaged),
        (lambda manifest: manifest["ratings_file"].update(stars="float32"), ArtefactDamaged),
        (lambda manifest: manifest["ratings_file"].update(stars="pickle"), ArtefactDamaged),
    ],
)
def test_inconsistent_manifest_is_rejected(
    folder: Path, change: Callable[[dict[str, Any]], Any], kind: type[ArtefactError]
) -> None:
    rewrite_manifest(folder, change)
    with pytest.raises(kind) as refused:
        open_artefact(folder)
    assert "\n" not in str(refused.value)


def altered(place: int, value: int) -> Callable[[bytearray], None]:
    def alter(data: bytearray) -> None:
        data[place] = value

    return alter


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (altered(0, 1), "do not span"),
        (altered(12, 2), "do not span"),
        (altered(4, 4), "end before they begin"),
        (altered(16, 3), "not in the vocabulary"),
        (altered(17, 1), "not in the vocabulary"),
        (altered(18, 1), "do not ascend"),
        (altered(24, 11), "off the scale"),
        (altered(26, 255), "off the scale"),
    ],
)
def test_invalid_content_with_a_correct_digest_is_rejected(
    tmp_path: Path, change: Callable[[bytearray], None], match: str
) -> None:
    path = tmp_path / "ratings.bin"
    data = bytearray(SIMPLE_BYTES)
    change(data)
    path.write_bytes(data)
    with pytest.raises(ArtefactDamaged, match=match):
        read_given_ratings(path, recorded(path, SIMPLE), users=3, movies=3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5, 5.25])
def test_invalid_stars_are_rejected(tmp_path: Path, value: float) -> None:
    stars = np.array([1.3, value, 2], dtype=np.float32)
    path = tmp_path / "ratings.bin"
    wrong = GivenRatings(SIMPLE.starts, SIMPLE.movies, stars)
    wrong.write(path)
    with pytest.raises(ArtefactDamaged, match="off the scale, which is 0 to 5"):
        read_given_ratings(path, recorded(path, wrong), users=3, movies=3)


def test_errors_across_block_borders_are_detected(tmp_path: Path) -> None:
    # A file is checked in blocks of 2**18 ratings.
    count, block = 600, 2**18
    users, movies = np.divmod(np.arange(count * count), count)
    sound = GivenRatings.from_rows(users, movies, np.ones(users.size, np.float32), count, count)
    path = tmp_path / "ratings.bin"
    sound.write(path)
    assert len(read_given_ratings(path, recorded(path, sound), count, count)) == count * count
    for place in (block - 1, block, block + 1, count * count - 1):
        wrong = sound.movies.copy()
        wrong[place] = wrong[place - 1]
        GivenRatings(sound.starts, wrong, sound.stars).write(path)
        with pytest.raises(ArtefactDamaged, match="do not ascend"):
            read_given_ratings(path, recorded(path, sound), count, count)
