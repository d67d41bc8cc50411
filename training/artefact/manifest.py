"""The manifest: the schema of `manifest.json`, which describes the model file beside it.

The service relies on the manifest before it opens the model, so the schema is strict: unknown fields, wrong
types and other format versions are refused.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from training.artefact.files import open_regular
from training.artefact.rating_scale import DEFAULT_SCALE, RatingScale
from training.errors import ArtefactDamaged, ArtefactForeign, ArtefactMissing

# The writer's newest. Every change of the format raises it, and older versions stay readable:
# 1 has neither `ratings_file` nor `rating_scale`, and its ratings are 0 to 5; 2 is 1 with `ratings_file`;
# 3 states both, and `ratings_file` is null in an artefact without ratings; 4 is 3 with `distinct_vectors`;
# 5 is 4 with means in a file; 6 has means in either, and adds `ranking_file`, `ranking`, `uncertainty_file`,
# `features_file`, `accuracy.parts` and `training.last_rating_at`.
FORMAT_VERSION: Final = 6
MANIFEST_FILE: Final = "manifest.json"
MODEL_FILE: Final = "model.keras"
MOVIES_FILE: Final = "movies.json"
RATINGS_FILE: Final = "ratings.bin"
MEANS_FILE: Final = "means.bin"
RANKING_FILE: Final = "ranking.bin"
UNCERTAINTY_FILE: Final = "uncertainty.bin"
FEATURES_FILE: Final = "features.bin"
ARTEFACT_FILES: Final = (
    MANIFEST_FILE,
    MODEL_FILE,
    MOVIES_FILE,
    RATINGS_FILE,
    MEANS_FILE,
    RANKING_FILE,
    UNCERTAINTY_FILE,
    FEATURES_FILE,
)
MAX_MANIFEST_BYTES: Final = 64 * 1024 * 1024
# Versions before 1.0 could store tables with a few bits, or half precision, a value.
ROUNDED_TABLES: Final = "has rounded tables, which are no longer supported; train the model again"
# Maximum number of characters of input that an error message repeats.
_MAX_REPEATED: Final = 200
DEFAULT_ITEM_NAME: Final = "movie"
ITEM_NAME: Final = r"^[A-Za-z][A-Za-z -]{0,38}[A-Za-z]$"

ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Error = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Record(BaseModel):
    """Base class of the manifest's parts: frozen, and without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileRecord(Record):
    """A file beside the manifest: its digest and size in bytes."""

    sha256: Sha256
    bytes: Count


StarsKind = Literal["half-stars", "steps", "float32"]
"""Encoding of ratings: half stars (format version 2), steps above the lowest rating, or numbers."""


class RatingsFileRecord(FileRecord):
    """The file of observed ratings (see `training.artefact.given_ratings`)."""

    rows: Count
    stars: StarsKind


Bits = Annotated[int, Field(ge=1, le=8)]


class RankingFileRecord(FileRecord):
    """The file of a ranking (see `training.artefact.ranking_table`).

    Attributes:
        users: Number of users with a vector.
        movies: Number of movies with a vector.
        user_bits: Bits of each value of a user's vector.
        movie_bits: Bits of each value of a movie's vector, and of its bias.
        liked: Lowest rating of a movie that a user liked.
        mean_liked: Mean number of training ratings of a user that are at least that.
    """

    users: Count
    movies: Annotated[int, Field(ge=1)]
    user_bits: Annotated[list[Bits], Field(min_length=1, max_length=256)]
    movie_bits: list[Bits]
    liked: Finite
    mean_liked: Error

    @model_validator(mode="after")
    def _check_bits(self) -> RankingFileRecord:
        if len(self.movie_bits) != len(self.user_bits) + 1:
            raise ValueError("movie_bits has one number more than user_bits, for the biases")
        return self


# Bounded, so that exponentials of sums do not overflow.
LogScale = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]
LogScales = Annotated[list[LogScale], Field(min_length=4, max_length=4)]


