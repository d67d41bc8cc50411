"""References to compare the grid with: published models, trivial models, and literature values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np

from training.artefact.manifest import MANIFEST_FILE, read_manifest
from training.artefact.reader import list_artefacts
from training.data.dataset import Dataset
from training.errors import ArtefactError
from training.fit.evaluation import biases_only, errors, train_mean
from training.search.frontier.table import Row

GROUP: Final = "reference"

# Test rows of the random split of MovieLens 1M with seed 0; literature values apply only to these rows.
_MOVIELENS_1M_TEST: Final = "a5dca28fb640d27cec81be0adbc0677d08b9a2a219770d29e37301bd291a1f0f"
# Both use float64. A myFM prediction needs 180 samples of 9,746 rows of 33 numbers.
_SVD_PARAMETERS: Final = 984_347
_MYFM_PARAMETERS: Final = 180 * 9_746 * 33


def references(dataset: Dataset, store: Path | None) -> list[Row]:
    """Return the rows of all comparable references, which are not trained here.

    Args:
        dataset: Data with the test rows.
        store: Store of published models; models of another split are omitted. None for no models.
    """
    rows = [*_trivial(dataset), *(_published(dataset, store) if store else [])]
    if dataset.split.test_sha256 == _MOVIELENS_1M_TEST:
        literature = (
            ("Surprise 1.1.5 SVD", _SVD_PARAMETERS, 0.7548),
            ("myFM 0.4.0, 180 samples", _MYFM_PARAMETERS, 0.6952),
        )
        rows += [
            _row(label, parameters, 8 * parameters, source="literature value", test_mse=mse)
            for label, parameters, mse in literature
        ]
    return rows


def _trivial(dataset: Dataset) -> list[Row]:
    test, ids = dataset.test, len(dataset.users) + len(dataset.movies)
    trivial = (
        ("global mean", 1, np.full(len(test), train_mean(dataset))),
        ("biases only", ids + 1, biases_only(dataset)),
    )
    rows = []
    for label, parameters, predicted in trivial:
        found = errors(test.ratings, predicted)
        rows.append(
            _row(label, parameters, 4 * parameters, source="trivial", test_mse=found.mse, test_mae=found.mae)
        )
    return rows


def _published(dataset: Dataset, store: Path) -> list[Row]:
    try:
        manifests = [read_manifest(folder / MANIFEST_FILE) for folder in list_artefacts(store)]
    except ArtefactError:
        return []
    return [
        _row(
            manifest.name,
            manifest.parameters.total,
            manifest.weights_bytes,
            source=f"{store.name}/{manifest.name}",
            test_mse=manifest.accuracy.mse,
            test_mae=manifest.accuracy.mae,
            seed=manifest.training.seed,
        )
        for manifest in manifests
        if manifest.split.test_sha256 == dataset.split.test_sha256
        and manifest.dataset.sha256 == dataset.table.sha256
    ]


def _row(
    label: str,
    parameters: int,
    nbytes: int,
    *,
    source: str,
    test_mse: float,
    test_mae: float = math.nan,
    seed: int = 0,
) -> Row:
    return Row(
        group=GROUP,
        label=label,
        family=GROUP,
        seed=seed,
        parameters=parameters,
        nbytes=nbytes,
        test_mse=round(test_mse, 6),
        test_mae=round(test_mae, 6),
        source=source,
    )
