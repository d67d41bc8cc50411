"""The commands of `python -m training`, one module each."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from training.cli.calibrate import calibrate
from training.cli.download import download
from training.cli.evaluate import evaluate
from training.cli.fit import distil, fit
from training.cli.frontier import frontier
from training.cli.inspect import inspect
from training.cli.push import push
from training.cli.rank import rank
from training.cli.restore import restore
from training.cli.score import score
from training.cli.split import split


class _Commands(TyperGroup):
    """Ends any command with a one-line message and exit code 130 on Ctrl-C."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("\ninterrupted; unfinished models were not published", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    help="Train compact models of ratings, and inspect and evaluate them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for _command in (fit, download, inspect, evaluate, rank, score, split, frontier, calibrate, restore, push):
    app.command()(_command)
app.command(hidden=True)(distil)