class UncertaintyFileRecord(FileRecord):
    """The file of the classes of ids, and what all ids share (see `training.artefact.uncertainty`)."""

    levels: Annotated[list[Finite], Field(min_length=2, max_length=100)]
    cuts: Annotated[list[Finite], Field(min_length=1, max_length=99)]
    users: LogScales
    movies: LogScales
    shifts: Annotated[list[LogScale], Field(min_length=5, max_length=5)]
    cold: Annotated[list[LogScale], Field(min_length=3, max_length=3)]

    @model_validator(mode="after")
    def _ascends(self) -> UncertaintyFileRecord:
        if len(self.cuts) != len(self.levels) - 1:
            raise ValueError("there must be one cut point between two levels")
        for name, numbers in (("levels", self.levels), ("cuts", self.cuts)):
            if any(high <= low for low, high in pairwise(numbers)):
                raise ValueError(f"{name} must ascend")
        return self


class FeatureRecord(Record):
    """A feature of movies (see `training.artefact.new_movies`)."""

    kind: Annotated[str, Field(min_length=1, max_length=256)]
    value: Annotated[str, Field(max_length=256)]
    weight: Finite
    centre: Finite
    step: Error


class FeaturesFileRecord(FileRecord):
    """The file of the biases and leanings of users, which rate movies by their features."""

    intercept: Finite
    mean: Finite
    user_step: Error
    features: Annotated[list[FeatureRecord], Field(min_length=1, max_length=1024)]
    # What separates the ranges of each column of numbers, if there are any.
    edges: Annotated[
        dict[str, Annotated[list[Finite], Field(min_length=1)]], Field(exclude_if=lambda edges: not edges)
    ] = {}

    @model_validator(mode="after")
    def _edges_ascend(self) -> FeaturesFileRecord:
        for column, edges in self.edges.items():
            if any(high <= low for low, high in pairwise(edges)):
                raise ValueError(f"the edges of {column!r} must ascend")
        return self


class TableRecord(Record):
    """One weight array of the model."""

    name: str
    shape: list[Count]
    dtype: str
    parameters: Count
    bytes: Count


class ParametersRecord(Record):
    """Number of parameters before packing, in total and by table."""

    total: Count
    trainable: Count
    tables: list[TableRecord]


class SideVocabularyRecord(Record):
    """The ids of one side: their number, how many have training ratings, and the prefix of plain numbers."""

    size: Count
    warm: Count
    prefix: Annotated[str, Field(max_length=256)] | None
    bytes: Count


class VocabularyRecord(Record):
    """Both sides' ids."""

    users: SideVocabularyRecord
    movies: SideVocabularyRecord


class MeansRecord(Record):
    """Mean ratings that answer for cold ids (see `training.artefact.fallback`)."""

    kind: Literal["means"] = "means"
    global_mean: Finite
    user_means: list[Finite]
    movie_means: list[Finite]


class MeansFileRecord(FileRecord):
    """The means are in `means.bin`: little-endian float32, of each warm user and then of each warm movie."""

    kind: Literal["means-file"] = "means-file"
    global_mean: Finite


class BiasesRecord(Record):
    """The model's biases answer for cold ids; the manifest stores none of them."""

    kind: Literal["biases"]


def _fallback_kind(value: Any) -> Any:
    return value.get("kind", "means") if isinstance(value, dict) else getattr(value, "kind", None)


FallbackRecord = Annotated[
    Annotated[MeansRecord, Tag("means")]
    | Annotated[MeansFileRecord, Tag("means-file")]
    | Annotated[BiasesRecord, Tag("biases")],
    Discriminator(_fallback_kind),
]
"""How cold ids are rated. A record without `kind` has means."""


class RatingScaleRecord(Record):
    """Lowest and highest rating, and the step between observed ratings; None if they are continuous."""

    low: Finite
    high: Finite
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None

    @model_validator(mode="after")
    def _ascends(self) -> RatingScaleRecord:
        if not self.low < self.high:
            raise ValueError("high must be above low")
        return self


class DatasetRecord(Record):
    """The ratings file that the model learnt from."""

    name: str
    rows: Count
    users: Count
    movies: Count
    sha256: Sha256
    licence: str
    # The word for an item on the page. Artefacts about movies do not state it.
    item_name: Annotated[str, Field(pattern=ITEM_NAME, exclude_if=lambda name: name == DEFAULT_ITEM_NAME)] = (
        DEFAULT_ITEM_NAME
    )


class SplitRecord(Record):
    """How the rows were split; `test_sha256` digests the test rows' positions as little-endian int64."""

    kind: Literal["random", "time", "leave-last", "new-movies"]
    seed: Count
    train_rows: Count
    validation_rows: Count
    test_rows: Count
    test_sha256: Sha256


