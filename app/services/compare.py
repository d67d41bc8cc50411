"""The use cases of `/compare`: compare models by their figures or on pairs of the request."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.contract.schemas.requests import CompareQuery, CompareRequest, LabelledPair, SpreadRequest
from app.contract.schemas.responses import (
    ComparedDataset,
    ComparedPair,
    Figures,
    LabelledComparison,
    ModelComparison,
    ModelErrors,
    ModelPrediction,
    PairComparison,
    PairDataset,
    SideBySide,
    Spread,
    UncertainComparedPair,
    UncertainModelPrediction,
)
from app.scoring.registry import LoadedModel, Registry
from app.services.spread import NO_SPREAD, spread_columns
from training.artefact import RawId
from training.artefact.engine import ScoredPairs

_FIGURES = tuple(field.name for field in fields(Figures))


def compare_models(registry: Registry) -> ModelComparison:
    """Compare the figures of all models, each with the baseline of its data set."""
    return ModelComparison(
        [_side_by_side(model, registry.baseline_of(model)) for model in registry.models.values()],
        [ComparedDataset(dataset, _names(models)) for dataset, models in registry.datasets.items()],
    )


def compare_on_pair(
    registry: Registry, user_id: RawId, movie_id: RawId, query: CompareQuery
) -> PairComparison:
    """Compare all models, with each one's rating of a pair; the fallback rates a cold pair."""
    predictions = {
        name: _prediction(model, user_id, movie_id, query) for name, model in registry.models.items()
    }
    datasets = []
    for dataset, models in registry.datasets.items():
        names = _names(models)
        ratings = [predictions[name].rating for name in names]
        datasets.append(PairDataset(dataset, names, round(max(ratings) - min(ratings), 6)))
    return PairComparison(
        compare_models(registry).models, list(predictions.values()), datasets[0].spread, datasets
    )


def compare_on_pairs(registry: Registry, request: CompareRequest) -> LabelledComparison:
    """Rate every pair with each requested model, and compare with the observed ratings.

    Raises:
        InvalidRequest: An observed rating is off the scale.
        UnknownModel: No model has one of the names.
    """
    pairs = request.pairs
    observed = np.array([np.nan if pair.rating is None else pair.rating for pair in pairs], dtype=np.float64)
    registry.check_ratings(observed, "pairs")
    models = registry.select(request.models)
    user_ids = [pair.user_id for pair in pairs]
    movie_ids = [pair.movie_id for pair in pairs]
    scored = [model.scorer.score(user_ids, movie_ids) for model in models]
    compared = _compared_pairs(models, pairs, scored)
    if request.wants_spread:
        by_model = {
            model.name: _spreads(model, user_ids, movie_ids, one, request)
            for model, one in zip(models, scored, strict=True)
        }
        compared = [
            UncertainComparedPair(
                **asdict(pair),
                spreads={name: None if own is None else own[place] for name, own in by_model.items()},
            )
            for place, pair in enumerate(compared)
        ]
    return LabelledComparison(
        pairs=compared,
        models=[_errors(model, one, observed) for model, one in zip(models, scored, strict=True)],
    )


def _names(models: Sequence[LoadedModel]) -> list[str]:
    return sorted(model.name for model in models)


def _prediction(model: LoadedModel, user_id: RawId, movie_id: RawId, query: CompareQuery) -> ModelPrediction:
    scored = model.scorer.score([user_id], [movie_id])
    (rating,), known_user, known_movie = scored.rounded(), scored.known_user[0], scored.known_movie[0]
    found = ModelPrediction(model.name, model.dataset, rating, bool(known_user), bool(known_movie))
    if not query.wants_spread:
        return found
    own = _spreads(model, [user_id], [movie_id], scored, query)
    spread = NO_SPREAD if own is None else own[0]
    return UncertainModelPrediction(**asdict(found), low=spread.low, high=spread.high, stars=spread.stars)


def _spreads(
    model: LoadedModel,
    user_ids: Sequence[RawId],
    movie_ids: Sequence[RawId],
    scored: ScoredPairs,
    request: SpreadRequest,
) -> list[Spread] | None:
    """Return the spread of each pair; None if the model has no distributions of ratings."""
    scorer = model.scorer
    if scorer.uncertainty is None:
        return None
    indices = scorer.users.indices(user_ids), scorer.movies.indices(movie_ids)
    return spread_columns(scorer.uncertainty, request, *indices, scored.ratings).rows()


def _compared_pairs(
    models: list[LoadedModel], pairs: list[LabelledPair], scored: list[ScoredPairs]
) -> list[ComparedPair]:
    # Ids are shown in the canonical form of the first model.
    canonical_user, canonical_movie = models[0].scorer.users.canonical, models[0].scorer.movies.canonical
    names = [model.name for model in models]
    cold = np.any([one.cold for one in scored], axis=0).tolist()
    columns = zip(*(one.rounded() for one in scored), strict=True)
    return [
        ComparedPair(
            canonical_user(pair.user_id),
            canonical_movie(pair.movie_id),
            dict(zip(names, ratings, strict=True)),
            is_cold,
        )
        for pair, ratings, is_cold in zip(pairs, columns, cold, strict=True)
    ]


def _errors(model: LoadedModel, scored: ScoredPairs, observed: NDArray[np.float64]) -> ModelErrors:
    """Compute errors over the rows that have an observed rating, as for the manifest's figures.

    Args:
        model: The model.
        scored: Its ratings of n pairs.
        observed: `(n,)` ratings, NaN for pairs without one.
    """
    labelled = ~np.isnan(observed)
    rows = int(np.count_nonzero(labelled))
    if not rows:
        return ModelErrors(model.name, model.dataset, None, None, None, rows=0, cold_rows=0, mse_warm=None)
    off = scored.ratings[labelled].astype(np.float64) - observed[labelled]
    model.scorer.counter.compared(off)
    cold = scored.cold[labelled]
    mse = float(np.mean(off**2))
    return ModelErrors(
        name=model.name,
        dataset=model.dataset,
        mse=mse,
        rmse=float(np.sqrt(mse)),
        mae=float(np.mean(np.abs(off))),
        rows=rows,
        cold_rows=int(np.count_nonzero(cold)),
        mse_warm=None if cold.all() else float(np.mean(off[~cold] ** 2)),
    )


def _figures(model: LoadedModel) -> dict[str, Any]:
    manifest = model.scorer.manifest
    return {
        "parameters": manifest.parameters.total,
        "weights_bytes": manifest.weights_bytes,
        "file_bytes": manifest.model_file.bytes,
        "mse": manifest.accuracy.mse,
        "rmse": manifest.accuracy.rmse,
        "mae": manifest.accuracy.mae,
        "microseconds_single": model.time.single,
        "microseconds_per_pair": model.time.per_pair,
    }


def _side_by_side(model: LoadedModel, baseline: LoadedModel | None) -> SideBySide:
    own, base = _figures(model), {} if baseline is None else _figures(baseline)
    difference = {name: round(own[name] - base[name], 6) if base else None for name in _FIGURES}
    ratio = {name: round(own[name] / base[name], 6) if base.get(name) else None for name in _FIGURES}
    return SideBySide(
        name=model.name,
        dataset=model.dataset,
        difference=Figures(**difference),
        ratio=Figures(**ratio),
        **own,
    )
