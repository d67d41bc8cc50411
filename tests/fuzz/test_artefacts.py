"""Reading any model folder returns ratings or a documented error, in bounded time and memory."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract.errors import StartError
from app.scoring.probe import probe
from app.scoring.scorer import RatingScorer
from app.scoring.table_engine import load_table_engine
from tests.artefact_edits import state_digest
from tests.conftest import REPOSITORY
from tests.figures import report
from tests.fuzz.mutations import changed_bytes, changed_json
from tests.hostile.starting import assert_plain, bounded
from training.artefact import ArtefactError, movie_titles, open_artefact

MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
FILES = {
    "manifest.json": None,
    "model.keras": "model_file",
    "movies.json": "movies_file",
    "ratings.bin": "ratings_file",
    "means.bin": "fallback",
    "ranking.bin": "ranking_file",
    "uncertainty.bin": "uncertainty_file",
    "features.bin": "features_file",
}
TARGETS = [*FILES, *MEMBERS]


@pytest.fixture(scope="module")
def models(rated_store: Path, biased_store: Path) -> list[Path]:
    """Models whose readers differ: plain and packed tables, with biases, with ratings."""
    return [
        rated_store / "baseline",
        rated_store / "memory_efficient",
        biased_store / "biased",
        REPOSITORY / "models_store" / "tiny",
        REPOSITORY / "tests" / "training" / "artefact" / "formats" / "version-6",
    ]


def changed(data: st.DataObject, name: str, sound: bytes) -> bytes:
    """Generate a mutated file."""
    as_json = name.endswith(".json") and data.draw(st.booleans())
    return data.draw(changed_json(sound) if as_json else changed_bytes(sound))


def corrupt(data: st.DataObject, sound: Path, folder: Path) -> None:
    """Copy the model in `sound` to `folder` with one file changed and its digests updated."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sound, folder)
    target = data.draw(
        st.sampled_from([name for name in TARGETS if name in MEMBERS or (folder / name).exists()])
    )
    if target in MEMBERS:
        with zipfile.ZipFile(folder / "model.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members[target] = changed(data, target, members[target])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        (folder / "model.keras").write_bytes(buffer.getvalue())
        target = "model.keras"
    else:
        (folder / target).write_bytes(changed(data, target, (folder / target).read_bytes()))
    record = FILES[target]
    if record is not None:
        state_digest(folder, target, record)


def read(folder: Path) -> str:
    """Load a model as the service does, rate pairs, and return the outcome."""
    try:
        artefact = open_artefact(folder)
        movie_titles(folder, artefact.manifest)
        scorer = RatingScorer.from_artefact(artefact, load_table_engine(artefact))
        probe(scorer)
    except (ArtefactError, StartError) as error:
        assert_plain(str(error))
        return type(error).__name__
    ids = list(artefact.users)[:50], list(artefact.movies)[:50]
    count = min(map(len, ids))
    ratings = scorer.score(ids[0][:count], ids[1][:count]).ratings
    assert np.all((ratings >= 0) & (ratings <= 5))
    return "served"


def fuzz(models: list[Path], folder: Path, cases: int, *, the_same: bool) -> Counter[str]:
    """Read `cases` mutated models, and count the outcomes."""
    ended: Counter[str] = Counter()

    @settings(max_examples=cases, derandomize=the_same, database=None)
    @given(data=st.data())
    def try_one(data: st.DataObject) -> None:
        corrupt(data, data.draw(st.sampled_from(models)), folder)
        with bounded():
            ended[read(folder)] += 1

    try_one()
    return ended


def test_a_changed_model_is_refused_or_served(models: list[Path], tmp_path: Path) -> None:
    ended = fuzz(models, tmp_path / "model", 200, the_same=True)
    # The mutations cover all expected outcomes.
    assert {"served", "ArtefactDamaged", "ArtefactForeign"} <= ended.keys(), ended


@pytest.mark.nightly
@pytest.mark.long
def test_a_changed_model_is_refused_or_served_for_long(models: list[Path], tmp_path: Path) -> None:
    ended = fuzz(models, tmp_path / "model", 20_000, the_same=False)
    report("artefact fuzz", cases="20,000", ended=dict(sorted(ended.items())), other_errors=0)
