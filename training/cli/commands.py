"""The commands: each parses its options and calls. No logic.

Keras and pandas are imported by the commands that need them, so that `--help` answers at once.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from training.errors import SettingsError

app = typer.Typer(
    help="Train compact rating models on MovieLens-style ratings, and look at what came out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


class SplitName(StrEnum):
    """How test rows are chosen."""

    RANDOM = "random"
    TIME = "time"
    LEAVE_LAST = "leave-last"


class RecipeName(StrEnum):
    """How models are fitted."""

    DEFAULT = "default"
    REFERENCE = "reference"


class OperationName(StrEnum):
    """How the quotient's and the remainder's embedding become one."""

    MULTIPLY = "multiply"
    ADD = "add"
    CONCATENATE = "concatenate"


def whole_numbers(text: str | None, option: str) -> tuple[int, ...] | None:
    """`1,2,3` as numbers; None stays None.

    Raises:
        SettingsError: It is something else.
    """
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise SettingsError(
            f"{option} takes whole numbers with commas between, such as 400,1300,2006"
        ) from error


DataOption = Annotated[
    Path,
    typer.Option(
        "--data",
        readable=False,  # not to be checked here: the loader's own line says more
        help="A MovieLens folder of any layout, a CSV or Parquet file of ratings, or the folder it lies in.",
        show_default="the bundled ml-latest-small",
    ),
]
ArtefactArgument = Annotated[
    Path, typer.Argument(readable=False, help="A model's folder, such as models_store/baseline.")
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        help="Names of the user, movie, rating and (optional) time columns of a CSV or Parquet file, "
        "such as customer,film,stars,when. Common names are recognised without it."
    ),
]
SplitOption = Annotated[SplitName, typer.Option("--split", help="How test rows are chosen.")]
SplitSeedOption = Annotated[int, typer.Option(min=0, max=2**32 - 2, help="Seed of the random split.")]
RatingsOption = Annotated[
    bool,
    typer.Option(
        "--ratings/--no-ratings",
        help="Whether all ratings of the data travel with each artefact, for the service to say what a user "
        "gave and to leave out what they rated; never with --shareable.",
    ),
]
BUNDLED = Path(__file__).resolve().parent.parent / "data" / "ml-latest-small"


@app.command()
def fit(
    context: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="baseline, memory_efficient; both when none is named."),
    ] = None,
    data: DataOption = BUNDLED,
    columns: ColumnsOption = None,
    store: Annotated[Path, typer.Option(help="Where the artefacts go, one folder a model.")] = Path("store"),
    split: SplitOption = SplitName.RANDOM,
    split_seed: SplitSeedOption = 0,
    recipe: Annotated[
        RecipeName,
        typer.Option(
            help="`reference` is the published training; `default` is as good in a fraction of the time."
        ),
    ] = RecipeName.DEFAULT,
    seed: Annotated[int | None, typer.Option(help="Seed of weights and row order.", show_default="0")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training rows, at most.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Ratings a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Adam's learning rate at the start.")] = None,
    validation_fraction: Annotated[
        float | None, typer.Option(help="Part of the training rows held out for early stopping.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a better validation loss before fitting stops.")
    ] = None,
    embedding_dim: Annotated[
        int | None, typer.Option(help="Length of the embeddings.", show_default="64")
    ] = None,
    num_buckets: Annotated[
        int | None, typer.Option(help="Quotient-remainder: rows of the remainder table.")
    ] = None,
    quotient_rows: Annotated[
        int | None, typer.Option(help="Quotient-remainder: rows of the quotient table.")
    ] = None,
    operation: Annotated[
        OperationName | None, typer.Option(help="Quotient-remainder: how two embeddings become one.")
    ] = None,
    block_sizes: Annotated[
        str | None, typer.Option(help="Mixed dimension: ids a block, most popular first: 400,1300,2006.")
    ] = None,
    block_dims: Annotated[
        str | None, typer.Option(help="Mixed dimension: width of each block: 64,32,16.")
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="Mixed dimension: widths by the power rule, popularity ** temperature."),
    ] = None,
    parameter_budget: Annotated[
        int | None, typer.Option(help="Mixed dimension: widths that fit this many parameters.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="What the weights may come to: 64KB, 64KiB or 100000params. Tries what fits on validation "
            "rows and publishes the best; decides all that MODEL and the options about models and recipes do."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="With --budget: the model's name.")] = "budget",
    work: Annotated[
        Path, typer.Option(help="With --budget: folder of finished teachers, for the next run.")
    ] = Path("runs/budget"),
    shareable: Annotated[
        bool,
        typer.Option(
            "--shareable",
            help="The store is to be passed on: no ratings, and titles only where the data's licence "
            "allows it.",
        ),
    ] = False,
    ratings: RatingsOption = True,
    report: Annotated[
        Path | None, typer.Option(help="Where the plots go.", show_default=".report in the store")
    ] = None,
) -> None:
    """Train models on ratings and publish them to a store, each whole or not at all.

    `python -m training fit` alone trains both models on the bundled data set. Serve the result with
    `make serve STORE=store`.
    """
    from training.cli.console import console, fit_and_report, load_table, named_models

    if budget is not None:
        from training.cli.budget import refuse_other_options
        from training.cli.budget_console import Request, fit_within_budget

        refuse_other_options(context)
        request = Request(
            budget=budget,
            name=name,
            table=load_table(data, columns),
            split=split.value,
            split_seed=split_seed,
            seed=seed or 0,
            store=store,
            work=work,
            shareable=shareable,
            with_ratings=ratings and not shareable,
        )
        interruptible(fit_within_budget, request, console)
        return
    from training.cli.overrides import override_models, override_recipe
    from training.fit.recipes import RECIPES

    wanted = override_models(
        named_models(models),
        embedding_dim=embedding_dim,
        num_buckets=num_buckets,
        quotient_rows=quotient_rows,
        operation=operation and operation.value,
        block_sizes=whole_numbers(block_sizes, "--block-sizes"),
        block_dims=whole_numbers(block_dims, "--block-dims"),
        temperature=temperature,
        parameter_budget=parameter_budget,
    )
    chosen = override_recipe(
        RECIPES[recipe.value],
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validation_fraction=validation_fraction,
        patience=patience,
    )
    interruptible(
        fit_and_report,
        wanted,
        chosen,
        data=data,
        columns=columns,
        split=split.value,
        split_seed=split_seed,
        store=store,
        shareable=shareable,
        with_ratings=ratings and not shareable,
        report=report,
    )


@app.command()
def download(
    name: Annotated[
        str, typer.Argument(help="ml-latest-small, ml-latest, ml-100k, ml-1m, ml-10m ... ml-32m.")
    ],
    to: Annotated[Path, typer.Option(help="Folder that the data set's folder goes into.")] = Path("data"),
    allow_unverified: Annotated[
        bool,
        typer.Option(
            "--allow-unverified", help="Go on where the server publishes no digest beside the archive."
        ),
    ] = False,
) -> None:
    """Fetch a data set from GroupLens, resuming where a broken download stopped, and check its digest."""
    from training.data.grouplens.download import download as fetch

    folder = interruptible(fetch, name, to, allow_unverified=allow_unverified)
    typer.echo(f"{folder}\ntrain on it: python -m training fit --data {folder}")


@app.command()
def inspect(
    artefact: ArtefactArgument,
) -> None:
    """Check an artefact as the service would, and show what it says about itself."""
    from training.cli.console import inspect_artefact

    inspect_artefact(artefact)


@app.command()
def evaluate(
    artefact: ArtefactArgument,
    data: Annotated[
        Path,
        typer.Option("--data", readable=False, help="Ratings, as for `fit`; the ids must mean the same."),
    ],
    columns: ColumnsOption = None,
    split: SplitOption = SplitName.RANDOM,
    split_seed: SplitSeedOption = 0,
    all_rows: Annotated[
        bool, typer.Option("--all-rows", help="Every row of the data, not the test rows alone.")
    ] = False,
) -> None:
    """Measure an artefact on the test rows of any data set, cold pairs by its fallback."""
    from training.cli.console import evaluate_artefact

    interruptible(evaluate_artefact, artefact, data, columns, split.value, split_seed, all_rows)


@app.command()
def split(
    data: DataOption = BUNDLED,
    columns: ColumnsOption = None,
    kind: SplitOption = SplitName.RANDOM,
    split_seed: SplitSeedOption = 0,
    validation_fraction: Annotated[
        float, typer.Option(help="Part of the training rows cut out for choosing.")
    ] = 0.0,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write the rows' positions and their digest to.")
    ] = None,
) -> None:
    """Say which rows are for training, validation and test, and the digest that names the split."""
    from training.cli.console import show_split

    show_split(data, columns, kind.value, split_seed, validation_fraction, out)


def interruptible(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call; Ctrl-C ends the program with a word and exit code 130."""
    try:
        return call(*args, **kwargs)
    except KeyboardInterrupt:
        typer.echo("\nstopped; what was not finished was not published", err=True)
        raise typer.Exit(130) from None
