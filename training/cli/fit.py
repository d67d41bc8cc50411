"""The command `fit`, with and without a budget."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.table import Table

from training.artefact.manifest import Manifest
from training.cli import parameters
from training.cli.output import ConsoleProgress, console, print_test_errors, serve_command
from training.data.split import Split
from training.errors import SettingsError
from training.families.quotient_remainder import Operation
from training.fit.overrides import override_models, override_recipe
from training.fit.recipes import RECIPES
from training.models.named import MODELS, select
from training.publish.options import DataOptions, PublishOptions
from training.publish.workflow import fit_models, fit_within_budget
from training.search.budget.budget import Budget, BudgetRecipe, Trial

if TYPE_CHECKING:
    from training.models.trained import TrainedModel
    from training.search.budget.proposals import Refusal

# The budget decides everything else.
_ALLOWED_WITH_BUDGET: Final = {
    *signature(parameters.data_options).parameters,
    *("budget", "name", "work", "store", "seed", "shareable", "ratings", "keep_others"),
}


@parameters.takes(parameters.data_options)
def fit(
    context: typer.Context,
    source: DataOptions,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="baseline, memory_efficient; both by default."),
    ] = None,
    store: parameters.Store = Path("store"),
    recipe: Annotated[
        Literal["default", "reference"],
        typer.Option(help="`reference` is the published recipe; `default` is as accurate and much faster."),
    ] = "default",
    seed: Annotated[
        int | None, typer.Option(help="Seed of the initial weights and the row order.", show_default="0")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Maximum number of passes over the training rows.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Ratings per step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Initial learning rate of Adam.")] = None,
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
        Operation | None, typer.Option(help="Quotient-remainder: how the two rows are combined.")
    ] = None,
    block_sizes: Annotated[
        str | None,
        typer.Option(help="Mixed dimension: ids in each block, most popular first: 400,1300,2006."),
    ] = None,
    block_dims: Annotated[
        str | None, typer.Option(help="Mixed dimension: width of each block: 64,32,16.")
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="Mixed dimension: widths by the power rule, popularity ** temperature."),
    ] = None,
    parameter_budget: Annotated[
        int | None, typer.Option(help="Mixed dimension: the widest blocks within this number of parameters.")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Maximum size of the weights: 64KB, 64KiB or 100000params. Tries what fits on validation "
            "rows and publishes the best. Replaces MODEL and all options about models and recipes."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="With --budget: name of the model.")] = "budget",
    work: Annotated[
        Path, typer.Option(help="With --budget: folder that keeps finished teachers for the next run.")
    ] = parameters.RUNS / "budget",
    shareable: parameters.Shareable = False,
    ratings: parameters.Ratings = True,
    keep_others: parameters.KeepOthers = False,
    report: Annotated[
        Path | None, typer.Option(help="Folder of the plots.", show_default=".report in the store")
    ] = None,
) -> None:
    """Train models on ratings and publish each atomically to a store.

    By default, `python -m training fit` trains both models on the bundled data set. Serve the result with
    `make serve STORE=store`.
    """
    target = PublishOptions(store, shareable, ratings, keep_others)
    if budget is not None:
        _refuse_other_options(context)
        with _BudgetProgress() as progress:
            manifest = fit_within_budget(
                budget, name, source, target, work=work, seed=seed or 0, progress=progress
            )
        _print_budget(manifest, store)
        return
    wanted = override_models(
        select(models, MODELS),
        embedding_dim=embedding_dim,
        num_buckets=num_buckets,
        quotient_rows=quotient_rows,
        operation=operation,
        block_sizes=parameters.whole_numbers(block_sizes, "--block-sizes"),
        block_dims=parameters.whole_numbers(block_dims, "--block-dims"),
        temperature=temperature,
        parameter_budget=parameter_budget,
    )
    chosen = override_recipe(
        RECIPES[recipe],
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validation_fraction=validation_fraction,
        patience=patience,
    )
    with _FitProgress() as progress:
        manifests, page = fit_models(wanted, chosen, source, target, report, progress)
    print_test_errors(manifests)
    console.print(f"published to {store}; plots: {page}")
    console.print(f"serve it: {serve_command(store)}")


class _FitProgress(ConsoleProgress):
    def on_trained(self, trained: TrainedModel) -> None:
        trained.model.indexed.summary(print_fn=console.print)
        console.print(f"{trained.settings.name}: {trained.epochs} epochs in {trained.seconds:.1f} s")


class _BudgetProgress(ConsoleProgress):
    def on_split(self, split: Split) -> None:
        """Print nothing: `on_proposals` prints the relevant part."""

    def on_proposals(self, budget: Budget, validation_rows: int, refusals: Sequence[Refusal]) -> None:
        console.print(f"budget: {budget}; {validation_rows:,} validation rows to choose on")
        for refusal in refusals:
            console.print(f"left out: {refusal.label} (needs {refusal.smallest})")

    def on_trial(self, trial: Trial) -> None:
        console.print(f"{trial.label}: validation MSE {trial.validation_mse:.4f}")


def _refuse_other_options(context: typer.Context) -> None:
    """Reject options that a budget decides.

    Raises:
        SettingsError: If an option about what to train, or how, is given as well.
    """
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in _ALLOWED_WITH_BUDGET and source is not None and source.name == "COMMANDLINE":
            what = "MODEL" if name == "models" else f"--{name.replace('_', '-')}"
            raise SettingsError(f"--budget decides what is trained and how; leave out {what}")


def _print_budget(manifest: Manifest, store: Path) -> None:
    recipe = BudgetRecipe.model_validate(manifest.training.recipe)
    columns = ("tried", "parameters", "bytes", "validation MSE", "RMSE / width", "seconds")
    width = manifest.scale.width
    table = Table(*columns, title=f"within {recipe.budget}")
    for trial in recipe.tried:
        table.add_row(
            trial.label,
            f"{trial.parameters:,}",
            f"{trial.nbytes:,}",
            f"{trial.validation_mse:.4f}",
            f"{trial.validation_mse**0.5 / width:.4f}",
            f"{trial.seconds:.0f}",
            style="bold" if trial.label == recipe.chosen else None,
        )
    console.print(table)
    accuracy = manifest.accuracy
    console.print(
        f"{manifest.name}: {recipe.chosen}, {manifest.weights_bytes:,} bytes, "
        f"{manifest.parameters.total:,} parameters, test MSE {accuracy.mse:.4f} "
        f"(biases only {accuracy.biases_only_mse:.4f}), RMSE / width {accuracy.rmse / width:.4f}"
    )
    console.print(f"published to {store}; serve it: {serve_command(store)}")
