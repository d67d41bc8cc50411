"""Fixtures of tests that start clusters."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

from tests.training.cluster.processes import tagged


@pytest.fixture
def tag() -> Iterator[str]:
    """A value of CLUSTER_TEST, which every process of a test inherits; none of them may outlive the test."""
    tag = uuid.uuid4().hex
    yield tag
    deadline = time.monotonic() + 30
    while left := tagged(tag):
        if time.monotonic() > deadline:
            names = [" ".join(process.cmdline()) for process in left]
            for process in left:
                process.kill()
            pytest.fail(f"still running: {names}")
        time.sleep(0.2)
