"""The command `fit`, with and without a budget, and `distil`, its old form for distilled models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.table import Table

from training.artefact.manifest import Manifest
from training.artefact.rating_scale import DEFAULT_SCALE
from training.cli import parameters
from training.cli.output import (
    ConsoleProgress,
    console,
    print_orders,
    print_parts,
    print_test_errors,
    print_verdict,
    program,
    serve_command,
)
from training.data.dataset import Dataset
from training.data.split import Split
from training.data.table import RatingsTable
from training.distillation.base.settings import DistilledModel
from training.distillation.named import COMPACT, DISTILLED
from training.errors import SettingsError
from training.factors.settings import VARIATIONAL, VariationalModel
from training.families.quotient_remainder import Operation
from training.fit.overrides import override_models, override_recipe
from training.fit.recipes import RECIPES
from training.models.named import BASELINE, MEMORY_EFFICIENT, MODELS, select
from training.publish.options import DataOptions, DistillationOptions, PublishOptions
from training.publish.workflow import AnyModel, fit_within_budget, train_models, validate_distillation
from training.search.budget.budget import Budget, BudgetRecipe, Trial
from training.settings import ModelSettings

if TYPE_CHECKING:
    from training.models.trained import TrainedModel
    from training.search.budget.proposals import Refusal

ALL: Final[Mapping[str, AnyModel]] = {**MODELS, **DISTILLED, **VARIATIONAL}
DEFAULT: Final = (COMPACT.name, BASELINE.name, MEMORY_EFFICIENT.name)
_PAIR: Final = "Settings of baseline and memory_efficient"
# Options that neither a budget nor any distilled model has.
_OF_THE_PAIR: Final = (
    *("recipe", "epochs", "batch_size", "learning_rate", "patience", "embedding_dim", "num_buckets"),
    *("quotient_rows", "operation", "block_sizes", "block_dims", "temperature", "parameter_budget"),
)
_OF_DISTILLED: Final = ("quick", "tile_users", "validate_only")
_OF_A_BUDGET: Final = ("name",)
_OF_BLOCKS: Final = ("cluster",)
_REPLACED_BY_A_BUDGET: Final = (
    "models",
    *_OF_BLOCKS,
    *_OF_THE_PAIR,
    *_OF_DISTILLED,
    "validation_fraction",
)


def _pair(help_text: str, *, metavar: str = "N", default: str | bool = True) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        help=help_text, metavar=metavar, rich_help_panel=_PAIR, show_default=default
    )
    return option


@parameters.takes(parameters.data_options)
def fit(
    context: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="compact, tiny, accurate (distilled); vb (variational); baseline, memory_efficient "
            "(published). Default: compact and the published pair.",
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            metavar="",
            help="Half to 70 % of the time, a slightly larger error; by default compact alone.",
            rich_help_panel=parameters.MODELS,
        ),
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Publish the model of at most 64KB, 64KiB or 100000params with the least error on "
            "validation rows, instead of MODEL.",
            rich_help_panel=parameters.MODELS,
        ),
    ] = None,
    name: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Name of the model of --budget.", rich_help_panel=parameters.MODELS
        ),
    ] = "budget",
    *,
    source: DataOptions,
    seed: parameters.Seed = 0,
    work: parameters.Work = parameters.RUNS / "fit",
    validation_fraction: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Part of the training rows held out: for the weights of the teacher's members (0.1), "
            "and for early stopping (0.01).",
            rich_help_panel=parameters.TRAINING,
        ),
    ] = None,
    validate_only: parameters.ValidateOnly = False,
    tile_users: parameters.TileUsers = 256,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Ray cluster that fits vb, and distilled models of more than 5 million ratings: host:port, "
            "or local. See docs/cluster.md.",
            rich_help_panel=parameters.TRAINING,
        ),
    ] = None,
    recipe: Annotated[
        Literal["default", "reference"],
        typer.Option(
            metavar="NAME",
            help="default, or reference: the published one, which is slower.",
            rich_help_panel=_PAIR,
        ),
    ] = "default",
    epochs: Annotated[int | None, _pair("Most passes over the training rows.")] = None,
    batch_size: Annotated[int | None, _pair("Ratings per step.")] = None,
    learning_rate: Annotated[float | None, _pair("Initial learning rate of Adam.", metavar="X")] = None,
    patience: Annotated[int | None, _pair("Epochs without a better validation loss before a stop.")] = None,
    embedding_dim: Annotated[int | None, _pair("Length of the embeddings.", default="64")] = None,
    num_buckets: Annotated[int | None, _pair("Rows of the remainder table.")] = None,
    quotient_rows: Annotated[int | None, _pair("Rows of the quotient table.")] = None,
    operation: Annotated[
        Operation | None, _pair("How the two rows are combined: multiply, add, concatenate.", metavar="HOW")
    ] = None,
    block_sizes: Annotated[
        str | None, _pair("Ids in each block, most popular first: 400,1300,2006.", metavar="N,N")
    ] = None,
    block_dims: Annotated[str | None, _pair("Width of each block: 64,32,16.", metavar="N,N")] = None,
    temperature: Annotated[
        float | None, _pair("Widths by the power rule, popularity ** temperature.", metavar="X")
    ] = None,
    parameter_budget: Annotated[
        int | None, _pair("The widest blocks within this number of parameters.")
    ] = None,
    store: parameters.Store = Path("store"),
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of report.html.",
            show_default="the store",
            rich_help_panel=parameters.OUTPUT,
        ),
    ] = None,
    shareable: parameters.Shareable = False,
    ratings: parameters.Ratings = True,
    keep_others: parameters.KeepOthers = False,
    ranking_bytes: parameters.RankingBytes = None,
    new_movies: parameters.NewMovies = False,
) -> None:
    """Train models on ratings, compare them with biases, publish them.

    An interrupted run resumes. See docs/data.md and docs/training.md.
    """
    target = PublishOptions(store, shareable, ratings, keep_others, report, ranking_bytes, new_movies)
    given = _given(context)
    if budget is not None:
        _refuse(given, _REPLACED_BY_A_BUDGET, "--budget decides what is trained and how; leave out {}")
        with _BudgetProgress() as progress:
            manifest, page = fit_within_budget(
                budget, name, source, target, work=work, seed=seed, progress=progress
            )
        _print_trials(manifest)
        _print_results([manifest], store, page, new_movies=new_movies)
        return
    _refuse(given, _OF_A_BUDGET, "{} applies to --budget only")
    wanted: list[AnyModel] = select(models or (DEFAULT[:1] if quick or validate_only else DEFAULT), ALL)
    names = ", ".join(model.name for model in wanted)
    distilled = [model for model in wanted if isinstance(model, DistilledModel)]
    fitted = [model for model in wanted if isinstance(model, ModelSettings)]
    variational = [model for model in wanted if isinstance(model, VariationalModel)]
    if not fitted:
        _refuse(given, _OF_THE_PAIR, f"{{}} does not apply to {names}, but to baseline and memory_efficient")
    if not distilled or (validate_only and (fitted or variational)):
        _refuse(given, _OF_DISTILLED, f"{{}} does not apply to {names}, but to {', '.join(DISTILLED)}")
    if not variational and not distilled:
        blocks = ", ".join([*VARIATIONAL, *DISTILLED])
        _refuse(given, _OF_BLOCKS, f"{{}} does not apply to {names}, but to {blocks}")
    if validate_only:
        _refuse(given, _OF_BLOCKS, "{} does not apply to --validate-only")
    overridden = override_models(
        fitted,
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
        validation_fraction=validation_fraction if fitted or variational else None,
        patience=patience,
    )
    fraction = 0.1 if validation_fraction is None else validation_fraction
    distillation = DistillationOptions(work, seed, tile_users, fraction, quick)
    if validate_only:
        with _FitProgress() as progress:
            validate_distillation(distilled, distillation, source, progress)
        return
    by_name = {**ALL, **{model.name: model for model in overridden}}
    with _FitProgress() as progress:
        manifests, page = train_models(
            [by_name[model.name] for model in wanted],
            chosen,
            distillation,
            source,
            target,
            progress,
            cluster,
        )
    _print_results(manifests, store, page, new_movies=new_movies)


@parameters.takes(parameters.data_options)
def distil(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL", help="tiny, compact, accurate; all by default."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            metavar="",
            help="Half to 70 % of the time, a slightly larger error.",
            rich_help_panel=parameters.MODELS,
        ),
    ] = False,
    *,
    source: DataOptions,
    seed: parameters.Seed = 0,
    work: parameters.Work = parameters.RUNS / "distil",
    validation_fraction: Annotated[
        float,
        typer.Option(
            metavar="X",
            callback=parameters.within(0.01, 0.5),
            help="Part of the training rows held out for the weights of the teacher's members.",
            rich_help_panel=parameters.TRAINING,
        ),
    ] = 0.1,
    validate_only: parameters.ValidateOnly = False,
    tile_users: parameters.TileUsers = 256,
    store: parameters.Store = Path("store"),
    shareable: parameters.Shareable = False,
    ratings: parameters.Ratings = True,
    keep_others: parameters.KeepOthers = False,
    ranking_bytes: parameters.RankingBytes = None,
) -> None:
    """Old name of `fit` for the distilled models."""
    wanted = select(models, DISTILLED, "distilled model")
    now = f"{program()} fit {' '.join(model.name for model in wanted)}"
    typer.echo(f"`distil` is now a part of `fit`: {now}", err=True)
    distillation = DistillationOptions(work, seed, tile_users, validation_fraction, quick)
    with _FitProgress() as progress:
        if validate_only:
            validate_distillation(wanted, distillation, source, progress)
            return
        target = PublishOptions(store, shareable, ratings, keep_others, ranking_bytes=ranking_bytes)
        manifests, page = train_models(wanted, RECIPES["default"], distillation, source, target, progress)
    _print_results(manifests, store, page)


class _FitProgress(ConsoleProgress):
    def __init__(self) -> None:
        super().__init__()
        self._scale = DEFAULT_SCALE

    def on_table(self, table: RatingsTable) -> None:
        super().on_table(table)
        self._scale = table.scale

    def on_trained(self, trained: TrainedModel) -> None:
        if trained.settings.name in MODELS:
            console.print(f"{trained.settings.name}: {trained.epochs} epochs in {trained.seconds:.1f} s")
        if trained.settings.name in VARIATIONAL:
            console.print(f"{trained.settings.name}: {trained.epochs} rounds in {trained.seconds:.1f} s")

    def on_validation(self, mse: Mapping[str, float], dataset: Dataset) -> None:
        title = f"on {len(dataset.validation):,} validation rows, {_cold_share(dataset):.1%} of them cold"
        table = Table("what", "MSE", "RMSE / width", title=title)
        for name, value in mse.items():
            table.add_row(name, f"{value:.4f}", f"{value**0.5 / self._scale.width:.4f}")
        console.print(table)


def _cold_share(dataset: Dataset) -> float:
    """Return the share of the validation rows that have a user or a movie without training ratings."""
    rows = dataset.validation
    cold = (rows.user_index >= dataset.users.warm) | (rows.movie_index >= dataset.movies.warm)
    return float(cold.mean())


class _BudgetProgress(ConsoleProgress):
    def on_split(self, split: Split) -> None:
        """Print nothing: `on_proposals` prints the relevant part."""

    def on_proposals(self, budget: Budget, dataset: Dataset, refusals: Sequence[Refusal]) -> None:
        console.print(
            f"budget: {budget}; {len(dataset.validation):,} validation rows to choose on, by the split "
            f"{dataset.split.kind}; {_cold_share(dataset):.1%} of them have a user or a "
            "movie without training ratings"
        )
        for refusal in refusals:
            console.print(f"left out: {refusal.label} (needs {refusal.smallest})")

    def on_trial(self, trial: Trial) -> None:
        console.print(f"{trial.label}: validation MSE {trial.validation_mse:.4f}")


def _given(context: typer.Context) -> set[str]:
    """Return the names of the parameters that were given on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def _refuse(given: set[str], names: Sequence[str], message: str) -> None:
    """Reject options that have no effect on what is trained.

    Raises:
        SettingsError: If one of the names was given.
    """
    for name in names:
        if name in given:
            raise SettingsError(
                message.format("MODEL" if name == "models" else f"--{name.replace('_', '-')}")
            )


