"""The command line: training, output, and one-line errors."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from app.scoring.loading import load_registry
from app.settings import Settings
from tests.builders import tiny_file
from tests.conftest import REPOSITORY
from tests.training.data.helpers import BUNDLED
from training.__main__ import main
from training.artefact import ArtefactError, Manifest, list_artefacts, movie_titles, open_artefact
from training.cli.app import app
from training.cli.output import print_test_errors, print_verdict

QUICK = ("--epochs", "1", "--embedding-dim", "4")


def run(*arguments: str | Path) -> str:
    """Run a command that must succeed; return its output."""
    done = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    random = np.random.default_rng(3)
    user, movie = np.nonzero(random.random((40, 50)) < 0.4)
    frame = pd.DataFrame({"customer": user, "film": movie, "stars": random.integers(1, 11, user.size) / 2})
    return frame.assign(customer=frame["customer"].map("who-{}".format))


def test_help_does_not_import_keras() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "training", "fit", "--help"]
    environment = {**os.environ, "COLUMNS": "200"}
    shown = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    assert "popularity ** temperature" in shown.stdout
    assert re.search(r"\| +training\.cli\.fit$", shown.stderr, re.MULTILINE)
    assert not re.search(r"\| +(keras|tensorflow)$", shown.stderr, re.MULTILINE)


def test_help_names_every_command() -> None:
    shown = run("--help")
    for command in (
        "fit",
        "download",
        "inspect",
        "evaluate",
        "score",
        "split",
        "frontier",
        "restore",
        "push",
    ):
        assert command in shown
    assert "distil" not in shown


@pytest.mark.parametrize(
    "command",
    ["", "fit", "download", "inspect", "evaluate", "score", "split", "distil", "frontier", "restore", "push"],
)
def test_help_reads_well_at_80_columns(command: str) -> None:
    shown = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).invoke(app, [*command.split(), "--help"])
    lines = shown.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in shown.stdout
    # The names and types of a group's options leave at least half of its lines to the texts.
    for line in lines:
        option = re.match(r"│ (?:\* +| +)?(--\S+(?: +--\S+)?(?: +\S+)?)  +(?=\S)", line)
        assert option is None or option.end() <= 45, line


@pytest.mark.long
def test_csv_with_other_column_names_can_be_fitted_inspected_and_evaluated(
    ratings: pd.DataFrame, tmp_path: Path
) -> None:
    ratings.to_csv(tmp_path / "mine.csv", index=False)
    (tmp_path / "books.csv").write_text("id,title,genres,pages\n3,Dune,Novel|Space,412\n")
    columns = ("--columns", "user=customer,movie=film,rating=stars")
    about = ("--items", tmp_path / "books.csv", "--item-name", "book")
    done = run(
        "fit",
        *("baseline", "memory_efficient", "--data", tmp_path / "mine.csv", *columns, *about),
        *("--store", tmp_path / "store", *QUICK),
    )
    for part in (
        f"{len(ratings):,} ratings",
        "40 users",
        "biases alone",
        "global mean",
        "baseline: 1 epochs",
    ):
        assert part in done
    artefact = open_artefact(tmp_path / "store" / "memory_efficient")
    assert artefact.users.index("who-7") >= 0
    assert artefact.movies.canonical(3) == "movie_3"
    assert artefact.given is not None and len(artefact.given) == len(ratings)
    assert artefact.manifest.dataset.item_name == "book"
    assert movie_titles(artefact.folder, artefact.manifest) == {
        "movie_3": {"title": "Dune", "genres": ["Novel", "Space"]}
    }
    page = (tmp_path / "store" / "report.html").read_text()
    assert "<h1>Rating models of mine</h1>" in page
    assert "<script" not in page and "<link" not in page and "src=" not in page
    for part in ("<td>baseline</td>", "<td>biases alone</td>", "<td>global mean</td>", "Learning curves"):
        assert part in page
    # The legend shows a line for training and a dashed one for validation.
    assert len(re.findall('stroke="black" stroke-width="2" stroke-dasharray=', page)) == 2

    shown = run("inspect", tmp_path / "store" / "baseline")
    assert artefact.manifest.split.test_sha256 in shown

    again = run("evaluate", tmp_path / "store" / "baseline", "--data", tmp_path / "mine.csv", *columns)
    mse = open_artefact(tmp_path / "store" / "baseline").manifest.accuracy.mse
    assert f"{mse:.4f}" in again


@pytest.mark.parametrize("option", [pytest.param("--shareable", marks=pytest.mark.long), "--no-ratings"])
def test_fit_on_parquet_can_omit_the_ratings(ratings: pd.DataFrame, tmp_path: Path, option: str) -> None:
    names = {"customer": "user_id", "film": "item_id", "stars": "rating"}
    ratings.rename(columns=names).to_parquet(tmp_path / "mine.parquet")
    store = tmp_path / "store"
    run("fit", "baseline", "--data", tmp_path / "mine.parquet", "--store", store, *QUICK, option)
    artefact = open_artefact(store / "baseline")
    assert artefact.manifest.dataset.rows == len(ratings)
    assert artefact.given is None
    assert not (store / "baseline" / "ratings.bin").exists()


@pytest.mark.parametrize("split", ["random", "time", pytest.param("leave-last", marks=pytest.mark.long)])
def test_commands_print_errors_of_cold_rows_beside_trivial_models(split: str, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    user, movie = np.nonzero(random.random((30, 40)) < 0.4)
    frame = pd.DataFrame({"user": user, "movie": movie, "rating": random.integers(1, 6, user.size)})
    # Users come one after the other, as they do in MovieLens.
    frame.assign(timestamp=1_000_000_000 + np.arange(user.size)).to_csv(tmp_path / "mine.csv", index=False)
    data, store = ("--data", tmp_path / "mine.csv", "--split", split), tmp_path / "store"
    trained = run("fit", "vb", *data, "--store", store, "--work", tmp_path / "work")
    parts = open_artefact(store / "vb").manifest.accuracy.parts
    assert parts is not None and (split != "time" or "cold user" in [part.part for part in parts])
    for shown in trained, run("evaluate", store / "vb", *data):
        (heads,) = (line for line in shown.splitlines() if "share" in line)
        names = [cell.strip() for cell in heads.strip("┃").split("┃")]
        assert names == ["user and movie", "rows", "share", "global mean", "biases alone", "vb"]
        for part in parts:
            (line,) = (line for line in shown.splitlines() if line.startswith(f"│ {part.part} "))
            assert f"{part.mse:.4f}" in line
            # `evaluate` fits biases to the validation rows of the training, too.
            assert shown != trained or f"{part.biases_only_mse:.4f}" in line
    report = (store / "report.html").read_text()
    for part in parts:
        errors = (part.global_mean_mse, part.biases_only_mse, part.mse)
        cells = "".join(f"<td>{error:.4f}</td>" for error in errors)
        assert re.search(
            rf"<td>vb</td><td>{part.part}</td><td>{part.rows}</td><td>[\d.]+%</td>{cells}", report
        )


def test_evaluate_prints_parts_of_all_rows_without_biases(shared_store: Path, tmp_path: Path) -> None:
    shown = run("evaluate", shared_store / "baseline", "--data", tiny_file(tmp_path), "--all-rows")
    (line,) = (line for line in shown.splitlines() if line.startswith("│ cold movie "))
    assert re.search(r"│ +\d\.\d{4} +│ +│ +\d\.\d{4} +│$", line)
    assert "intervals" not in shown


def test_evaluate_prints_what_intervals_cover() -> None:
    shown = run("evaluate", "models_store/tiny", "--data", BUNDLED)
    lines = [line for line in shown.splitlines() if re.match("│ (50|80|95)% ", line)]
    covered = [float(line.split("│")[2].strip().rstrip("%")) for line in lines]
    widths = [float(line.split("│")[3]) for line in lines]
    assert len(lines) == 3 and covered == sorted(covered) and widths == sorted(widths)


def test_fit_vb_publishes_a_model_that_the_service_serves(ratings: pd.DataFrame, tmp_path: Path) -> None:
    ratings.to_csv(tmp_path / "mine.csv", index=False)
    store = tmp_path / "store"
    columns = ("--columns", "user=customer,movie=film,rating=stars", "--validation-fraction", "0.1")
    done = run("fit", "vb", "--data", tmp_path / "mine.csv", *columns, "--store", store, "--work", tmp_path)
    assert re.search(r"vb: \d+ rounds in", done)
    training = open_artefact(store / "vb").manifest.training
    assert training.recipe["name"] == "variational"
    assert training.recipe["validation_fraction"] == 0.1
    assert len(training.history["val_mse"]) == training.epochs
    assert load_registry(Settings(store=store)).default == "vb"
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.long
def test_validation_prints_the_error_of_biases_and_the_share_of_cold_rows(tmp_path: Path) -> None:
    data = ("--data", tiny_file(tmp_path), "--work", tmp_path / "work")
    shown = run("distil", "compact", "--validate-only", "--quick", *data)
    assert re.search(r"on \d+ validation rows,\s+\d+\.\d% of them\s+cold", shown)
    assert re.search(r"│ biases alone +│ \d\.\d{4} │", shown)


@pytest.mark.long
def test_fit_trains_the_best_model_beside_the_published_pair_and_resumes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    user, movie = np.nonzero(random.random((30, 40)) < 0.3)
    file, store = tmp_path / "mine.csv", tmp_path / "store"
    frame = pd.DataFrame({"user": user, "movie": movie, "rating": random.integers(1, 6, user.size)})
    frame.to_csv(file, index=False)
    options = ("--data", file, "--store", store, "--work", tmp_path / "work", *QUICK)
    with redirect_stdout(InterruptedAt("baseline: 1 epochs")), pytest.raises(SystemExit) as ended:
        app(["fit", *map(str, options)])
    assert ended.value.code == 130
    assert not list(store.glob("*/manifest.json"))
    steps = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*/notes.json")}
    assert {path.parent.name.split("-")[0] for path in steps} == {"ordinal", "gaussian", "blend", "compact"}

    done = run("fit", *options)
    assert {path: path.stat().st_mtime_ns for path in steps} == steps
    names = [folder.name for folder in list_artefacts(store)]
    assert names == ["baseline", "compact", "memory_efficient"]
    # The report in the store is no model.
    assert load_registry(Settings(store=store)).default == "compact"
    page = (store / "report.html").read_text()
    assert "fitted to the teacher" in page
    for name in names:
        assert f"│ {name} " in done and f"<td>{name}</td>" in page


def with_errors(store: Path, **errors: float) -> list[Manifest]:
    """Return manifests with these names and errors, where biases alone have an error of 1."""
    manifest = open_artefact(store / "baseline").manifest
    return [
        manifest.model_copy(
            update={
                "name": name,
                "accuracy": manifest.accuracy.model_copy(
                    update={"mse": mse, "biases_only_mse": 1.0, "global_mean_mse": 2.0}
                ),
            }
        )
        for name, mse in errors.items()
    ]


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ({"compact": 0.9, "baseline": 0.95}, None),
        ({"compact": 0.9, "baseline": 1.2}, "baseline does worse than user and movie biases on this data"),
        ({"baseline": 1.2}, "no model beats user and movie biases; the distilled model may: "),
        ({"compact": 1.1, "baseline": 1.2}, "warning: No model beats user and movie biases alone"),
    ],
)
def test_models_that_lose_to_biases_are_marked_and_named(
    errors: dict[str, float], said: str | None, shared_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifests = with_errors(shared_store, **errors)
    print_test_errors(manifests)
    print_verdict(manifests)
    shown = capsys.readouterr().out
    assert shown.count(" worse ") == sum(mse > 1 for mse in errors.values()) + (said or "").count(" worse ")
    assert said in shown if said else "worse" not in shown
    lines = [line for line in shown.splitlines() if line.startswith("│ ")]
    assert [line.split()[1] for line in lines if line.split()[1] in errors] == sorted(
        errors, key=lambda name: errors[name]
    )


def test_old_command_names_the_new_one(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["distil", "tiny", "--data", str(tmp_path / "missing.csv")])
    assert "`distil` is now a part of `fit`" in shown.stderr
    assert "fit tiny" in shown.stderr


def test_split_command_writes_rows_and_digest(tmp_path: Path) -> None:
    done = run("split", "--out", tmp_path / "parts")
    written = json.loads((tmp_path / "parts" / "split.json").read_text())
    assert written["parts"]["test"]["sha256"][:16] in done


class InterruptedAt(io.StringIO):
    """Standard output that raises KeyboardInterrupt as soon as `text` is written to it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def write(self, text: str) -> int:
        if self._text in text:
            raise KeyboardInterrupt
        return super().write(text)


