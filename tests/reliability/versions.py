"""A store whose models change atomically, and the responses of each version."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from app.scoring.loading import load_registry
from app.settings import Settings
from tests.builders import MOVIES, USERS

# All pairs, including cold ones.
USER_IDS, MOVIE_IDS = (
    list(column) for column in zip(*itertools.product(range(1, USERS + 1), range(1, MOVIES + 1)), strict=True)
)
BATCH = {"user_ids": USER_IDS, "movie_ids": MOVIE_IDS, "on_unknown": "fallback", "model": "baseline"}


@dataclass(frozen=True)
class Versions:
    """Folders `first` and `second` hold the models, `store` links to one of each."""

    root: Path

    @property
    def store(self) -> Path:
        """The store in service."""
        return self.root / "store"

    def publish(self, version: str, model: str = "baseline") -> None:
        """Replace a model with a version atomically, as the writer does."""
        link = self.root / f".{model}"
        link.symlink_to(self.root / version / model)
        link.replace(self.store / model)

    def ratings(self, version: str) -> list[float]:
        """Return the response of a version to `BATCH`."""
        scorer = load_registry(Settings(store=self.root / version)).get("baseline").scorer
        return scorer.score(USER_IDS, MOVIE_IDS).rounded()

    def sha256(self, version: str, model: str = "baseline") -> str:
        """Return the digest of a model file."""
        registry = load_registry(Settings(store=self.root / version))
        return registry.get(model).scorer.manifest.model_file.sha256
