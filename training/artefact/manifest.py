"""The manifest: what `manifest.json` beside a model file says about it.

The manifest is the only thing the service believes about a model before it has opened it, so it is
strict: unknown fields, other types and other format versions are refused.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from training.artefact.files import open_regular
from training.errors import ArtefactDamaged, ArtefactForeign, ArtefactMissing

# What this program writes, and the highest that it reads: 2 is 1 with `ratings_file`, and only artefacts that
# have one state it, so that a program that knows 1 alone reads all others and refuses these in so many words.
PLAIN_VERSION: Final = 1
RATINGS_VERSION: Final = 2
MANIFEST_FILE: Final = "manifest.json"
MODEL_FILE: Final = "model.keras"
MOVIES_FILE: Final = "movies.json"
RATINGS_FILE: Final = "ratings.bin"
MAX_MANIFEST_BYTES: Final = 64 * 1024 * 1024
# Versions before 1.0 could store tables with a few bits, or half precision, a value.
ROUNDED_TABLES: Final = "has rounded tables, which are no longer supported; train the model again"
# Characters of what a refusal repeats.
_MAX_REPEATED: Final = 200

ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Stars = Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Error = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Record(BaseModel):
    """A frozen piece of the manifest that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileRecord(Record):
    """A file beside the manifest: its digest and size in bytes."""

    sha256: Sha256
    bytes: Count


StarsKind = Literal["half-stars", "float32"]


class RatingsFileRecord(FileRecord):
    """The ratings that users really gave (see `training.artefact.given_ratings`)."""

    rows: Count
    stars: StarsKind


class TableRecord(Record):
    """One weight array of the model."""

    name: str
    shape: list[Count]
    dtype: str
    parameters: Count
    bytes: Count


class ParametersRecord(Record):
    """Logical scalars before any packing, in total and table by table."""

    total: Count
    trainable: Count
    tables: list[TableRecord]


class SideVocabularyRecord(Record):
    """One side's ids: how many, how many with training ratings, and what a bare number stands behind."""

    size: Count
    warm: Count
    prefix: Annotated[str, Field(max_length=256)] | None
    bytes: Count


class VocabularyRecord(Record):
    """Both sides' ids."""

    users: SideVocabularyRecord
    movies: SideVocabularyRecord


class MeansRecord(Record):
    """Means, in stars, that answer for cold ids (see `training.artefact.fallback`)."""

    kind: Literal["means"] = "means"
    global_mean: Stars
    user_means: list[Stars]
    movie_means: list[Stars]


class BiasesRecord(Record):
    """The model's own biases answer for cold ids; the manifest holds no number of them."""

    kind: Literal["biases"]


def _fallback_kind(value: Any) -> Any:
    return value.get("kind", "means") if isinstance(value, dict) else getattr(value, "kind", None)


FallbackRecord = Annotated[
    Annotated[MeansRecord, Tag("means")] | Annotated[BiasesRecord, Tag("biases")],
    Discriminator(_fallback_kind),
]
"""What answers for cold ids. Without a `kind`, means."""


class DatasetRecord(Record):
    """The ratings file that the model learnt from."""

    name: str
    rows: Count
    users: Count
    movies: Count
    sha256: Sha256
    licence: str


class SplitRecord(Record):
    """How the rows were parted; `test_sha256` is over the test rows' positions as little-endian int64."""

    kind: Literal["random", "time", "leave-last"]
    seed: Count
    train_rows: Count
    validation_rows: Count
    test_rows: Count
    test_sha256: Sha256


class AccuracyRecord(Record):
    """Errors over every test row in rating units, cold rows by the fallback, beside two trivial models.

    `mse_warm` is None where every test row is cold.
    """

    mse: Error
    rmse: Error
    mae: Error
    mse_warm: Error | None
    test_rows: Count
    cold_rows: Count
    global_mean_mse: Error
    biases_only_mse: Error


class TrainingRecord(Record):
    """How the model was fitted. `history` holds one number an epoch for each curve."""

    recipe: dict[str, Any]
    epochs: Count
    seconds: Error
    seed: Count
    history: dict[str, list[Finite]]
    created_at: str
    versions: dict[str, str]


class PopularityRange(Record):
    """Training ratings of the movies from popularity rank `first` to `last`, both counted from 1."""

    first: Count
    last: Count
    ratings: Count


class Manifest(Record):
    """All of `manifest.json`."""

    format_version: Literal[1, 2]
    name: ModelName
    description: str
    model_file: FileRecord
    movies_file: FileRecord | None
    ratings_file: RatingsFileRecord | None = None
    settings: dict[str, Any]
    parameters: ParametersRecord
    weights_bytes: Count
    vocabulary: VocabularyRecord
    fallback: FallbackRecord
    dataset: DatasetRecord
    split: SplitRecord
    accuracy: AccuracyRecord
    training: TrainingRecord
    popularity: list[PopularityRange] | None = None

    @model_validator(mode="after")
    def _version_fits(self) -> Manifest:
        if (self.format_version == RATINGS_VERSION) != (self.ratings_file is not None):
            raise ValueError(f"format_version {RATINGS_VERSION} and ratings_file go together")
        return self


def read_manifest(path: Path) -> Manifest:
    """The manifest at `path`, checked.

    Raises:
        ArtefactMissing: There is no such file.
        ArtefactForeign: It states another format version, or rounded tables.
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
                f"its format_version is not {PLAIN_VERSION} or {RATINGS_VERSION}, which this program reads; "
                "train again",
            ) from error
        what = first["msg"].removeprefix("Value error, ")[:_MAX_REPEATED]
        raise ArtefactDamaged(path, f"{where}: {what}") from error
    except RecursionError as error:
        raise ArtefactDamaged(path, "is nested too deeply") from error
    if manifest.settings.get("precision") is not None:
        raise ArtefactForeign(path, ROUNDED_TABLES)
    return manifest
