"""The scoring time of a model is that of the calls that requests make."""

from __future__ import annotations

from app.scoring.probe import TIMED_BLOCK, TIMED_SINGLES, measure
from tests.app.fakes import WARM_MOVIES, WARM_USERS, FakeEngine, fake_scorer


class RecordingEngine(FakeEngine):
    """Records the pairs that are rated alone."""

    def __init__(self) -> None:
        super().__init__(1)
        self.alone: list[tuple[int, int]] = []

    def rate_one(self, user_index: int, movie_index: int) -> float:
        self.alone.append((user_index, movie_index))
        return 3.0


def test_single_pairs_are_measured_by_the_path_of_a_single_request() -> None:
    scorer, _ = fake_scorer()
    scorer.engine = engine = RecordingEngine()
    time = measure(scorer)
    assert time.single > 0 and time.per_pair > 0
    # Pairs of all popularities are rated one by one, and the batch by itself.
    assert len(engine.alone) % TIMED_SINGLES == 0
    assert {user for user, _ in engine.alone} == set(range(WARM_USERS))
    assert {movie for _, movie in engine.alone} == set(range(WARM_MOVIES))
    assert engine.rated % TIMED_BLOCK == 0 and engine.rated
