"""The use case of `/models`: describe the loaded models."""

from app.contract.schemas.responses import (
    Accuracy,
    DistinctSide,
    DistinctVectors,
    ErrorsOfPart,
    Memory,
    ModelDescription,
    ModelList,
    Parameters,
    Popularity,
    Ranking,
    RankingOrder,
    RankRange,
    RatingScale,
    Table,
    Training,
    VocabularySizes,
)
from app.scoring.registry import LoadedModel, Registry
from training.artefact import RankingRecord


def list_models(registry: Registry) -> ModelList:
    """Describe all models, and name the default and the scale."""
    scale = RatingScale(**vars(registry.scale))
    return ModelList(
        registry.default, scale, [describe(registry, model) for model in registry.models.values()]
    )


def describe(registry: Registry, model: LoadedModel) -> ModelDescription:
    """Describe one model."""
    manifest, baseline = model.scorer.manifest, registry.baseline_of(model)
    weights_bytes, vocabulary, ranges = manifest.weights_bytes, manifest.vocabulary, manifest.popularity
    ratio = None
    if baseline is not None and weights_bytes:
        ratio = round(baseline.scorer.manifest.weights_bytes / weights_bytes, 4)
    movies = manifest.settings.get("movies")
    blocks = movies.get("block_sizes") if isinstance(movies, dict) else None
    distinct, parts = manifest.distinct_vectors, manifest.accuracy.parts
    return ModelDescription(
        name=manifest.name,
        description=manifest.description,
        ready=True,
        parameters=Parameters(
            manifest.parameters.total,
            manifest.parameters.trainable,
            [Table(**table.model_dump()) for table in manifest.parameters.tables],
        ),
        memory=Memory(
            weights_bytes=weights_bytes,
            file_bytes=manifest.model_file.bytes,
            vocabulary_bytes=vocabulary.users.bytes + vocabulary.movies.bytes,
            ratings_bytes=0 if manifest.ratings_file is None else manifest.ratings_file.bytes,
            ranking_bytes=0 if manifest.ranking_file is None else manifest.ranking_file.bytes,
            uncertainty_bytes=0 if manifest.uncertainty_file is None else manifest.uncertainty_file.bytes,
            features_bytes=0 if manifest.features_file is None else manifest.features_file.bytes,
            resident_bytes=model.scorer.resident_bytes,
            compression_ratio=ratio,
        ),
        accuracy=Accuracy(
            dataset=manifest.dataset.name,
            split=manifest.split.kind,
            **manifest.accuracy.model_dump(exclude={"parts"}),
            parts=None if parts is None else [ErrorsOfPart(**vars(one)) for one in parts],
        ),
        ranking=None if manifest.ranking is None else _ranking(manifest.ranking),
        training=Training(**manifest.training.model_dump()),
        vocabulary=VocabularySizes(users=vocabulary.users.size, movies=vocabulary.movies.size),
        popularity=Popularity(
            movie_ratings=None if ranges is None else [RankRange(**one.model_dump()) for one in ranges],
            movie_blocks=[int(size) for size in blocks] if isinstance(blocks, list) else None,
        ),
        distinct_vectors=None
        if distinct is None
        else DistinctVectors(DistinctSide(**vars(distinct.users)), DistinctSide(**vars(distinct.movies))),
        rating_scale=RatingScale(**vars(manifest.scale)),
        sha256=manifest.model_file.sha256,
    )


def _ranking(record: RankingRecord) -> Ranking:
    orders = {name: RankingOrder(**vars(order)) for name, order in record.orders.items()}
    return Ranking(**{**vars(record), "orders": orders})
