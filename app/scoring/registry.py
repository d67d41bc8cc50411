"""Loaded models by name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.contract.errors import MAX_ERRORS, InvalidRequest, NotReady, UnknownModel
from app.scoring.catalogue import Catalogue
from app.scoring.probe import ScoringTime
from app.scoring.scorer import RatingScorer
from training.artefact import DEFAULT_ITEM_NAME, RatingScale

BASELINE: Final = "baseline"
# Maximum number of untitled movies of a model in the catalogue, the most rated first: listing a million of
# them would take longer than loading everything else.
MAX_UNTITLED: Final = 20_000


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A scorer that has passed its probe, and its scoring time."""

    scorer: RatingScorer
    time: ScoringTime

    @property
    def name(self) -> str:
        """The model's name."""
        return self.scorer.name

    @property
    def dataset(self) -> str:
        """Name of the data set that the model was trained on. Another data set has other users and movies."""
        return self.scorer.manifest.dataset.name


class Registry:
    """The loaded models, sorted by name, and the names of the expected ones."""

    def __init__(
        self,
        models: Iterable[LoadedModel],
        default: str,
        expected: Sequence[str],
        titles: Mapping[str, Mapping[str, Mapping[str, Any]]] = MappingProxyType({}),
    ) -> None:
        """Register loaded and probed models, of which `default` is for requests that name none.

        The service is ready if all `expected` models are loaded. `titles` has titles and genres by data set
        and movie id.
        """
        self.models: Mapping[str, LoadedModel] = MappingProxyType({model.name: model for model in models})
        self.default = default
        self.expected = tuple(expected)
        self.datasets = self._by_dataset()
        self._catalogues = {
            dataset: _catalogue(models, titles.get(dataset, {})) for dataset, models in self.datasets.items()
        }
        # Of several data sets with a movie of the same id, the first one has the entry.
        every = list(self._catalogues.values())
        self._all_movies = every[0] if len(every) == 1 else Catalogue(chain(*every))

    def _by_dataset(self) -> Mapping[str, Sequence[LoadedModel]]:
        """Group the models by data set, the default model and its data set first."""
        first = self.models.get(self.default)
        ordered = sorted(
            self.models.values(),
            key=lambda model: (
                first is None or model.dataset != first.dataset,
                model.dataset,
                model is not first,
            ),
        )
        return {dataset: list(models) for dataset, models in groupby(ordered, lambda model: model.dataset)}

    def catalogue(self, name: str | None = None) -> Catalogue:
        """Return the movies of the data set of a model, or without a name those of all models.

        Raises:
            UnknownModel: No model has that name.
        """
        return self._all_movies if name is None else self._catalogues[self.get(name).dataset]

    @property
    def item_name(self) -> str:
        """What the page calls an item: the word of the default model's data set."""
        model = self.models.get(self.default)
        return DEFAULT_ITEM_NAME if model is None else model.scorer.manifest.dataset.item_name

    def baseline_of(self, model: LoadedModel) -> LoadedModel | None:
        """Return the model that `model` is compared with, if it is loaded and has the same data set."""
        baseline = self.models.get(BASELINE)
        return baseline if baseline is not None and baseline.dataset == model.dataset else None

    @property
    def scale(self) -> RatingScale:
        """The rating scale, with the step of the default model; all models have the same bounds."""
        return self.get().scorer.manifest.scale

    def check_ratings(self, ratings: NDArray[np.float64], field: str) -> None:
        """Check that the `(n,)` ratings in the list `field` of a request, NaN if missing, are on the scale.

        Raises:
            InvalidRequest: A rating is off the scale.
        """
        off = np.flatnonzero((ratings < self.scale.low) | (ratings > self.scale.high))
        if off.size:
            message = f"is off the rating scale, which is {self.scale}"
            raise InvalidRequest([((field, place, "rating"), message) for place in off[:MAX_ERRORS].tolist()])

    def get(self, name: str | None = None) -> LoadedModel:
        """Return the model with the given name, or the default one.

        Raises:
            UnknownModel: No model has that name.
        """
        try:
            return self.models[self.default if name is None else name]
        except KeyError:
            raise UnknownModel(self.default if name is None else name, self.models) from None

    def select(self, names: Sequence[str] | None) -> list[LoadedModel]:
        """Return the models with the given names in that order, or all models.

        Raises:
            UnknownModel: One of the names is unknown.
        """
        return [self.get(name) for name in (self.models if names is None else names)]

    @property
    def is_ready(self) -> bool:
        """Whether every expected model, and at least one, is loaded."""
        return bool(self.models) and self.models.keys() >= set(self.expected)

    def check_ready(self) -> None:
        """Check that every expected model, and at least one, is loaded.

        Raises:
            NotReady: A model is missing.
        """
        if not self.is_ready:
            raise NotReady(name for name in self.expected if name not in self.models)


def _catalogue(models: Iterable[LoadedModel], titles: Mapping[str, Mapping[str, Any]]) -> Catalogue:
    """Return the movies of the models of one data set, those of the first model first, by popularity."""
    listed = [islice(model.scorer.movies, MAX_UNTITLED) for model in models]
    return Catalogue.of_ids(chain(*listed, titles), titles)
