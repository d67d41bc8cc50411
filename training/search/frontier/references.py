"""References to compare the grid with: published models, trivial models, and models of other libraries."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from training.artefact.manifest import MANIFEST_FILE, read_manifest
from training.artefact.rating_scale import DEFAULT_SCALE
from training.artefact.reader import list_artefacts
from training.data.dataset import Dataset
from training.errors import ArtefactError
from training.fit.evaluation import biases_only, errors, train_mean
from training.search.frontier.table import Row

GROUP: Final = "reference"
_REFERENCE: Final = partial(Row, group=GROUP, family=GROUP)

# Test rows of the random split of MovieLens 1M with seed 0, on which the other libraries were measured.
_MOVIELENS_1M_TEST: Final = "a5dca28fb640d27cec81be0adbc0677d08b9a2a219770d29e37301bd291a1f0f"
# Both use float64. myFM has a row of 33 numbers for each id as such, another as a feature of the other side's
# ids, and averages 100 samples of all of them.
_SVD_PARAMETERS: Final = 984_347
_MYFM_PARAMETERS: Final = 100 * 2 * 9_746 * 33
LIBRARIES: Final = (
    ("Surprise 1.1.5, SVD", _SVD_PARAMETERS, 0.7548),
    ("myFM 0.4.0, ordered probit", _MYFM_PARAMETERS, 0.6777),
)


def references(dataset: Dataset, store: Path | None) -> list[Row]:
    """Return the rows of all comparable references, which are not trained here.

    Args:
        dataset: Data with the test rows.
        store: Store of published models; models of another split or scale are omitted. None for no models.
    """
    rows = [*_trivial(dataset), *(_published(dataset, store) if store else [])]
    if (dataset.split.test_sha256, dataset.scale.bounds) == (_MOVIELENS_1M_TEST, DEFAULT_SCALE.bounds):
        rows += [
            _REFERENCE(
                label=label,
                parameters=parameters,
                nbytes=8 * parameters,
                test_mse=mse,
                source="python -m benchmarks.libraries",
            )
            for label, parameters, mse in LIBRARIES
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
            _REFERENCE(
                label=label,
                parameters=parameters,
                nbytes=4 * parameters,
                test_mse=round(found.mse, 6),
                test_mae=round(found.mae, 6),
                source="trivial",
            )
        )
    return rows


def _published(dataset: Dataset, store: Path) -> list[Row]:
    try:
        manifests = [read_manifest(folder / MANIFEST_FILE) for folder in list_artefacts(store)]
    except ArtefactError:
        return []
    return [
        _REFERENCE(
            label=manifest.name,
            seed=manifest.training.seed,
            parameters=manifest.parameters.total,
            nbytes=manifest.weights_bytes,
            test_mse=round(manifest.accuracy.mse, 6),
            test_mae=round(manifest.accuracy.mae, 6),
            source=f"{store.name}/{manifest.name}",
        )
        for manifest in manifests
        if manifest.split.test_sha256 == dataset.split.test_sha256
        and manifest.dataset.sha256 == dataset.table.sha256
        and manifest.scale.bounds == dataset.scale.bounds
    ]