PartName = Literal["warm", "cold user", "cold movie", "both cold"]
"""Test rows by which of their sides have no training rating."""


class PartRecord(Record):
    """Errors over the test rows of a part (see `training.fit.evaluation.PARTS`), which is not empty."""

    part: PartName
    rows: Count
    mse: Error
    global_mean_mse: Error
    biases_only_mse: Error


class AccuracyRecord(Record):
    """Errors over all test rows, with the fallback for cold rows, and those of two trivial models.

    They are on the rating scale. `mse_warm` is None if every test row is cold. `parts` are the errors by
    which sides are cold; versions before 6 do not have them.
    """

    mse: Error
    rmse: Error
    mae: Error
    mse_warm: Error | None
    test_rows: Count
    cold_rows: Count
    global_mean_mse: Error
    biases_only_mse: Error
    parts: list[PartRecord] | None = None


Order = Literal["rating", "likely", "popularity"]
"""An order of the movies: by predicted rating, by the ranking of the artefact, or by training ratings."""


class OrderRecord(Record):
    """Quality of the first movies in an order (see `training.ranking.evaluation.RankingQuality`)."""

    ndcg: Error
    ndcg_margin: Error
    recall: Error
    shown: Count
    popularity: Error


class RankingRecord(Record):
    """Which movies come first for the users of the test rows, in each order that the model has.

    `training.ranking.evaluation` describes the protocol.

    Attributes:
        top: Number of movies that are shown.
        relevant: Lowest rating of a relevant movie.
        users: Number of users.
        movies: Number of movies that are ranked.
        orders: The quality of each order; `popularity` is there to compare with.
    """

    top: Count
    relevant: Finite
    users: Count
    movies: Count
    orders: dict[Order, OrderRecord]


class TrainingRecord(Record):
    """How the model was fitted.

    `history` has one number per epoch for each curve. `last_rating_at` is the time of the newest training
    rating, None if the ratings have no times; versions before 6 do not state it.
    """

    recipe: dict[str, Any]
    epochs: Count
    seconds: Error
    seed: Count
    history: dict[str, list[Finite]]
    created_at: str
    versions: dict[str, str]
    last_rating_at: str | None = None


class PopularityRange(Record):
    """Number of training ratings of the movies with popularity rank `first` to `last`, counted from 1."""

    first: Count
    last: Count
    ratings: Count


class DistinctSideRecord(Record):
    """How many ids of a side have an embedding that no other id has.

    Ids with the same embedding get the same predictions (see `training.artefact.engine.twins`).

    Attributes:
        ids: Number of ids with training ratings.
        distinct: Number of different embeddings, biases included.
        sharing: Number of ids whose embedding another id has, too.
        largest: Number of ids in the largest group with one embedding.
    """

    ids: Count
    distinct: Count
    sharing: Count
    largest: Count


class DistinctVectorsRecord(Record):
    """The distinct embeddings of both sides."""

    users: DistinctSideRecord
    movies: DistinctSideRecord