def _print_trials(manifest: Manifest) -> None:
    recipe = BudgetRecipe.model_validate(manifest.training.recipe)
    columns = ("tried", "parameters", "bytes", "validation MSE", "seconds")
    table = Table(*columns, title=f"within {recipe.budget}; {recipe.chosen} has the least error")
    for trial in recipe.tried:
        table.add_row(
            trial.label,
            f"{trial.parameters:,}",
            f"{trial.nbytes:,}",
            f"{trial.validation_mse:.4f}",
            f"{trial.seconds:.0f}",
            style="bold" if trial.label == recipe.chosen else None,
        )
    console.print(table)


def _print_results(
    manifests: Sequence[Manifest], store: Path, page: Path, *, new_movies: bool = False
) -> None:
    print_test_errors(manifests)
    print_parts({manifest.name: manifest.accuracy.parts or () for manifest in manifests})
    print_orders(manifests)
    for manifest in manifests if new_movies else ():
        _print_features(manifest)
    console.print(f"published to {store}; report: {page}")
    console.print(f"serve it: {serve_command(store)}")
    print_verdict(manifests)


def _print_features(manifest: Manifest) -> None:
    stated = manifest.features_file
    if stated is None:
        console.print(
            f"{manifest.name}: new movies are rated by the fallback; no features lower the error on "
            "held-out training rows"
        )
        return
    kinds = Counter(feature.kind for feature in stated.features)
    console.print(
        f"{manifest.name}: new movies are rated by {len(stated.features)} features "
        f"({', '.join(f'{kind}: {count}' for kind, count in kinds.items())}); "
        f"features.bin has {stated.bytes:,} bytes"
    )
