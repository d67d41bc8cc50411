"""The command `score`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Final

import typer

from training.artefact.reader import list_artefacts, open_artefact
from training.cli import parameters
from training.cli.output import ConsoleProgress, console
from training.cluster.runner import connect
from training.data.files.remote import parse_place
from training.errors import SettingsError

BEST: Final = "Best movies"


def score(
    model: Annotated[str, typer.Option(metavar="NAME", help="Model of the store.")] = "compact",
    store: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of models.")] = Path("store"),
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the parts that are written.")] = Path(
        "scores"
    ),
    users: Annotated[
        str,
        typer.Option(metavar="IDS", help="`all`, or a file of user ids.", rich_help_panel=BEST),
    ] = "all",
    top: Annotated[
        int,
        typer.Option(
            metavar="N",
            callback=parameters.within(1, 1000),
            help="Movies for each user.",
            rich_help_panel=BEST,
        ),
    ] = 10,
    exclude_rated: Annotated[
        bool, typer.Option("--exclude-rated", help="Leave out what a user rated.", rich_help_panel=BEST)
    ] = False,
    pairs: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Rate the pairs of this CSV or Parquet file instead."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Ray cluster that ranks: host:port, or local. See docs/cluster.md.",
            rich_help_panel=BEST,
        ),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV, not Parquet.")] = False,
) -> None:
    """Score many users or pairs, with the answers of the service.

    An interrupted run resumes. See docs/scale.md.
    """
    if pairs is not None and (users != "all" or top != 10 or exclude_rated or cluster):
        raise SettingsError("--users, --top, --exclude-rated and --cluster do not apply to --pairs")
    from training.bulk.scoring import Format, score_pairs, score_users

    folders = {folder.name: folder for folder in list_artefacts(store)}
    if model not in folders:
        raise SettingsError(f"--model: {store} has no model {model!r}; there are {', '.join(folders)}")
    artefact = open_artefact(folders[model])
    kind: Format = "csv" if csv else "parquet"
    with ConsoleProgress() as progress:

        def on_part(done: int, total: int) -> None:
            progress.on_step("scoring", done, total)

        if pairs is not None:
            found = score_pairs(artefact, parse_place(pairs, "--pairs"), out, kind=kind, on_part=on_part)
        else:
            with connect(cluster) if cluster else nullcontext() as runner:
                found = score_users(
                    artefact,
                    out,
                    top=top,
                    exclude_rated=exclude_rated,
                    users=None if users == "all" else parse_place(users, "--users"),
                    kind=kind,
                    runner=runner,
                    on_part=on_part,
                )
    what = "users" if pairs is None else "pairs"
    console.print(f"{found.rows:,} {what} in {found.parts} parts in {out}")
    if found.skipped:
        console.print(
            f"{found.skipped:,} users have no training ratings; {out}/unknown_users.csv lists them",
            style="yellow",
        )
