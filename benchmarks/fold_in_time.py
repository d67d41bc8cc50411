"""Measure the processor time to fit a user to their ratings: `python -m benchmarks.fold_in_time`.

A new user starts with the average user, a known one with the trained vector (`user_id`). The fit reads the
embeddings of the rated movies and solves for the user's vector; the time includes both, but not HTTP.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from app.scoring.scorer import RatingScorer
from app.scoring.table_engine import load_table_engine
from app.services.fold_in import FoldIn, vector_engine
from benchmarks.harness import REPOSITORY, report
from training.artefact import open_artefact
from training.artefact.engine import Prior
from training.artefact.reader import list_artefacts

USERS = 300
COUNTS = (1, 10, 100, 1000)


def main() -> None:
    """Time fits with every model of a store, and report medians."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--store", type=Path, default=REPOSITORY / "models_store")
    lines = []
    for folder in list_artefacts(options.parse_args().store):
        artefact = open_artefact(folder)
        scorer = RatingScorer.from_artefact(artefact, load_table_engine(artefact))
        fold_in = FoldIn()
        average, own = fold_in.prior(scorer), fold_in.prior_of_user(scorer, 0)
        for count in COUNTS:
            new, known = (_milliseconds(scorer, prior, count) for prior in (average, own))
            lines.append({"model": scorer.name, "ratings": count, "new user ms": new, "known user ms": known})
    report("fold_in_time", "Processor time to fit a user", lines)


def _milliseconds(scorer: RatingScorer, prior: Prior, count: int) -> float:
    """Return the median over `USERS` users with `count` random ratings each."""
    random, engine = np.random.default_rng(0), vector_engine(scorer)
    scale, took = scorer.manifest.scale, []
    for _ in range(USERS):
        movies = random.choice(scorer.movies.warm, count, replace=False).astype(np.int32)
        ratings = random.uniform(scale.low, scale.high, count).round()
        started = time.process_time()
        prior.fit(engine.movie_vectors(movies), ratings)
        took.append(time.process_time() - started)
    return round(1000 * float(np.median(took)), 3)


if __name__ == "__main__":
    main()
