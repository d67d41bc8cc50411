"""The shipped models still predict as when they were published, with and without Keras."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import REPOSITORY
from training.artefact import open_artefact
from training.artefact.engine import read_tables
from training.models.loading import load_indexed_keras_model

USERS = np.array([0, 1, 6039, 3000, 6039], dtype=np.int32)
MOVIES = np.array([0, 3687, 0, 1000, 3705], dtype=np.int32)
RATINGS = {
    "accurate": [4.7855, 2.4304, 4.3295, 3.8076, 3.3911],
    "baseline": [4.4990, 2.1321, 4.5158, 3.4377, 2.4818],
    "compact": [4.6905, 2.8341, 4.3112, 3.7968, 2.9343],
    "memory_efficient": [4.3638, 3.1820, 4.3148, 3.8419, 3.3656],
    "tiny": [4.6966, 3.0197, 3.9844, 3.8671, 3.3056],
}


@pytest.mark.parametrize("name", RATINGS)
def test_shipped_models_predict_as_published(name: str) -> None:
    artefact = open_artefact(REPOSITORY / "models_store" / name)
    np.testing.assert_allclose(
        read_tables(artefact.archive).rate(USERS, MOVIES), RATINGS[name], rtol=0, atol=1e-4
    )
    rated = load_indexed_keras_model(artefact)([USERS, MOVIES])
    np.testing.assert_allclose(np.asarray(rated), RATINGS[name], rtol=0, atol=1e-4)