class Manifest(Record):
    """All of `manifest.json`."""

    format_version: Literal[1, 2, 3, 4, 5, 6]
    name: ModelName
    description: str
    model_file: FileRecord
    movies_file: FileRecord | None
    ratings_file: RatingsFileRecord | None = None
    ranking_file: Annotated[RankingFileRecord | None, Field(exclude_if=lambda record: record is None)] = None
    uncertainty_file: Annotated[
        UncertaintyFileRecord | None, Field(exclude_if=lambda record: record is None)
    ] = None
    features_file: Annotated[FeaturesFileRecord | None, Field(exclude_if=lambda record: record is None)] = (
        None
    )
    rating_scale: RatingScaleRecord = RatingScaleRecord(**vars(DEFAULT_SCALE))
    settings: dict[str, Any]
    parameters: ParametersRecord
    weights_bytes: Count
    vocabulary: VocabularyRecord
    fallback: FallbackRecord
    dataset: DatasetRecord
    split: SplitRecord
    accuracy: AccuracyRecord
    # None if no test row is relevant, and in artefacts that were not measured.
    ranking: Annotated[RankingRecord | None, Field(exclude_if=lambda record: record is None)] = None
    training: TrainingRecord
    popularity: list[PopularityRange] | None = None
    # None if the model is too large to count them.
    distinct_vectors: DistinctVectorsRecord | None = None

    @property
    def files(self) -> dict[str, FileRecord]:
        """The files beside the manifest, by name."""
        stated = {
            MODEL_FILE: self.model_file,
            MOVIES_FILE: self.movies_file,
            RATINGS_FILE: self.ratings_file,
            MEANS_FILE: self.means_file,
            RANKING_FILE: self.ranking_file,
            UNCERTAINTY_FILE: self.uncertainty_file,
            FEATURES_FILE: self.features_file,
        }
        return {name: record for name, record in stated.items() if record is not None}

    @property
    def means_file(self) -> MeansFileRecord | None:
        """The file of means, if any."""
        return self.fallback if isinstance(self.fallback, MeansFileRecord) else None

    @property
    def scale(self) -> RatingScale:
        """Scale of the ratings."""
        return RatingScale(**vars(self.rating_scale))

    @model_validator(mode="after")
    def _version_fits(self) -> Manifest:
        stated = self.model_fields_set
        if self.format_version < 6 and (self.format_version == 5) != (self.means_file is not None):
            raise ValueError("format_version 5 and means in a file go together")
        added = {
            "ranking_file": "ranking_file" in stated,
            "uncertainty_file": "uncertainty_file" in stated,
            "ranking": "ranking" in stated,
            "features_file": "features_file" in stated,
            "accuracy.parts": "parts" in self.accuracy.model_fields_set,
            "training.last_rating_at": "last_rating_at" in self.training.model_fields_set,
        }
        for field, is_stated in added.items():
            if is_stated and self.format_version < 6:
                raise ValueError(f"{field} belongs to format_version 6 and later")
        if (self.format_version >= 4) != ("distinct_vectors" in stated):
            raise ValueError("format_version 4 and distinct_vectors go together")
        if self.format_version >= 3:
            if not {"ratings_file", "rating_scale"} <= stated:
                raise ValueError("format_version 3 and later state ratings_file and rating_scale")
        elif "rating_scale" in stated:
            raise ValueError("rating_scale belongs to format_version 3 and later")
        elif (self.format_version == 2) != (self.ratings_file is not None):
            raise ValueError("format_version 2 and ratings_file go together")
        if self.ratings_file is not None:
            steps = "half-stars" if self.format_version == 2 else "steps"
            if self.ratings_file.stars not in (steps, "float32"):
                raise ValueError(f"ratings_file.stars is not {steps} or float32")
            if self.ratings_file.stars == "steps" and self.rating_scale.step is None:
                raise ValueError("ratings_file.stars is steps, but the rating scale has no step")
        return self

    @model_validator(mode="after")
    def _means_on_scale(self) -> Manifest:
        if not isinstance(self.fallback, BiasesRecord):
            means = [self.fallback.global_mean]
            if isinstance(self.fallback, MeansRecord):
                means += [*self.fallback.user_means, *self.fallback.movie_means]
            if min(means) < self.rating_scale.low or max(means) > self.rating_scale.high:
                raise ValueError(f"fallback: a mean is off the rating scale, {self.scale}")
        return self


def read_manifest(path: Path) -> Manifest:
    """Read and check the manifest at `path`.

    Raises:
        ArtefactMissing: There is no such file.
        ArtefactForeign: It has another format version, or rounded tables.
        ArtefactDamaged: It is not JSON, or not a manifest.
    """
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > MAX_MANIFEST_BYTES:
                raise ArtefactDamaged(path, f"is larger than {MAX_MANIFEST_BYTES} bytes")
            text = file.read(MAX_MANIFEST_BYTES)
    except FileNotFoundError as error:
        raise ArtefactMissing(
            path, "there is no manifest; train the model again or remove the folder"
        ) from error
    except OSError as error:
        raise ArtefactDamaged(path, f"cannot be read ({error.strerror})") from error
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:_MAX_REPEATED] or "the file"
        if first["loc"] == ("format_version",):
            raise ArtefactForeign(
                path,
                f"its format_version is not 1 to {FORMAT_VERSION}, which this program reads; train again",
            ) from error
        what = first["msg"].removeprefix("Value error, ")[:_MAX_REPEATED]
        raise ArtefactDamaged(path, f"{where}: {what}") from error
    except RecursionError as error:
        raise ArtefactDamaged(path, "is nested too deeply") from error
    if manifest.settings.get("precision") is not None:
        raise ArtefactForeign(path, ROUNDED_TABLES)
    return manifest
