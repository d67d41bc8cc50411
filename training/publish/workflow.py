"""Run a training from a ratings file to published artefacts, or to the frontier's table and charts.

The command line, the tests and the benchmarks use these functions. Each reads and splits the ratings, trains,
evaluates and publishes; it prints nothing and reports to a `Progress`. Keras is imported only after the
ratings have been read, because its import takes seconds.

The functions share these arguments:

* `data`: The ratings, and how they are split. DataError is raised if they cannot be read, SplitError if they
  do not allow the split.
* `options`: Where artefacts are published. ArtefactError is raised if the store cannot be written; it is then
  as before.
* `work`: Folder of finished steps, from which an interrupted run resumes. TrainingError is raised if it
  cannot be used.
* `seed`: Seed of every random draw.
* `progress`: Receives the progress of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from training.artefact.files import atomic_write
from training.artefact.manifest import Manifest
from training.artefact.reader import Artefact, open_stored
from training.artefact.writer import make_store
from training.cluster.runner import RayRunner, connect
from training.data.dataset import Dataset
from training.data.split import Split, split_ratings, write_split
from training.data.table import RatingsTable
from training.distillation.base.settings import Blend, DistilledModel
from training.distillation.named import HELD_OUT_OF_LARGE, MOST_SAMPLED_RATINGS, with_limits_for
from training.errors import ReportError, SettingsError, SplitError
from training.factors.settings import VariationalModel, VariationalRecipe
from training.fit.recipes import BIASED
from training.publish.keras_import import importing_keras
from training.publish.options import DataOptions, DistillationOptions, PublishOptions
from training.publish.plan import VALIDATION, plan, plan_best, plan_search
from training.publish.progress import SILENT, Progress
from training.search.budget.budget import FULL, Effort, parse_budget
from training.settings import ModelSettings, Recipe

if TYPE_CHECKING:
    import pandas as pd

    from training.artefact.new_movies import NewMovies
    from training.artefact.uncertainty import Uncertainty
    from training.distillation.base.work_folder import WorkFolder
    from training.distillation.teacher.teacher import Teacher
    from training.fit.as_they_come import Arrivals
    from training.fit.evaluation import Evaluation
    from training.models.trained import TrainedModel
    from training.publish.ranking import DatasetRanking
    from training.ranking.evaluation import RankingQuality, RankingTask, Scores

AnyModel = ModelSettings | DistilledModel | VariationalModel
"""A model that a run can train."""

FRONTIER_TABLE: Final = "frontier.csv"
FRONTIER_SUMMARY: Final = "frontier.md"


def load_table(data: DataOptions, progress: Progress = SILENT) -> RatingsTable:
    """Read the ratings of a run.

    Raises:
        DataError: They cannot be read.
    """
    with progress.busy(f"reading {data.path}"):
        table = data.load()
    progress.on_table(table)
    return table


def split_table(
    data: DataOptions, validation_fraction: float, out: Path | None, progress: Progress = SILENT
) -> Split:
    """Split the ratings, and write the rows of each part to the folder `out`, if given.

    Raises:
        DataError: The ratings cannot be read.
        SplitError: The data does not allow this split.
    """
    table = load_table(data, progress)
    split = split_ratings(table, data.split, data.split_seed, validation_fraction)
    progress.on_split(split)
    if out is not None:
        write_split(split, out)
    return split


def train_models(
    models: Sequence[AnyModel],
    recipe: Recipe,
    distillation: DistillationOptions,
    data: DataOptions,
    options: PublishOptions,
    progress: Progress = SILENT,
    cluster: str | None = None,
) -> tuple[list[Manifest], Path]:
    """Distil models, fit the others, publish all of them, and write a report.

    Args:
        models: The models, of which those with `ModelSettings` are fitted by gradients, and those with
            `VariationalModel` by variational updates.
        recipe: How the former are fitted; the latter have its seed and its validation rows, of which they
            need some.
        distillation: How the others are distilled, and the work folder.
        data: As above.
        options: As above.
        progress: As above.
        cluster: Where models of variational updates are fitted, and the distilled models whose teacher is
            one: `host:port` of a Ray cluster's head, `local` for a cluster of this machine, or None for
            threads of this process.

    Returns:
        The manifests of the published artefacts in the order of `models`, and the page of the report.

    Raises:
        SettingsError: Some settings are not legal for this data, or no model can be fitted on a cluster.
        ClusterError: The cluster cannot be used.
        ReportError: The report cannot be written.
    """
    table = load_table(data, progress)
    ids = len(table.users) + len(table.movies)
    distilled = [with_limits_for(model, ids) for model in models if isinstance(model, DistilledModel)]
    fitted = [model for model in models if isinstance(model, ModelSettings)]
    # Distilled models need no rows for early stopping. Of many ratings, some are left out of the training for
    # the distributions; of few, they would be missed, and a twin is fitted without them.
    held_out_of_large = HELD_OUT_OF_LARGE if table.rows > MOST_SAMPLED_RATINGS else 0.0
    whole = data.dataset(table, held_out_of_large) if distilled else None
    part = data.dataset(table, recipe.validation_fraction) if fitted else None
    variational = [model for model in models if isinstance(model, VariationalModel)]
    if cluster and not variational and table.rows <= MOST_SAMPLED_RATINGS:
        raise SettingsError(
            f"--cluster does not apply to distilled models of {table.rows:,} ratings: only with more than "
            f"{MOST_SAMPLED_RATINGS:,}, their teacher is a factorisation in blocks"
        )
    fraction = recipe.validation_fraction or VariationalRecipe().validation_fraction
    held_out = None
    if variational:
        held_out = part if part and fraction == recipe.validation_fraction else data.dataset(table, fraction)
    dataset = part or held_out or whole
    assert dataset is not None, "no model to train"
    progress.on_split(dataset.split)
    with importing_keras(progress):
        from training.distillation.student.packing import student_blocks
        from training.publish.reports import write_report
    # All limits, settings and the store are checked before the first model is trained.
    for model in distilled:
        student_blocks(model.student, len(dataset.users), len(dataset.movies))
    _check_settings(fitted, dataset)
    make_store(options.store, [model.name for model in models])
    progress.on_plan(plan(models, distillation, table.rows))
    trained: list[tuple[TrainedModel, Dataset]] = []
    with connect(cluster) if cluster else nullcontext() as runner:
        if whole is not None:
            found = _distil(distilled, whole, table, distillation, data, progress, runner)
            trained += [(model, whole) for model in found]
        if held_out is not None:
            found = _fit_variational(
                variational, held_out, fraction, recipe.seed, distillation.work, progress, runner
            )
            trained += [(model, held_out) for model in found]
    if part is not None:
        trained += [(model, part) for model in _fit(fitted, part, recipe, progress)]
    artefacts = {artefact.manifest.name: artefact for artefact in _publish(trained, options, progress)}
    manifests = [artefacts[model.name].manifest for model in models]
    return manifests, write_report(manifests, dataset, options)


def fit_on(
    dataset: Dataset,
    models: Sequence[ModelSettings],
    recipe: Recipe,
    options: PublishOptions,
    progress: Progress = SILENT,
) -> list[Artefact]:
    """Fit models to a dataset and publish them; the part of `train_models` that reads no file.

    Raises:
        SettingsError: Some settings are not legal for this dataset.
    """
    progress.on_split(dataset.split)
    _check_settings(models, dataset)
    make_store(options.store, [settings.name for settings in models])
    trained = _fit(models, dataset, recipe, progress)
    return _publish([(model, dataset) for model in trained], options, progress)


def _check_settings(models: Sequence[ModelSettings], dataset: Dataset) -> None:
    """Raise SettingsError if the settings of a model are not legal for this dataset."""
    sizes = len(dataset.users), len(dataset.movies)
    for settings in models:
        settings.resolve(*sizes, dataset.movie_popularity, dataset.user_popularity)


def _fit(
    models: Sequence[ModelSettings], dataset: Dataset, recipe: Recipe, progress: Progress
) -> list[TrainedModel]:
    with importing_keras(progress):
        from training.fit.fitting import fit

    trained = []
    for settings in models:
        progress.on_step(settings.name, 0, 0)
        trained.append(fit(settings, recipe, dataset, partial(progress.on_step, settings.name)))
        progress.on_trained(trained[-1])
    return trained


def _fit_variational(
    models: Sequence[VariationalModel],
    dataset: Dataset,
    validation_fraction: float,
    seed: int,
    work: Path,
    progress: Progress,
    runner: RayRunner | None,
) -> list[TrainedModel]:
    """Fit models by variational updates; an interrupted fit resumes after its last round."""
    from training.distillation.base.work_folder import open_work_folder
    from training.factors.trained import fit_variational_model

    trained = []
    with open_work_folder(work) as folder:
        for model in models:

            def on_round(done: int, total: int, error: float | None, name: str = model.name) -> None:
                losses = {} if error is None else {"val_mse": error * dataset.scale.unit**2}
                progress.on_step(name, done, total, losses)

            progress.on_step(model.name, 0, 0)
            trained.append(
                fit_variational_model(
                    model,
                    dataset,
                    seed=seed,
                    validation_fraction=validation_fraction,
                    runner=runner,
                    checkpoint=folder.path / f"{model.name}-round.npz",
                    on_round=on_round,
                )
            )
            progress.on_trained(trained[-1])
    return trained


def _distil(
    models: Sequence[DistilledModel],
    dataset: Dataset,
    table: RatingsTable,
    options: DistillationOptions,
    data: DataOptions,
    progress: Progress,
    runner: RayRunner | None,
) -> list[TrainedModel]:
    """Find the weights of each teacher's members on validation rows, then distil from all training rows."""
    from training.distillation.base.work_folder import open_work_folder
    from training.distillation.distiller import distil
    from training.distillation.teacher.teacher import Teacher
    from training.uncertainty.held_out import fit_with_held_out_rows

    trained: list[TrainedModel] = []
    with open_work_folder(options.work) as folder:
        blends = {model.name: options.blend(model, table.rows) for model in models}
        uncertainties: dict[str, Uncertainty | None] = {}
        if any(blend.weights is None for blend in blends.values()):
            on_part, blends = _find_blends(models, table, folder, options, data, progress)
            with progress.busy("fitting the distributions of ratings"):
                uncertainties = {
                    model.name: fit_with_held_out_rows(on_part, model, blends[model.name], dataset)
                    for model in models
                }
        elif not len(dataset.validation):
            with progress.busy("fitting the distributions of ratings"):
                found = _fit_variational_uncertainty(dataset, table, options, data)
            uncertainties = dict.fromkeys(blends, found)
        teacher = Teacher(
            dataset,
            folder,
            options.teacher,
            seed=options.seed,
            tile_users=options.tile_users,
            runner=runner,
            on_progress=progress.on_step,
        )
        for model in models:
            distilled = distil(teacher, model, blends[model.name])
            trained.append(replace(distilled, uncertainty=uncertainties.get(model.name)))
            progress.on_trained(trained[-1])
    return trained


