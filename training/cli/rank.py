"""The command `rank`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from training.artefact.manifest import MANIFEST_FILE, read_manifest
from training.cli import parameters
from training.cli.output import ConsoleProgress, console, print_orders
from training.publish.workflow import add_ranking


def rank(
    artefacts: Annotated[
        list[Path],
        typer.Argument(metavar="ARTEFACT...", help="Folders of models of one data set.", show_default=False),
    ],
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="PATH",
            help="The ratings that they were trained on.",
            rich_help_panel=parameters.DATA,
        ),
    ],
    columns: parameters.Columns = None,
    not_rated: parameters.NotRated = None,
    repeats: parameters.Repeats = "error",
    keep_null_ids: parameters.NullIds = False,
    ranking_bytes: parameters.RankingBytes = None,
) -> None:
    """Add a ranking to stored models, and state in their manifests which movies come first.

    Their predicted ratings do not change. Without --ranking-bytes, they are only measured.
    """
    scale = read_manifest(artefacts[0] / MANIFEST_FILE).scale
    source = parameters.rating_options(data, columns, None, not_rated, repeats, keep_null_ids)
    with ConsoleProgress() as progress:
        manifests = add_ranking(artefacts, replace(source, scale=scale.bounds), ranking_bytes, progress)
    print_orders(manifests)
    for folder, manifest in zip(artefacts, manifests, strict=True):
        if manifest.ranking_file is not None:
            console.print(f"{folder}: a ranking of {manifest.ranking_file.bytes:,} bytes")
