"""The commands of `python -m training`, one module each."""

from __future__ import annotations

import typer

from training.cli.distil import distil
from training.cli.download import download
from training.cli.evaluate import evaluate
from training.cli.fit import fit
from training.cli.frontier import frontier
from training.cli.inspect import inspect
from training.cli.split import split

app = typer.Typer(
    help="Train compact rating models on MovieLens-style ratings, and inspect and evaluate them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for _command in (fit, download, inspect, evaluate, split, distil, frontier):
    app.command()(_command)