def _fit_variational_uncertainty(
    dataset: Dataset, table: RatingsTable, options: DistillationOptions, data: DataOptions
) -> Uncertainty | None:
    """Fit distributions around the predictions of a variational factorisation, which takes seconds.

    Those of a distilled model differ little from them: see "How sure a prediction is" in docs/models.md.
    """
    from training.factors.settings import VB
    from training.factors.trained import fit_variational_model
    from training.uncertainty.fitting import LEAST_ROWS
    from training.uncertainty.held_out import fit_by_twin

    try:
        part = data.dataset(table, options.validation_fraction)
    except SplitError:
        return None
    if len(part.validation) < LEAST_ROWS:
        return None
    return fit_by_twin(fit_variational_model(VB, part, seed=options.seed), part, dataset)


def _find_blends(
    models: Sequence[DistilledModel],
    table: RatingsTable,
    folder: WorkFolder,
    options: DistillationOptions,
    data: DataOptions,
    progress: Progress,
    *,
    with_students: bool = False,
) -> tuple[Teacher, dict[str, Blend]]:
    """Return the teacher of all rows but the validation rows, and the blend of each model."""
    from training.distillation.distiller import find_blends
    from training.distillation.teacher.teacher import Teacher
    from training.fit.evaluation import biases_only, errors
    from training.publish.comparison import BIASES

    dataset = data.dataset(table, options.validation_fraction)
    teacher = Teacher(
        dataset,
        folder,
        options.teacher,
        seed=options.seed,
        tile_users=options.tile_users,
        on_progress=lambda what, done, total: progress.on_step(f"{VALIDATION}{what}", done, total),
    )
    wanted = [model.model_copy(update={"blend": options.blend(model, table.rows)}) for model in models]
    blends, mse = find_blends(teacher, wanted, with_students=with_students)
    validation = dataset.validation
    biases = errors(validation.ratings, biases_only(dataset, validation)).mse
    progress.on_validation({**mse, BIASES: biases}, dataset)
    return teacher, blends


