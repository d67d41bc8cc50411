"""Time training from file to published, and measure every compact model, beside another commit.

    python -m benchmarks.distillation_speed COMMIT --data bundled ../ml-100k ../ml-1m books-like

Each run is a process of its own, one after the other, with an empty work folder, timed from its start to its
end: `distil compact` of the other commit, which later versions know as well, then `fit compact`, `fit` (with
the published pair) and `fit --quick` of this one. Afterwards the other models are made with what is already
there, only to measure them. `books-like` is a file that is made here: 200,000 ratings of 20,000 users for
10,000 books. The other commit is not run on it unless `--wide` is given, because versions that visit every
pair of it need most of an hour.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.harness import REPOSITORY, report
from benchmarks.versions import HERE, checkout

BUNDLED: Final = REPOSITORY / "data" / "ml-latest-small"
# Names that `--data` takes beside folders and files.
BUNDLED_NAME: Final = "bundled"
WIDE_NAME: Final = "books-like"
BEST: Final = "compact"
OTHERS: Final = ("tiny", "accurate")


def main() -> None:
    """Run both versions on every data set and print times and errors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commit", help="the commit to compare with")
    parser.add_argument(
        "--data",
        nargs="+",
        default=[BUNDLED_NAME, WIDE_NAME],
        help=f"data sets: {BUNDLED_NAME}, {WIDE_NAME}, folders and files",
    )
    parser.add_argument("--wide", action="store_true", help="run the other commit on the wide file, too")
    arguments = parser.parse_args()
    for name in arguments.data:
        if name not in (BUNDLED_NAME, WIDE_NAME) and not Path(name).exists():
            parser.error(f"--data: {name} does not exist")
    rows = []
    with tempfile.TemporaryDirectory() as folder, checkout(arguments.commit) as other:
        wide = Path(folder) / f"{WIDE_NAME}.csv"
        write_wide_file(wide)
        named = {BUNDLED_NAME: BUNDLED, WIDE_NAME: wide}
        for data in (named.get(name) or Path(name).resolve() for name in arguments.data):
            runs = [
                (f"{HERE}, fit {BEST}", REPOSITORY, ("fit", BEST), ()),
                (f"{HERE}, fit", REPOSITORY, ("fit",), ()),
                (f"{HERE}, fit --quick", REPOSITORY, ("fit",), ("--quick",)),
            ]
            if data != wide or arguments.wide:
                runs.insert(0, (arguments.commit, other, ("distil", BEST), ()))
            for version, code, command, options in runs:
                figures = _train(code, data, command, options)
                rows.append({"data": data.stem, "version": version, **figures})
                print(rows[-1], flush=True)
    title = "From file to published, and the test MSE of every compact model"
    report("distillation_speed", title, rows)


def write_wide_file(
    path: Path,
    *,
    users: int = 20_000,
    items: int = 10_000,
    ratings: int = 200_000,
    factors: int = 8,
    seed: int = 0,
) -> None:
    """Write ratings from 1 to 5 as people rate books: few each, of many, most of them popular.

    Every user and every item is rated at least once. A user takes the most promising of three popular items,
    so which items a user rates says something about the user's taste.
    """
    random = np.random.default_rng(seed)
    activity = random.lognormal(0, 1.2, users)
    popularity = (np.arange(items) + 10.0) ** -0.8
    user = np.concatenate([np.arange(users), random.choice(users, 2 * ratings, p=activity / activity.sum())])
    user_tastes, item_tastes = (
        random.standard_normal((count, factors)) / factors**0.25 for count in (users, items)
    )
    user_bias, item_bias = random.normal(0, 0.4, users), random.normal(0, 0.35, items)
    offered = random.choice(items, (user.size, 3), p=popularity / popularity.sum())
    liking = np.einsum("nk,nck->nc", user_tastes[user], item_tastes[offered])
    item = offered[np.arange(user.size), (liking + random.gumbel(size=liking.shape)).argmax(axis=1)]
    item[:items] = random.permutation(items)
    first = np.sort(np.unique(user * items + item, return_index=True)[1])[:ratings]
    user, item = user[first], item[first]
    match = 0.45 * np.einsum("nk,nk->n", user_tastes[user], item_tastes[item])
    rating = 3.9 + user_bias[user] + item_bias[item] + match + random.normal(0, 0.6, user.size)
    lines = zip(
        user.tolist(), item.tolist(), np.clip(np.rint(rating), 1, 5).astype(int).tolist(), strict=True
    )
    with path.open("w", encoding="utf-8") as file:
        file.write("user_id,movie_id,rating\n")
        file.writelines(f"u{one},b{other},{stars}\n" for one, other, stars in lines)


def _train(code: Path, data: Path, command: tuple[str, ...], options: tuple[str, ...]) -> dict[str, Any]:
    """Run a command of the code in a folder; return its seconds, and the test MSE of every compact model."""
    with tempfile.TemporaryDirectory() as folder:
        work, store = Path(folder) / "work", Path(folder) / "store"
        program = [sys.executable, "-m", "training"]
        places = ["--data", str(data), "--work", str(work), "--store", str(store), *options]
        started, busy = time.perf_counter(), _cpu_seconds()
        subprocess.run([*program, *command, *places], cwd=code, check=True, stdout=subprocess.DEVNULL)
        seconds, cpu = time.perf_counter() - started, _cpu_seconds() - busy
        subprocess.run(
            [*program, command[0], *OTHERS, *places], cwd=code, check=True, stdout=subprocess.DEVNULL
        )
        manifests = [json.loads(path.read_text(encoding="utf-8")) for path in store.glob("*/manifest.json")]
    mse = {manifest["name"]: manifest["accuracy"]["mse"] for manifest in manifests}
    errors = {f"{name} MSE": f"{mse[name]:.4f}" for name in (OTHERS[0], BEST, OTHERS[1])}
    return {"s": round(seconds), "CPU s": round(cpu), **errors}


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
