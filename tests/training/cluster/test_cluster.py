"""A cluster gives the numbers of one machine, repeats the blocks of what dies, and accepts no wrong token."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from tests.conftest import REPOSITORY
from tests.training.cluster.factors import wait_until
from tests.training.cluster.nodes import LOOPBACK, environment, new_token, node, start_command
from tests.training.cluster.processes import VARIABLE, error_of, outcome, scenario
from training.artefact.files import temporary_folder
from training.cli.app import app
from training.cluster.environment import NODES
from training.cluster.runner import FOLDER_PREFIX, connect
from training.errors import ClusterError, SettingsError


def test_nodes_and_drivers_have_the_same_variables() -> None:
    lines = (REPOSITORY / "deploy" / "ray.env").read_text("utf-8").splitlines()
    assert dict(line.split("=") for line in lines if not line.startswith("#")) == NODES


def test_one_line_names_the_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in os.environ.items():  # restored at the end
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(ClusterError, match="--cluster needs the package 'ray', which is not installed"),
        connect("local"),
    ):
        pass


@pytest.mark.long
def test_local_cluster_gives_the_numbers_of_the_loop_and_survives_a_killed_worker(
    tag: str, tmp_path: Path
) -> None:
    result = scenario(tag, "local", tmp_path)
    assert result["difference"] < 1e-5
    assert result["addresses"] == ["127.0.0.1"]
    assert result["killed"] == [0, 1, 2] and (tmp_path / "killed").exists()
    assert result["fail"] == ["LookupError", "no block 7"]
    assert result["kill_always"][0] == "ClusterError"
    assert "did not finish a block in 5 tries" in result["kill_always"][1]


@pytest.mark.long
def test_node_may_join_and_die_in_the_middle_of_a_job(tag: str, tmp_path: Path) -> None:
    result = scenario(tag, "changing", tmp_path)
    assert result["difference"] < 1e-5
    traces = result["traces"]
    assert {address for address, _, _ in traces} == {"127.0.0.1"}
    kept, lost = sorted(rows_by_node(traces).values(), key=len, reverse=True)
    # What the second node had begun was done again by the first.
    assert lost and set(lost) <= set(kept)


def rows_by_node(traces: list[tuple[str, str, str]]) -> dict[str, list[str]]:
    nodes: dict[str, list[str]] = {}
    for _, place, rows in traces:
        nodes.setdefault(place, []).append(rows)
    return nodes


@pytest.mark.long
def test_wrong_token_is_refused_and_so_is_a_cluster_without_tokens(tag: str, tmp_path: Path) -> None:
    token = new_token()
    folder = Path("/tmp") / f"ray-{tag[:8]}"
    variables = environment(tag, token, **LOOPBACK)
    driver = [sys.executable, "-m", "tests.training.cluster.scenarios", "connected", "127.0.0.1:6379"]
    try:
        with node(start_command("127.0.0.1", folder=folder), variables, tmp_path / "head"):
            assert outcome(driver, variables)["difference"] < 1e-5
            refusals = {"refused the token": error_of(driver, {**variables, "RAY_AUTH_TOKEN": new_token()})}
        bare = {**variables, "RAY_AUTH_MODE": "disabled"}
        with node(start_command("127.0.0.1", folder=folder), bare, tmp_path / "bare"):
            refusals["the node 127.0.0.1 accepts connections without a token"] = error_of(driver, variables)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    refusals["the cluster at 127.0.0.1:6379 cannot be reached"] = error_of(driver, variables)
    for problem, line in refusals.items():
        assert line.startswith("error: ") and problem in line and line.count("\n") == 0


@pytest.mark.long
def test_fit_on_a_cluster_publishes_the_model_of_one_machine_and_resumes(
    tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = [
        sys.executable,
        "-m",
        "training",
        "fit",
        "vb",
        "--no-ratings",
        "--data",
        str(write_ratings(tmp_path)),
    ]
    # Ray's sockets are in it, whose paths must be short.
    temporary = Path("/tmp") / f"t-{tag[:8]}"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    variables = {**os.environ, VARIABLE: tag, "TMPDIR": str(temporary)}
    for name, options in (("plain", []), ("cluster", ["--cluster", "local"])):
        places = ["--store", str(tmp_path / name), "--work", str(tmp_path / f"{name}-work")]
        command = [*fit, *places, *options]
        if options:
            # The driver is killed after some rounds; nothing is published, and the same command resumes.
            with subprocess.Popen(
                command, cwd=REPOSITORY, env=variables, stdout=subprocess.DEVNULL
            ) as killed:
                wait_until((tmp_path / "cluster-work" / "vb-round.npz").exists)
                killed.kill()
            assert not (tmp_path / name / "vb").exists()
            assert len(list(temporary.glob(f"{FOLDER_PREFIX}*"))) == 1
        with temporary_folder(FOLDER_PREFIX) as living:
            subprocess.run(
                command, cwd=REPOSITORY, env=variables, check=True, capture_output=True, timeout=150
            )
            # The folder of the killed driver is removed, and that of a living process is not.
            assert list(temporary.glob(f"{FOLDER_PREFIX}*")) == [living]
    shutil.rmtree(temporary)
    plain, cluster = (weights(tmp_path / name / "vb") for name in ("plain", "cluster"))
    assert plain.keys() == cluster.keys() and len(plain) > 3
    for key, array in plain.items():
        np.testing.assert_allclose(cluster[key], array, atol=1e-5)


@pytest.mark.long
def test_student_of_a_factorisation_is_the_same_on_a_cluster(tag: str) -> None:
    result = scenario(tag, "distilled")
    assert max(result["differences"]) < 1e-5
    assert result["addresses"] == ["127.0.0.1"]


def test_cluster_is_refused_for_distilled_models_of_few_ratings(tmp_path: Path) -> None:
    fit = ["fit", "compact", "--data", str(write_ratings(tmp_path)), "--store", str(tmp_path / "store")]
    with pytest.raises(
        SettingsError, match=r"does not apply to distilled models of 6,000 ratings: only with"
    ):
        CliRunner().invoke(app, [*fit, "--cluster", "local"], catch_exceptions=False)
    with pytest.raises(SettingsError, match=r"^--cluster does not apply to baseline, but to vb, tiny,"):
        CliRunner().invoke(app, ["fit", "baseline", "--cluster", "local"], catch_exceptions=False)
    with pytest.raises(SettingsError, match=r"^--cluster does not apply to --validate-only$"):
        CliRunner().invoke(app, [*fit, "--cluster", "local", "--validate-only"], catch_exceptions=False)


def write_ratings(folder: Path) -> Path:
    random = np.random.default_rng(0)
    pairs = random.choice(300 * 100, 6000, replace=False)
    rows = zip(pairs // 100, pairs % 100, random.integers(1, 6, 6000), strict=True)
    path = folder / "ratings.csv"
    path.write_text("user,movie,rating\n" + "".join(f"u{u},m{m},{r}\n" for u, m, r in rows), "utf-8")
    return path


def weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    with zipfile.ZipFile(folder / "model.keras") as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    found: dict[str, NDArray[np.float32]] = {}
    with h5py.File(content) as file:
        file.visititems(lambda name, one: found.update({name: one[()]}) if hasattr(one, "shape") else None)
    return found
