"""Count the users and the movies that a model gives the same answers: `python -m benchmarks.twins`."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.harness import REPOSITORY, report
from training.artefact import open_artefact
from training.artefact.engine import count_twins, read_tables
from training.artefact.reader import list_artefacts


def main() -> None:
    """Decode the tables of every model of a store, and report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--store", type=Path, default=REPOSITORY / "models_store")
    lines = []
    for folder in list_artefacts(options.parse_args().store):
        artefact = open_artefact(folder)
        sides = count_twins(read_tables(artefact.archive), artefact.users.warm, artefact.movies.warm)
        for side, counts in (("users", sides.users), ("movies", sides.movies)):
            lines.append({"model": artefact.manifest.name, "side": side, **vars(counts)})
    report("twins", "Ids that a model cannot tell apart", lines)


if __name__ == "__main__":
    main()
