"""What `fit --budget` says: what fits, how each did on validation rows, and what was published."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from training.data.split import SplitKind
from training.data.table import RatingsTable
from training.search.budget.budget import parse_budget
from training.search.budget.effort import FULL, Effort


@dataclass(frozen=True)
class Request:
    """What `fit --budget` was asked for.

    Attributes:
        budget: As written.
        name: Of the model that comes out.
        table: The ratings.
        split: How test rows are chosen.
        split_seed: Of the random split.
        seed: Of every random draw.
        store: Where the artefact goes.
        work: Folder of finished teachers; a run that was stopped goes on from there.
        shareable: Whether the store is to be passed on.
        with_ratings: Whether the data set's ratings travel with the artefact.
        effort: How much to spend on each thing that fits.
    """

    budget: str
    name: str
    table: RatingsTable
    split: SplitKind
    split_seed: int
    seed: int
    store: Path
    work: Path
    shareable: bool
    with_ratings: bool
    effort: Effort = FULL


def fit_within_budget(request: Request, console: Console) -> None:
    """Try what fits, choose on validation rows, make the best from all training rows, publish it.

    Raises:
        SettingsError: The budget is no budget, or nothing fits it.
    """
    budget = parse_budget(request.budget)
    with console.status("importing Keras"):
        from training.distillation.base.work_folder import open_work_folder
        from training.fit.evaluation import evaluate
        from training.fit.fitting import predict
        from training.fit.recipes import BIASED
        from training.publish.publishing import publish_model
        from training.publish.workflow import make_dataset, titles_to_carry
        from training.search.budget.choosing import FINAL_VALIDATION, best_of, make_chosen, try_all
        from training.search.budget.proposals import propose
        from training.search.candidates import Bench

    dataset = make_dataset(request.table, request.split, request.split_seed, BIASED)
    proposals, refusals = propose(dataset, budget, request.seed, request.effort)
    console.print(f"budget: {budget}; {len(dataset.validation):,} validation rows to choose on")
    for refusal in refusals:
        console.print(f"left out: {refusal.label} (needs {refusal.smallest})")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with open_work_folder(request.work) as work, Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None)

        def on_progress(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        teacher = request.effort.teacher_for(len(dataset.train))
        bench = Bench(dataset, work, seed=request.seed, teacher=teacher, on_progress=on_progress)
        tried = try_all(
            bench,
            budget,
            proposals,
            lambda one: progress.console.print(f"{one.label}: validation MSE {one.validation_mse:.4f}"),
        )
        best = best_of(tried)
        winner = next(proposal for proposal in proposals if proposal.label == best.label)
        held_out = 0.0 if winner.plan.recipe is None else FINAL_VALIDATION
        recipe = BIASED.model_copy(update={"validation_fraction": held_out})
        dataset = make_dataset(request.table, request.split, request.split_seed, recipe)
        bench = Bench(dataset, work, seed=request.seed, teacher=teacher, on_progress=on_progress)
        chosen = make_chosen(bench, winner, budget, tried, request.name)
    shown = Table("tried", "parameters", "bytes", "validation MSE", "seconds", title=f"within {budget}")
    for one in tried:
        shown.add_row(
            one.label,
            f"{one.parameters:,}",
            f"{one.nbytes:,}",
            f"{one.validation_mse:.4f}",
            f"{one.seconds:.0f}",
            style="bold" if one == best else None,
        )
    console.print(shown)
    fallback = chosen.made.fallback
    accuracy = evaluate(partial(predict, chosen.model.indexed), fallback, dataset)
    titles = titles_to_carry(request.table, request.shareable)
    manifest = publish_model(
        request.store, chosen, dataset, fallback, accuracy, titles, request.with_ratings
    ).manifest
    console.print(
        f"{manifest.name}: {best.label}, {manifest.weights_bytes:,} bytes, {manifest.parameters.total:,} "
        f"parameters, test MSE {accuracy.mse:.4f} (biases only {accuracy.biases_only_mse:.4f})"
    )
    console.print(f"published to {request.store}; serve it: make serve STORE={request.store}")