def _publish(
    trained: Sequence[tuple[TrainedModel, Dataset]], options: PublishOptions, progress: Progress
) -> list[Artefact]:
    """Evaluate and publish all models at the end, so that an interrupted run leaves the store unchanged."""
    from training.fit.evaluation import evaluate
    from training.publish.publishing import publish_model
    from training.publish.ranking import rank_dataset

    trained = [(_with_uncertainty(model, dataset, progress), dataset) for model, dataset in trained]
    trained = _with_new_movies(trained, options, progress)
    with progress.busy("evaluating"):
        accuracies = [evaluate(model.predict, model.fallback, dataset) for model, dataset in trained]
    ranked: dict[int, DatasetRanking] = {}
    for _, dataset in trained:
        if id(dataset) not in ranked:
            ranked[id(dataset)] = rank_dataset(dataset, options.ranking_bytes, progress)
    return [
        publish_model(model, dataset, accuracy, options, progress, ranked[id(dataset)])
        for (model, dataset), accuracy in zip(trained, accuracies, strict=True)
    ]


def _with_uncertainty(trained: TrainedModel, dataset: Dataset, progress: Progress) -> TrainedModel:
    """Fit the distributions of ratings, unless the model has them, or there are no validation rows."""
    if trained.uncertainty is not None or not len(dataset.validation):
        return trained
    from training.uncertainty.held_out import fit_on_validation_rows

    with progress.busy("fitting the distributions of ratings"):
        return replace(trained, uncertainty=fit_on_validation_rows(trained, dataset))


