"""The client of docs/client.md, with a real service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.app.processes import running
from tests.conftest import REPOSITORY
from tools.documents import run_python

PAGE = REPOSITORY / "docs" / "client.md"
USERS, MOVIES = ["user_1", "user_2", "nobody"], ["movie_1193", "movie_661", "movie_1193"]


class _Flaky(httpx2.HTTPTransport):
    """A connection that loses the first request, and a service that is overloaded at the second."""

    requests = 0
    retry_after = "0"

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        if self.requests == 1:
            raise httpx2.ReadError("lost")
        if self.requests == 2:
            return httpx2.Response(503, headers={"retry-after": self.retry_after})
        return super().handle_request(request)


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The address of a service with the shipped models."""
    with running(REPOSITORY / "models_store") as server:
        yield server.url


@pytest.fixture(scope="module")
def names(service: str) -> dict[str, Any]:
    """What the page defines, after its example has run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STARS_URL", service)
        return run_python(PAGE)


def test_the_example_gets_the_ratings_of_single_requests(names: dict[str, Any], service: str) -> None:
    single = [
        httpx2.get(f"{service}/predict", params={"user_id": user, "movie_id": movie}).json()["rating"]
        for user, movie in [(1, 1193), (1, 661), (2, 1193)]
    ]
    assert np.round(names["found"]["rating"].to_numpy(), 6) == pytest.approx(single)
    assert names["found"]["known_user"].to_pylist() == [True] * 3


def test_batches_keep_the_order_of_the_pairs(names: dict[str, Any], service: str) -> None:
    count = names["BATCH"] + 1
    with httpx2.Client(base_url=service, timeout=30) as client:
        found = names["predict"](client, [1] * (count - 1) + [2], [1193] * count, model="tiny")
    assert found.num_rows == count
    ratings = found["rating"].to_numpy()
    assert len(set(ratings[:-1])) == 1
    assert ratings[-1] != ratings[0]


def test_request_that_failed_for_a_passing_reason_is_sent_again(names: dict[str, Any], service: str) -> None:
    transport = _Flaky()
    with httpx2.Client(base_url=service, transport=transport, timeout=30) as client:
        found = names["predict"](client, USERS, MOVIES)
    assert transport.requests == 3
    assert found["known_user"].to_pylist() == [True, True, False]


@pytest.mark.parametrize("retry_after", ["Sun, 06 Nov 1994 08:49:37 GMT", "soon"])
def test_time_of_the_next_attempt_may_be_a_date(
    names: dict[str, Any], service: str, retry_after: str
) -> None:
    transport = _Flaky()
    transport.retry_after = retry_after
    with httpx2.Client(base_url=service, transport=transport, timeout=30) as client:
        assert names["predict"](client, USERS, MOVIES).num_rows == 3


def test_no_pairs_have_no_ratings(names: dict[str, Any], service: str) -> None:
    with httpx2.Client(base_url=service, timeout=30) as client:
        for more in ({}, {"interval": "0.8", "distribution": "true"}):
            none, some = (
                names["predict"](client, [], [], **more),
                names["predict"](client, USERS, MOVIES, **more),
            )
            assert none.num_rows == 0
            assert none.schema.equals(some.schema, check_metadata=True)


def test_distributions_are_an_array_with_a_row_for_each_pair(names: dict[str, Any], service: str) -> None:
    with httpx2.Client(base_url=service, timeout=30) as client:
        table = names["predict"](client, USERS, MOVIES, interval="0.8", distribution="true")
    stars = table["stars"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
    assert stars.sum(axis=1) == pytest.approx(1, abs=1e-5)
    levels = json.loads(table.field("stars").metadata[b"ratings"])
    assert levels == [5, 4, 3, 2, 1]
    # Cold pairs may have shifted means, but not the known ones of this model.
    assert (stars @ levels)[:2] == pytest.approx(table["rating"].to_numpy()[:2], abs=0.2)
    assert np.all(table["low"].to_numpy() <= table["high"].to_numpy())


def test_refused_request_is_not_sent_again_and_says_why(names: dict[str, Any], service: str) -> None:
    transport = _Flaky()
    transport.requests = 2
    with (
        httpx2.Client(base_url=service, transport=transport, timeout=30) as client,
        pytest.raises(httpx2.HTTPStatusError) as refused,
    ):
        names["predict"](client, USERS, MOVIES, on_unknown="error")
    assert transport.requests == 3
    assert refused.value.response.json()["code"] == "unknown_user"
