"""A model with biases from fitting to the artefact: nothing but its own weights answers for cold ids."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np

from tests.builders import COLD_MOVIE, COLD_USER, QUICK, TINY_BIASED, tiny_dataset
from training.artefact import open_artefact
from training.artefact.manifest import BiasesRecord
from training.fit.evaluation import evaluate
from training.models.loading import load_indexed_keras_model
from training.models.trained import predict
from training.publish.options import PublishOptions
from training.publish.workflow import fit_on
from training.settings import HashingTrick, MixedDimension, ModelSettings, QuotientRemainder

COMPOSED = ModelSettings(
    name="composed",
    description="",
    embedding_dim=4,
    users=HashingTrick(num_buckets=7),
    movies=MixedDimension(temperature=0.3),
    biases=True,
)


def test_manifest_states_biases_and_stores_no_mean(tmp_path: Path) -> None:
    dataset = tiny_dataset()
    fit_on(dataset, [TINY_BIASED], QUICK, PublishOptions(tmp_path))
    artefact = open_artefact(tmp_path / "biased")
    assert artefact.manifest.fallback == BiasesRecord(kind="biases")
    assert json.loads((tmp_path / "biased" / "manifest.json").read_text())["fallback"] == {"kind": "biases"}
    assert artefact.manifest.settings["global_bias"] is True
    assert artefact.manifest.weights_bytes == 4 * ((30 + 40) * 3 + 1)
    assert artefact.users.index(COLD_USER) == artefact.users.warm
    assert artefact.movies.index(COLD_MOVIE) == artefact.movies.warm

    # The known side's bias, by hand from the file's own weights.
    weights = artefact.archive.variables
    shift = float(weights["rating"]["0"]) + float(weights["user_bias"]["0"][3, 0])
    rated = artefact.fallback.rate(np.array([3], dtype=np.int32), np.array([-1], dtype=np.int32))
    np.testing.assert_allclose(rated, [5 / (1 + np.exp(-shift))], rtol=1e-6)


def test_every_family_reads_back_to_its_own_figure(tmp_path: Path) -> None:
    dataset = tiny_dataset()
    turned = COMPOSED.model_copy(
        update={"name": "turned", "users": MixedDimension(), "movies": QuotientRemainder(operation="add")}
    )
    for published in fit_on(dataset, [TINY_BIASED, COMPOSED, turned], QUICK, PublishOptions(tmp_path)):
        stated = published.manifest.accuracy
        artefact = open_artefact(published.folder)
        model = load_indexed_keras_model(artefact)
        measured = evaluate(partial(predict, model), artefact.fallback, dataset)
        assert stated.cold_rows > 0
        assert abs(measured.mse - stated.mse) < 1e-6