def _with_new_movies(
    trained: Sequence[tuple[TrainedModel, Dataset]], options: PublishOptions, progress: Progress
) -> Sequence[tuple[TrainedModel, Dataset]]:
    """Let each model rate movies without training ratings by their features, if wanted."""
    if not options.new_movies:
        return trained
    from training.fit.new_movies import fit_new_movies
    from training.publish.publishing import titles_of

    fitted: dict[int, NewMovies | None] = {}
    with progress.busy("fitting features of movies"):
        for _, dataset in trained:
            if id(dataset) not in fitted:
                found = fit_new_movies(dataset)
                titles = titles_of(dataset, options.shareable, found)
                fitted[id(dataset)] = found and found.of_movies(dataset.movies, titles)
    return [
        (replace(model, fallback=replace(model.fallback, new_movies=fitted[id(dataset)])), dataset)
        for model, dataset in trained
    ]


def fit_within_budget(
    budget: str,
    name: str,
    data: DataOptions,
    options: PublishOptions,
    *,
    work: Path,
    seed: int = 0,
    effort: Effort = FULL,
    progress: Progress = SILENT,
) -> tuple[Manifest, Path]:
    """Try what fits a budget, choose on validation rows, train the best on all training rows, publish it.

    The budget limits the bytes of the weights, such as `64KB`; `effort` limits the computation for each
    candidate.

    Returns:
        The manifest of the published artefact, whose name is `name` and whose recipe is a `BudgetRecipe`,
        and the page of the report.

    Raises:
        SettingsError: The budget is invalid, or nothing fits it.
    """

    def validation_step(task: str, done: int, total: int) -> None:
        progress.on_step(f"{VALIDATION}{task}", done, total)

    limit = parse_budget(budget)
    table = load_table(data, progress)
    with importing_keras(progress):
        from training.distillation.base.work_folder import open_work_folder
        from training.distillation.teacher.teacher import Teacher
        from training.fit.evaluation import evaluate
        from training.publish.publishing import publish_model
        from training.publish.ranking import rank_dataset
        from training.publish.reports import write_report
        from training.search.budget.proposals import propose
        from training.search.budget.selection import (
            best_of,
            choice_fraction,
            final_fraction,
            train_best,
            try_all,
        )
        from training.search.candidates import CandidateTrainer
        from training.uncertainty.held_out import fit_by_twin

    dataset = data.dataset(table, choice_fraction(data.split))
    progress.on_split(dataset.split)
    candidates, refusals = propose(dataset, limit, seed, effort)
    make_store(options.store, [name])
    progress.on_proposals(limit, dataset, refusals)
    progress.on_plan(plan_search(candidates))
    members = effort.teacher_for(len(dataset.train))
    with open_work_folder(work) as folder:
        teacher = Teacher(dataset, folder, members, seed=seed, on_progress=validation_step)
        trainer = CandidateTrainer(teacher)
        trials = try_all(trainer, limit, candidates, progress.on_trial)
        best = best_of(trials)
        winner = next(candidate for candidate in candidates if candidate.label == best.label)
        progress.on_plan(plan_best(winner))
        part, dataset = dataset, data.dataset(table, final_fraction(winner))
        uncertainty = None
        if not len(dataset.validation):
            with progress.busy("fitting the distributions of ratings"):
                # The trial again, whose members are stored, without its steps.
                again = CandidateTrainer(Teacher(part, folder, members, seed=seed))
                uncertainty = fit_by_twin(again.train(winner), part, dataset)
        teacher = Teacher(dataset, folder, members, seed=seed, on_progress=progress.on_step)
        trainer = CandidateTrainer(teacher)
        trained = replace(train_best(trainer, winner, limit, trials, name), uncertainty=uncertainty)
    trained = _with_uncertainty(trained, dataset, progress)
    ((trained, _),) = _with_new_movies([(trained, dataset)], options, progress)
    accuracy = evaluate(trained.predict, trained.fallback, dataset)
    ranking = rank_dataset(dataset, options.ranking_bytes, progress)
    manifest = publish_model(trained, dataset, accuracy, options, progress, ranking).manifest
    return manifest, write_report([manifest], dataset, options)


