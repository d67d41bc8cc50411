from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.builders import tiny_dataset
from training.distillation.base.observed import Observed
from training.distillation.base.settings import BayesianFactorsSettings, StudentSettings
from training.distillation.base.threads import concatenate, in_threads, ranges
from training.distillation.base.tiles import make_tiles
from training.distillation.student.student import fit_student
from training.distillation.teacher.bayesian_factors import BayesianFactors, fit_bayesian_factors
from training.distillation.teacher.kernel import side_kernels
from training.distillation.teacher.teacher import TeacherPredictions


@contextmanager
def on_one_core() -> Iterator[None]:
    """Limit the calling thread, and the threads that it starts, to one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def test_results_are_in_the_order_of_the_pieces() -> None:
    assert list(in_threads(lambda piece: piece * 2, range(100))) == list(range(0, 200, 2))


def test_errors_are_raised_and_the_remaining_pieces_are_not_computed() -> None:
    done = []

    def work(piece: int) -> None:
        if piece == 3:
            raise ValueError("piece 3")
        done.append(piece)

    with pytest.raises(ValueError, match="piece 3"):
        list(in_threads(work, range(1_000)))
    assert len(done) < 200


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_one_core_uses_no_further_threads() -> None:
    with on_one_core():
        threads = set(in_threads(lambda _: threading.get_ident(), range(20)))
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("cost_of_row", [1, 5])
def test_ranges_cover_every_row_once(cost_of_row: int) -> None:
    ends = np.array([0, 900, 900, 901, 905, 1_000])
    rows = concatenate(lambda part: np.arange(5)[part], ranges(ends, cost_of_row))
    assert rows.tolist() == [0, 1, 2, 3, 4]
    assert ranges(np.array([0])) == []


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
@pytest.mark.parametrize("noise", ["ordinal", "gaussian"])
def test_teacher_and_student_do_not_depend_on_the_number_of_cores(noise: str, tmp_path: Path) -> None:
    observed = Observed.of(tiny_dataset())
    tiles = make_tiles(observed, 7, seed=0)
    settings = BayesianFactorsSettings.model_validate(
        {"noise": noise, "rank": 3, "sweeps": 6, "burn_in": 2, "kernel_rank": 6}
    )

    def fit() -> tuple[BayesianFactors, bytes]:
        member = fit_bayesian_factors(
            observed, side_kernels(observed, None, settings, seed=0), settings, seed=0
        )

        stars = [member.predict(tile.users, tile.movies).astype(np.float16) for tile in tiles]
        path = tmp_path / "predictions"
        path.write_bytes(b"".join(tile.tobytes() for tile in stars))
        wanted = StudentSettings(rank=3, blocks=2, max_bytes=200)
        student = fit_student(observed, TeacherPredictions(path), wanted, tiles, seed=0)
        return member, student.users.codes.tobytes() + student.movies.codes.tobytes()

    member, codes = fit()
    with on_one_core():
        alone, codes_alone = fit()
    assert np.array_equal(member.users, alone.users)
    assert np.array_equal(member.states, alone.states)
    assert codes == codes_alone
