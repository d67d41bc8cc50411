"""Add distributions of ratings to stored models, without training them again.

The rows that a stored model was fitted to say too little about its errors on other rows. So a twin is trained
by the recipe in the manifest, without some validation rows, and the distributions are fitted on those. The
weights, the figures and all other files of the stored model stay as they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from training.artefact.manifest import Manifest
from training.artefact.reader import Artefact, list_artefacts, open_stored
from training.artefact.uncertainty import Uncertainty
from training.data.dataset import Dataset, make_dataset
from training.data.table import RatingsTable
from training.distillation.base.settings import DistillationRecipe, DistilledModel
from training.distillation.base.work_folder import WorkFolder, open_work_folder
from training.errors import SettingsError
from training.publish.keras_import import importing_keras
from training.publish.options import DataOptions
from training.publish.progress import SILENT, Progress
from training.publish.replacement import replace_artefact
from training.settings import ModelSettings, Recipe

if TYPE_CHECKING:
    from training.models.trained import TrainedModel

VALIDATION: Final = 0.1


def calibrate(store: Path, data: DataOptions, *, work: Path, progress: Progress = SILENT) -> list[Manifest]:
    """Add distributions to every model of a store that was trained on these ratings and has none.

    Args:
        store: The models store.
        data: The ratings that the models were trained on; the split is that of each model.
        work: Folder of finished steps, from which an interrupted run resumes.
        progress: Told about each step.

    Returns:
        The manifests of the models that have distributions now.

    Raises:
        ArtefactError: The store cannot be read or written.
        DataError: The ratings cannot be read.
        SettingsError: No model was trained on these ratings.
    """
    artefacts = [open_stored(folder) for folder in list_artefacts(store)]
    with progress.busy(f"reading {data.path}"):
        table = data.load()
    progress.on_table(table)
    trained = [one for one in artefacts if one.manifest.dataset.sha256 == table.sha256]
    if not trained:
        raise SettingsError(f"no model in {store} was trained on {data.path}: its digest is in no manifest")
    changed = []
    with open_work_folder(work) as folder:
        for artefact in trained:
            found = None if artefact.uncertainty else _fit(artefact, table, folder, progress)
            if found is not None:
                changed.append(replace_artefact(artefact, {}, uncertainty=found).manifest)
    return changed


def _fit(
    artefact: Artefact, table: RatingsTable, folder: WorkFolder, progress: Progress
) -> Uncertainty | None:
    """Train the twin of a model, and fit the distributions on its validation rows."""
    with importing_keras(progress):
        from training.uncertainty.fitting import for_other_split
        from training.uncertainty.held_out import fit_on_validation_rows

    split = artefact.manifest.split
    part = make_dataset(table, split.kind, split.seed, VALIDATION)
    if part.split.test_sha256 != split.test_sha256:
        raise SettingsError(f"{artefact.manifest.name} has other test rows than this split of {table.name}")
    twin = _twin(artefact.manifest, part, folder, progress)
    found = None if twin is None else fit_on_validation_rows(twin, part)
    if found is None:
        return None
    return for_other_split(found, (part.users, part.movies), (artefact.users, artefact.movies))


def _twin(manifest: Manifest, part: Dataset, folder: WorkFolder, progress: Progress) -> TrainedModel | None:
    """Train a model by the recipe of a manifest on the training rows of `part`.

    Returns:
        The model; None if it was fitted by variational updates or to a budget, which need no twin.
    """
    from training.distillation.distiller import distil
    from training.distillation.teacher.teacher import Teacher
    from training.fit.fitting import fit

    name, stated = manifest.name, manifest.training.recipe
    if stated.get("name") == DistillationRecipe.model_fields["name"].default:
        recipe = DistillationRecipe.model_validate_json(json.dumps(stated))
        teacher = Teacher(
            part,
            folder,
            recipe.teacher,
            seed=recipe.seed,
            tile_users=recipe.tile_users,
            on_progress=progress.on_step,
        )
        model = DistilledModel(
            name=name, description=manifest.description, blend=recipe.blend, student=recipe.student
        )
        return distil(teacher, model, recipe.blend)
    if "epochs" not in stated:
        return None
    fitted = Recipe.model_validate_json(json.dumps(stated))
    settings = ModelSettings.model_validate_json(json.dumps(manifest.settings))
    return fit(settings, fitted, part, lambda *step: progress.on_step(name, *step))
