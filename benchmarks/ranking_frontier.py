"""Measure how well rankings of different sizes order movies: nDCG against bytes.

    python -m benchmarks.ranking_frontier --data ../ml-1m --plot docs/frontier/ml-1m-ranking.png

A ranking is distilled from EASE for each rank and each number of bits of a user's and a movie's value, as
`fit --ranking-bytes` does, and measured on validation rows, a part of the training rows that neither EASE nor
the ranking saw. Test rows are not read. Popularity and EASE, which has a number for each pair of movies, are
there to compare with.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from benchmarks.harness import report
from training.data.dataset import Dataset, Examples, make_dataset
from training.data.readers.ratings import load_ratings
from training.ranking.distillation import RankingSettings, distil_ranking
from training.ranking.evaluation import Scores, evaluate_ranking, ranking_task
from training.ranking.references import EASE_MOVIES, by_ease, by_popularity
from training.ranking.stored import by_table

VALIDATION: Final = 0.05
_WIDTH, _HEIGHT = 520, 320


def main() -> None:
    """Distil, measure and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--ranks", type=int, nargs="+", default=[8, 12, 16, 21, 32, 54])
    parser.add_argument("--bits", nargs="+", default=["2:3", "3:4"], help="bits of users:movies")
    parser.add_argument("--plot", type=Path, help="write a plot to this PNG file")
    given = parser.parse_args()
    dataset = validation_as_test(make_dataset(load_ratings(given.data), validation_fraction=VALIDATION))
    task = ranking_task(dataset)
    movies = min(dataset.movies.warm, EASE_MOVIES)
    rows = [
        _row("popularity", 0, by_popularity(dataset), task, 0.0),
        _row("EASE", 4 * movies * (movies - 1), by_ease(dataset, task.threshold), task, 0.0),
    ]
    for bits in given.bits:
        user_bits, movie_bits = map(int, bits.split(":"))
        for rank in given.ranks:
            settings = RankingSettings(rank, user_bits=user_bits, movie_bits=movie_bits)
            started = time.process_time()
            table = distil_ranking(dataset, settings, task.threshold)
            seconds = time.process_time() - started
            name = f"rank {rank}, {user_bits} and {movie_bits} bits"
            rows.append(_row(name, table.nbytes, by_table(table, dataset), task, seconds))
            print(rows[-1], flush=True)
    title = f"{dataset.table.name}, {len(task.users):,} users, {VALIDATION:.0%} of the training rows"
    report("ranking_frontier", f"nDCG@{task.top} on validation rows: {title}", rows)
    if given.plot:
        plot(rows, title, given.plot)


def validation_as_test(dataset: Dataset) -> Dataset:
    """Return the dataset with its validation rows in the place of the test rows."""
    nothing = np.empty(0, np.int32)
    return replace(
        dataset,
        test=dataset.validation,
        validation=Examples(nothing, nothing, np.empty(0, np.float32)),
    )


def _row(name: str, nbytes: int, scores: Scores, task: Any, seconds: float) -> dict[str, Any]:
    quality = evaluate_ranking(scores, task)
    return {
        "ranking": name,
        "bytes": nbytes,
        f"nDCG@{task.top}": f"{quality.ndcg:.4f}",
        "±": f"{quality.ndcg_margin:.4f}",
        "movies shown": quality.shown,
        "processor s": f"{seconds:.0f}",
    }


def plot(rows: list[dict[str, Any]], title: str, path: Path) -> None:
    """Draw nDCG against bytes, with a line for each number of bits; the references are dashed lines."""
    measure = next(name for name in rows[0] if name.startswith("nDCG"))
    frame = pd.DataFrame(
        {"ranking": row["ranking"], "bytes": row["bytes"], "ndcg": float(row[measure])} for row in rows
    )
    references, rankings = frame.iloc[:2], frame.iloc[2:].copy()
    rankings["bits"] = rankings["ranking"].str.split(", ").str[1]
    y = alt.Y("ndcg:Q", title=f"{measure} on validation rows", scale=alt.Scale(zero=False))
    points = (
        alt.Chart(rankings, title=title)
        .mark_line(point=True)
        .encode(
            x=alt.X("bytes:Q", title="bytes of the ranking (log)", scale=alt.Scale(type="log", nice=False)),
            y=y,
            color=alt.Color("bits:N", title="users and movies"),
        )
    )
    levels = alt.Chart(references)
    rules = levels.mark_rule(strokeDash=[5, 4], color="grey").encode(y=y)
    names = levels.mark_text(align="right", dy=-5, color="grey").encode(
        x=alt.value(_WIDTH - 4), y=y, text="ranking"
    )
    chart = alt.layer(rules, names, points).properties(width=_WIDTH, height=_HEIGHT)
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.save(str(path), scale_factor=2)


if __name__ == "__main__":
    main()
