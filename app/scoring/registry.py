"""Loaded models by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, Final

from app.contract.errors import NotReady, UnknownModel
from app.scoring.catalogue import Catalogue
from app.scoring.probe import ScoringTime
from app.scoring.scorer import RatingScorer

BASELINE: Final = "baseline"
# Movies of a model, the most rated first, that can be searched for without a title: a million of them would
# take longer to list than all else that is loaded.
MAX_UNTITLED: Final = 20_000


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A scorer that has passed its probe, and how long it took."""

    scorer: RatingScorer
    time: ScoringTime

    @property
    def name(self) -> str:
        """The model's name."""
        return self.scorer.name


class Registry:
    """The models that answer, in the order of their names, and the ones that should."""

    def __init__(
        self,
        models: Iterable[LoadedModel],
        default: str,
        expected: Sequence[str],
        titles: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> None:
        """Hold `models`.

        Args:
            models: Loaded and probed.
            default: Name of the one that answers when a request names none.
            expected: Names of all that must be there before the service is ready.
            titles: Titles and genres by movie id, as far as artefacts carry them.
        """
        self.models: Mapping[str, LoadedModel] = MappingProxyType({model.name: model for model in models})
        self.default = default
        self.expected = tuple(expected)
        # The default model's movies first, in the order of their popularity.
        ordered = sorted(self.models.values(), key=lambda model: model.name != default)
        listed = [islice(model.scorer.movies, MAX_UNTITLED) for model in ordered]
        self.catalogue = Catalogue(chain(*listed, titles), titles)

    @property
    def baseline(self) -> LoadedModel | None:
        """The model that the others are held against, if it is there."""
        return self.models.get(BASELINE)

    def get(self, name: str | None = None) -> LoadedModel:
        """The model called `name`, or the default one.

        Raises:
            UnknownModel: There is none.
        """
        try:
            return self.models[self.default if name is None else name]
        except KeyError:
            raise UnknownModel(self.default if name is None else name, self.models) from None

    def select(self, names: Sequence[str] | None) -> list[LoadedModel]:
        """The models called `names` in that order, or all.

        Raises:
            UnknownModel: There is none of one of the names.
        """
        return [self.get(name) for name in (self.models if names is None else names)]

    def check_ready(self) -> None:
        """Pass when every expected model is there, and at least one.

        Raises:
            NotReady: One is not.
        """
        missing = [name for name in self.expected if name not in self.models]
        if missing or not self.models:
            raise NotReady(missing)