@pytest.mark.parametrize("command", ["fit --budget 300B --name tiny", "fit tiny", "distil tiny"])
def test_a_store_that_cannot_be_written_is_refused_before_training(
    command: str, ratings: pd.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "tiny").write_text("mine")
    ratings.to_csv(tmp_path / "mine.csv", index=False)
    data = ("--data", tmp_path / "mine.csv", "--columns", "customer,film,stars")
    places = ("--store", tmp_path / "store", "--work", tmp_path / "work")
    done = CliRunner().invoke(app, [*command.split(), *map(str, (*data, *places))])
    assert isinstance(done.exception, ArtefactError)
    assert "is not a folder" in str(done.exception)
    assert not (tmp_path / "work").exists()


def test_interrupted_fit_publishes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "store"
    with redirect_stdout(InterruptedAt("split")), pytest.raises(SystemExit) as ended:
        app(["fit", "--store", str(store)])
    assert ended.value.code == 130
    assert "not published" in capsys.readouterr().err
    assert not list(store.glob("*/manifest.json"))


@pytest.mark.long
def test_ctrl_c_leaves_the_store_unchanged(tmp_path: Path) -> None:
    store = tmp_path / "store"
    command = [sys.executable, "-m", "training", "fit", "baseline", "--epochs", "500", "--patience", "500"]
    command += ["--store", str(store)]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background ignores SIGINT, and its child processes inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout
    while not process.stdout.readline().startswith("split"):
        pass
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "not published" in errors
    assert not list(store.glob("*/manifest.json"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["fit", "nonsense"], "there is no model 'nonsense'; there are baseline"),
        (["fit", "baseline", "baseline"], "twice"),
        (["fit", "--data", "nowhere"], "nowhere"),
        (["fit", "--split", "sideways"], "sideways"),
        (["fit", "--epochs", "0"], "--epochs"),
        (["fit", "--epochs", "three"], "--epochs"),
        (["fit", "--learning-rate", "nan"], "--learning-rate"),
        (["fit", "--embedding-dim", "0"], "--embedding-dim"),
        (["fit", "baseline", "--num-buckets", "9"], "does not apply to baseline"),
        (["fit", "--quick", "--epochs", "9"], "--epochs does not apply to compact, but to baseline and"),
        (
            ["fit", "baseline", "--quick"],
            "--quick does not apply to baseline, but to tiny, compact, accurate",
        ),
        (["fit", "--split-seed", "-1"], "--split-seed"),
        (["fit", "memory_efficient", "--num-buckets", "5"], "smallest legal"),
        (["fit", "memory_efficient", "--block-sizes", "1,2"], "block"),
        (["fit", "memory_efficient", "--block-sizes", "a,b"], "--block-sizes takes whole numbers"),
        (["fit", "memory_efficient", "--block-dims", "64,32"], "block"),
        (["fit", "memory_efficient", "--temperature", "2"], "--temperature"),
        (["fit", "memory_efficient", "--parameter-budget", "3"], "smallest legal"),
        (["fit", "--columns", "user"], "--columns"),
        (["fit", "--seed", "-1"], "seed"),
        (["fit", "--validation-fraction", "1"], "validation"),
        (["fit", "--store", "/proc/nowhere/store"], "/proc/nowhere"),
        (["split", "--split", "time", "--data", "data/ml-latest-small/movies.csv"], "movies.csv"),
        (["inspect", "data"], "manifest"),
        (["inspect", "nowhere"], "nowhere"),
        (["evaluate", "tests", "--data", "data/ml-latest-small"], "manifest"),
        (
            ["evaluate", "models_store/tiny", "--data", "data/ml-latest-small", "--scale", "1:10"],
            "tiny rates on the scale 0 to 5, so it cannot be evaluated on ratings from 1 to 10",
        ),
        (["restore", "--store", "models_store"], "there are no models to restore"),
        (["push", "s3://bucket/a?b"], "ADDRESS is not a valid address: it must be like s3://bucket"),
        (["download", "ml-2m"], "ml-2m"),
        (["nonsense"], "nonsense"),
    ],
)
def test_errors_are_reported_in_one_line(
    arguments: list[str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr(sys, "argv", ["training", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    if stopped.value.code == 2:  # a usage error, formatted by the command-line library
        assert expected in capsys.readouterr().err
    else:
        message = str(stopped.value.code)
        assert message.startswith("error: ")
        assert expected in message
        assert "\n" not in message


def test_evaluate_offers_no_scale_but_that_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "books.csv"
    rows = [f"{user},{book},{1 + (user + book) % 10}" for user in range(6) for book in range(5)]
    file.write_text("\n".join(["user,book,rating", *rows]))
    tiny = str(REPOSITORY / "models_store" / "tiny")
    monkeypatch.setattr(sys, "argv", ["training", "evaluate", tiny, "--data", str(file)])
    with pytest.raises(SystemExit) as stopped:
        main()
    message = str(stopped.value.code)
    assert message.endswith("0 to 5 in the model; it cannot be evaluated on ratings from 1 to 10")
    assert "--scale" not in message
