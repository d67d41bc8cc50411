"""Fit the uncertainty of a distilled model with a second student that has not seen the validation rows."""

from __future__ import annotations

from training.artefact.uncertainty import Uncertainty
from training.data.dataset import Dataset
from training.distillation.base.settings import Blend, DistilledModel
from training.distillation.distiller import distil
from training.distillation.teacher.teacher import Teacher
from training.uncertainty.fitting import fit_uncertainty, for_other_split


def fit_with_held_out_rows(
    teacher: Teacher, model: DistilledModel, blend: Blend, dataset: Dataset
) -> Uncertainty | None:
    """Distil a model without the validation rows, and fit the distributions of ratings on them.

    Args:
        teacher: The one that found the blend, whose dataset has validation rows.
        model: The model.
        blend: Its teacher, with weights.
        dataset: The same ratings without validation rows, for which the result is in index order.

    Returns:
        The distributions; None if the ratings do not allow them (see `fit_uncertainty`).
    """
    held_out = distil(teacher, model, blend)
    part = teacher.dataset
    found = fit_uncertainty(held_out.predict_without_keras, held_out.fallback, part)
    if found is None:
        return None
    return for_other_split(found, (part.users, part.movies), (dataset.users, dataset.movies))
