"""A small artefact of every format version stays readable, and answers as it did when it was written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from training.artefact import open_artefact
from training.artefact.engine import read_tables
from training.artefact.manifest import FORMAT_VERSION
from training.artefact.rating_scale import RatingScale

FORMATS = Path(__file__).with_name("formats")
ANSWERS = {
    int(version): answers for version, answers in json.loads((FORMATS / "answers.json").read_text()).items()
}


def test_every_version_has_an_artefact() -> None:
    assert sorted(ANSWERS) == [*range(1, FORMAT_VERSION + 1)]


@pytest.mark.parametrize("version", sorted(ANSWERS))
def test_artefact_of_every_version_answers_as_it_did(version: int) -> None:
    artefact, answers = open_artefact(FORMATS / f"version-{version}"), ANSWERS[version]
    assert artefact.manifest.format_version == version
    assert artefact.manifest.scale == RatingScale(*answers["scale"])
    users, movies = np.arange(10, dtype=np.int32), np.arange(10, 20, dtype=np.int32)
    rated = read_tables(artefact.archive).rate(users, movies)
    np.testing.assert_allclose(rated, answers["ratings"], atol=1e-5)
    cold = np.full(10, -1, np.int32)
    np.testing.assert_allclose(artefact.fallback.rate(users, cold), answers["user means"], atol=1e-5)
    given = None if artefact.given is None else [part.tolist() for part in artefact.given.of_user(3)]
    assert given == answers["given"]
    assert (artefact.manifest.distinct_vectors is None) == (version < 4)
    assert (artefact.manifest.accuracy.parts is None) == (version < 6)
    assert (artefact.manifest.training.last_rating_at is None) == (version < 6)
