"""A model with biases, from fitting to the artefact: its own weights are the fallback for cold ids."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np

from tests.builders import COLD_MOVIE, COLD_USER, QUICK, tiny_dataset
from training.artefact import open_artefact
from training.artefact.manifest import BiasesRecord
from training.families import HashingTrick, MixedDimension, QuotientRemainder
from training.fit.evaluation import evaluate
from training.models.loading import load_indexed_keras_model
from training.models.trained import predict
from training.publish.options import PublishOptions
from training.publish.workflow import fit_on
from training.settings import ModelSettings

COMPOSED = ModelSettings(
    name="composed",
    description="",
    embedding_dim=4,
    users=HashingTrick(num_buckets=7),
    movies=MixedDimension(temperature=0.3),
    biases=True,
)


def test_manifest_records_the_biases_fallback_without_means(biased_store: Path) -> None:
    artefact = open_artefact(biased_store / "biased")
    assert artefact.manifest.fallback == BiasesRecord(kind="biases")
    assert json.loads((biased_store / "biased" / "manifest.json").read_text())["fallback"] == {
        "kind": "biases"
    }
    assert artefact.manifest.settings["global_bias"] is True
    assert artefact.manifest.weights_bytes == 4 * ((30 + 40) * 3 + 1)
    assert artefact.users.index(COLD_USER) == artefact.users.warm
    assert artefact.movies.index(COLD_MOVIE) == artefact.movies.warm

    # Expected value: the bias of the known side, computed from the weights in the file.
    weights = artefact.archive.variables
    logit = float(weights["rating"]["0"]) + float(weights["user_bias"]["0"][3, 0])
    rated = artefact.fallback.rate(np.array([3], dtype=np.int32), np.array([-1], dtype=np.int32))
    np.testing.assert_allclose(rated, [5 / (1 + np.exp(-logit))], rtol=1e-6)


def test_published_model_reproduces_its_recorded_error_for_every_family(
    biased_store: Path, tmp_path: Path
) -> None:
    dataset = tiny_dataset()
    swapped = COMPOSED.model_copy(
        update={"name": "swapped", "users": MixedDimension(), "movies": QuotientRemainder(operation="add")}
    )
    published = fit_on(dataset, [COMPOSED, swapped], QUICK, PublishOptions(tmp_path))
    for folder in (biased_store / "biased", *(one.folder for one in published)):
        artefact = open_artefact(folder)
        stated = artefact.manifest.accuracy
        model = load_indexed_keras_model(artefact)
        measured = evaluate(partial(predict, model), artefact.fallback, dataset)
        assert stated.cold_rows > 0
        assert abs(measured.mse - stated.mse) < 1e-6
