"""Fit the uncertainty of a model on rows that it, or its twin without these rows, has not seen."""

from __future__ import annotations

from training.artefact.uncertainty import Uncertainty
from training.data.dataset import Dataset
from training.distillation.base.settings import Blend, DistilledModel
from training.distillation.distiller import Distilled, distil
from training.distillation.teacher.teacher import Teacher
from training.models.trained import TrainedModel
from training.uncertainty.fitting import fit_uncertainty, for_other_split


def fit_on_validation_rows(trained: TrainedModel, dataset: Dataset) -> Uncertainty | None:
    """Fit the distributions of ratings around the predictions of a model on its validation rows.

    Args:
        trained: The model, fitted to the training rows of `dataset`.
        dataset: The ratings.

    Returns:
        The distributions; None if the ratings do not allow them (see `fit_uncertainty`).
    """
    predict = trained.predict_without_keras if isinstance(trained, Distilled) else trained.predict
    return fit_uncertainty(predict, trained.fallback, dataset)


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
    return fit_by_twin(distil(teacher, model, blend), teacher.dataset, dataset)


def fit_by_twin(twin: TrainedModel, part: Dataset, dataset: Dataset) -> Uncertainty | None:
    """Fit the distributions of a model that was fitted to all rows, with one that was not.

    Args:
        twin: A model with the same settings, fitted to the training rows of `part`.
        part: The ratings with validation rows.
        dataset: The same ratings without validation rows, for which the result is in index order.

    Returns:
        The distributions; None if the ratings do not allow them (see `fit_uncertainty`).
    """
    found = fit_on_validation_rows(twin, part)
    if found is None:
        return None
    return for_other_split(found, (part.users, part.movies), (dataset.users, dataset.movies))