def validate_distillation(
    models: Sequence[DistilledModel],
    distillation: DistillationOptions,
    data: DataOptions,
    progress: Progress = SILENT,
) -> None:
    """Fit teachers and students without the validation rows and measure them there; publish nothing."""
    table = load_table(data, progress)
    with importing_keras(progress):
        from training.distillation.base.work_folder import open_work_folder
        from training.distillation.student.packing import student_blocks

    models = [with_limits_for(model, len(table.users) + len(table.movies)) for model in models]
    for model in models:
        student_blocks(model.student, len(table.users), len(table.movies))
    with open_work_folder(distillation.work) as folder:
        _find_blends(models, table, folder, distillation, data, progress, with_students=True)


def draw_frontier(
    data: DataOptions,
    *,
    out: Path,
    store: Path | None,
    seeds: Sequence[int] = (0,),
    quick: bool = False,
    progress: Progress = SILENT,
) -> tuple[pd.DataFrame, Path]:
    """Train the models of the grid that the table does not have yet, then write summary and charts.

    The folder `out` gets the table, the charts and finished teachers. The whole grid is trained with each of
    the seeds; a quick run trains one model for each question, for a short time. Models of `store`, if given,
    are drawn next to the grid if they have the same test rows.

    Returns:
        The models over all seeds together with the references, from `summarise`, and the page of charts.

    Raises:
        ReportError: The folder cannot be written.
    """
    table = load_table(data, progress)
    with importing_keras(progress):
        from training.distillation.base.work_folder import open_work_folder
        from training.distillation.teacher.teacher import Teacher
        from training.publish.frontier_report import write_charts
        from training.search.candidates import CandidateTrainer
        from training.search.frontier.grid import FULL, QUICK, QUICK_TEACHER, grid
        from training.search.frontier.references import references
        from training.search.frontier.runner import run_grid
        from training.search.frontier.summary import as_markdown, summarise

    dataset = data.dataset(table, BIASED.validation_fraction)
    progress.on_split(dataset.split)
    rows = []
    with open_work_folder(out / "work") as folder:
        for place, seed in enumerate(seeds):
            members = QUICK_TEACHER if quick else None
            teacher = Teacher(dataset, folder, members, seed=seed, on_progress=progress.on_step)
            points = grid(dataset, QUICK if quick else FULL, seed, 2 if quick else None)
            before, total = place * len(points), len(seeds) * len(points)
            finished = run_grid(points, CandidateTrainer(teacher), out / FRONTIER_TABLE)
            for done, (row, remark) in enumerate(finished, before + 1):
                progress.on_point(done, total, seed, row, remark)
                if row is not None:
                    rows.append(row)
    lines = summarise([*references(dataset, store), *rows])
    try:
        with atomic_write(out / FRONTIER_SUMMARY) as summary:
            summary.write_text(as_markdown(lines, table.scale), encoding="utf-8")
        page = write_charts(lines, f"{table.name}, {data.split} split", out)
    except OSError as error:
        raise ReportError(
            f"{out}: summary and pictures cannot be written ({error.strerror or error})"
        ) from error
    return lines, page


