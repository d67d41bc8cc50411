"""Compare the training time of the default recipe with that of the published input pipeline, in one run.

    python -m benchmarks.training_speed --data ../ml-1m

The reference is the training as it was published: a text file read by `make_csv_dataset`, ids looked up in
the graph, batches of 128, three epochs. Both sides start from text on disk and build the same model on the
same split. The time includes everything from the first byte read to the last weight update, including
compilation, but no imports.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import machine

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

MODELS = ("baseline", "memory_efficient")


def main() -> None:
    """Run both sides for both models, and print the ratios."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument(
        "--data", type=Path, default=Path("data/ml-latest-small"), help="ratings, in any supported layout"
    )
    options.add_argument("--rounds", type=int, default=1, help="number of runs of each side, alternating")
    options.add_argument("--out", type=Path, default=Path("benchmarks/results/training_speed.json"))
    options.add_argument("--side", choices=("ours", "reference"), help=argparse.SUPPRESS)
    options.add_argument("--model", choices=MODELS, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.side:
        run = time_ours if arguments.side == "ours" else time_reference
        print(json.dumps(run(arguments.data, arguments.model)))
        return
    rows = []
    for model in MODELS:
        for _ in range(arguments.rounds):
            found = {side: _in_own_process(side, model, arguments.data) for side in ("reference", "ours")}
            wall, cpu = (
                found["reference"][what] / found["ours"][what] for what in ("seconds", "cpu_seconds")
            )
            rows.append({"model": model, "wall_ratio": wall, "cpu_ratio": cpu, **found})
            shown = "   ".join(
                f"{side} {one['seconds']:6.1f} s ({one['cpu_seconds']:.1f} s CPU), test MSE {one['mse']:.4f}"
                for side, one in found.items()
            )
            print(f"{model:17} {shown}   ratio {wall:.1f} (CPU {cpu:.1f})", flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(
        json.dumps({"data": arguments.data.name, "measured_on": machine(), "rows": rows}, indent=1)
    )


def time_ours(data: Path, model: str) -> dict[str, float]:
    """Time the default recipe, starting from the ratings file of the data set."""
    import keras  # noqa: F401 - imports are not timed

    from training.data.dataset import make_dataset
    from training.data.readers.ratings import load_ratings
    from training.fit.evaluation import evaluate
    from training.fit.fitting import fit
    from training.fit.recipes import DEFAULT
    from training.models.named import MODELS as SETTINGS

    started, busy = time.perf_counter(), time.process_time()
    dataset = make_dataset(load_ratings(data), validation_fraction=DEFAULT.validation_fraction)
    fitted = fit(SETTINGS[model], DEFAULT, dataset)
    seconds, cpu = time.perf_counter() - started, time.process_time() - busy
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "mse": evaluate(fitted.predict, fitted.fallback, dataset).mse,
    }


def time_reference(data: Path, model: str) -> dict[str, float]:
    """Time the published pipeline, starting from a text file with one training row per line."""
    import keras
    import tensorflow as tf

    from training.data.dataset import prepare
    from training.data.readers.ratings import load_ratings
    from training.data.split import split_ratings
    from training.fit.evaluation import errors
    from training.models.named import MODELS as SETTINGS
    from training.models.rating_model import build_rating_model

    table = load_ratings(data)
    dataset = prepare(table, split_ratings(table, "random", 0))
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "train.csv"
        users, movies = list(table.users), list(table.movies)
        with text.open("w") as file:
            file.write("user_id,movie_id,rating\n")
            file.writelines(
                f"{users[table.user_index[row]]},{movies[table.movie_index[row]]},{table.ratings[row]}\n"
                for row in dataset.split.train
            )
        started, busy = time.perf_counter(), time.process_time()
        keras.utils.set_random_seed(0)
        built = build_rating_model(SETTINGS[model], len(users), len(movies), dataset.movie_popularity)
        lookups = {
            "user_id": keras.layers.StringLookup(vocabulary=list(dataset.users), num_oov_indices=0),
            "movie_id": keras.layers.StringLookup(vocabulary=list(dataset.movies), num_oov_indices=0),
        }
        inputs = {name: keras.Input((), dtype="string", name=name) for name in lookups}
        rating = built.indexed([lookups[name](inputs[name]) for name in lookups])
        learner = keras.Model(list(inputs.values()), rating)
        learner.compile(keras.optimizers.Adam(0.001), loss="mse", metrics=["mae"])
        batches = tf.data.experimental.make_csv_dataset(
            str(text), batch_size=128, label_name="rating", num_epochs=1, column_defaults=["", "", 0.0]
        )
        batches = batches.map(lambda row, stars: ((row["user_id"], row["movie_id"]), stars))
        learner.fit(batches, epochs=3, shuffle=False, verbose=0)
        seconds, cpu = time.perf_counter() - started, time.process_time() - busy
    test = dataset.test
    predicted = built.indexed.predict([test.user_index, test.movie_index], batch_size=65_536, verbose=0)
    return {"seconds": seconds, "cpu_seconds": cpu, "mse": errors(test.ratings, predicted).mse}


def _in_own_process(side: str, model: str, data: Path) -> dict[str, float]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.training_speed",
        "--side",
        side,
        "--model",
        model,
        "--data",
        str(data),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
