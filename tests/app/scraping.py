"""Read `/metrics` as Prometheus does."""

from __future__ import annotations

from collections.abc import Callable

from httpx2 import Response
from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    """The samples of one response."""

    def __init__(self, response: Response) -> None:
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/plain; version=")
        self.families = list(text_string_to_metric_families(response.text))
        self._samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }
        assert len(self._samples) == sum(len(family.samples) for family in self.families)

    def __call__(self, sample: str, **labels: str) -> float:
        """Return the value of a sample, 0 if it is missing."""
        return self._samples.get((sample, *sorted(labels.items())), 0.0)

    @property
    def names(self) -> set[str]:
        """Return the names of all samples."""
        return {str(key[0]) for key in self._samples}


def scrape(get: Callable[[str], Response], url: str = "") -> Scrape:
    """Request `/metrics`."""
    return Scrape(get(f"{url}/metrics"))