def evaluate_stored(
    artefact: Artefact, data: DataOptions, all_rows: bool = False, progress: Progress = SILENT
) -> Evaluation:
    """Measure a stored model on the test rows of a data set, or on all of its rows.

    The ids of the ratings must mean the same as those of the model.

    Raises:
        ArtefactError: Keras cannot load the model.
        SettingsError: The ratings are on another scale than the model's.
    """
    table = _load_for(artefact, data, progress)
    rows = train = None
    if not all_rows:
        split = split_ratings(table, data.split, data.split_seed)
        progress.on_split(split)
        rows, train = split.test, split.train
    with importing_keras(progress):
        from training.fit.evaluation import evaluate_artefact
        from training.models.loading import load_indexed_keras_model
        from training.models.trained import predict

        model = load_indexed_keras_model(artefact)
    return evaluate_artefact(partial(predict, model), artefact, table, rows, train)


def evaluate_as_they_come(
    artefact: Artefact, data: DataOptions, progress: Progress = SILENT
) -> list[Arrivals]:
    """Predict each test row of a data set, and let its user learn from it (`training.fit.as_they_come`).

    Raises:
        SettingsError: The ratings are on another scale than the model's.
        ArtefactError: The table engine does not support the model.
    """
    from training.fit import as_they_come

    table = _load_for(artefact, data, progress)
    split = split_ratings(table, data.split, data.split_seed)
    progress.on_split(split)
    return as_they_come.evaluate_as_they_come(artefact, table, split, partial(progress.on_step, "users"))


def rank_stored(
    artefact: Artefact,
    data: DataOptions,
    *,
    top: int = 10,
    threshold: float | None = None,
    progress: Progress = SILENT,
) -> tuple[RankingTask, dict[str, RankingQuality]]:
    """Measure the ranking of a stored model on the test rows of a data set, beside reference rankings.

    Args:
        artefact: The model; the ids of the ratings must mean the same as its own.
        data: As above.
        top: Number of movies that are shown.
        threshold: Lowest rating of a relevant movie; None for 4 of 5 stars on the scale.
        progress: As above.

    Returns:
        What was ranked, and the quality of each ranking by name; the first one is that of the model.

    Raises:
        SettingsError: The ratings are on another scale than the model's, or no test row is relevant.
    """
    from training.ranking.evaluation import evaluate_ranking, ranking_task
    from training.ranking.references import at_random, by_ease, by_popularity
    from training.ranking.stored import by_likely, by_rating, by_sure

    table = _load_for(artefact, data, progress)
    dataset = data.dataset(table, 0.0)
    progress.on_split(dataset.split)
    task = ranking_task(dataset, top=top, threshold=threshold)
    rankings: dict[str, Callable[[Dataset], Scores]] = {
        f"rating ({artefact.manifest.name})": partial(by_rating, artefact),
        **({} if artefact.uncertainty is None else {"sure": partial(by_sure, artefact)}),
        **({} if artefact.ranking is None else {"likely": partial(by_likely, artefact)}),
        "popularity": by_popularity,
        "EASE": partial(by_ease, threshold=task.threshold),
        "random": at_random,
    }
    found = {}
    for name, ranking in rankings.items():
        with progress.busy(f"ranking by {name}"):
            found[name] = evaluate_ranking(ranking(dataset), task)
    return task, found


def add_ranking(
    folders: Sequence[Path],
    data: DataOptions,
    ranking_bytes: int | None = None,
    progress: Progress = SILENT,
) -> list[Manifest]:
    """Measure which movies stored models put first, after adding a ranking to them, if one is wanted.

    Each model is published again in its place, with the same model file. Its manifest says how the ratings
    are split, so that neither the ranking nor the model has seen the test rows.

    Args:
        folders: The folders of the models.
        data: The ratings that all of them were trained on; its split is not used.
        ranking_bytes: Maximum size of the ranking; None to keep the one that a model has, if any.
        progress: As above.

    Returns:
        The new manifests.

    Raises:
        ArtefactError: A model cannot be read, or not be replaced.
        SettingsError: A model was trained on other ratings, or no ranking is as small as that.
    """
    from training.publish.ranking import publish_again

    artefacts = [open_stored(folder) for folder in folders]
    table = _load_for(artefacts[0], data, progress)
    return publish_again(artefacts, data, table, ranking_bytes, progress)


def _load_for(artefact: Artefact, data: DataOptions, progress: Progress) -> RatingsTable:
    """Read ratings for a stored model, and raise SettingsError if they are on another scale."""
    scale = artefact.manifest.scale
    if data.scale != scale.bounds:
        low, high = data.scale
        raise SettingsError(
            f"{artefact.manifest.name} rates on the scale {scale}, so it cannot be evaluated on ratings from "
            f"{low:g} to {high:g}"
        )
    return load_table(replace(data, scale_is_fixed=True), progress)
