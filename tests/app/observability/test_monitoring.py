"""Dashboard and alerts use metrics that the service exposes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.app.fakes import fake_registry
from tests.app.scraping import scrape
from tests.conftest import REPOSITORY

MONITORING: Final = REPOSITORY / "monitoring"
# Prometheus itself adds these.
OWN_METRICS: Final = {"up"}
OWN_LABELS: Final = {"job", "instance"}
CHOSEN: Final = {"type": "prometheus", "uid": "${datasource}"}

_TEXT = re.compile(r'"[^"]*"')
_GROUPED = re.compile(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)")
_MATCHED = re.compile(r"\{([^}]*)\}")
_RANGE = re.compile(r"\[[^]]*\]|\boffset\s+\w+")
_METRIC = re.compile(r"\b(?!(?:and|or|unless|bool)\b)[a-z_:]\w*\b(?!\s*\()")


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    return found


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    for panel in panels():
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    yield from ((one["name"], one["expr"]) for one in dashboard()["annotations"]["list"])
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            matched_query = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            assert matched_query
            yield variable["name"], f"sum by ({matched_query[2]}) ({matched_query[1]})"
    yield from ((rule["alert"], rule["expr"]) for rule in alerts())


def names(expression: str) -> tuple[set[str], set[str]]:
    """Metrics and labels of a PromQL expression."""
    bare = _TEXT.sub("", expression)
    grouped = [label.strip() for labels in _GROUPED.findall(bare) for label in labels.split(",")]
    matched = [
        re.split("[=!]", one)[0].strip() for labels in _MATCHED.findall(bare) for one in labels.split(",")
    ]
    for clause in (_GROUPED, _MATCHED, _RANGE):
        bare = clause.sub("", bare)
    return set(_METRIC.findall(bare)), {label for label in (*grouped, *matched) if label}


@pytest.fixture(scope="module")
def exposed() -> dict[str, set[str]]:
    """Names of all samples after a few requests, and the labels of each."""
    with TestClient(create_app(Settings(), fake_registry())) as client:
        client.post("/predict", json={"user_id": 1, "movie_id": 1})
        client.post("/predict/batch", json={"user_ids": [1], "movie_ids": [1]})
        found: dict[str, set[str]] = {}
        for family in scrape(client.get).families:
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_names_are_found_in_an_expression() -> None:
    expression = (
        'a_total{x=~"b|c", y!="d"} / on (z) group_left () sum by (v, w) (rate(e[5m] offset 1d)) and f > 0.5'
    )
    assert names(expression) == ({"a_total", "e", "f"}, {"v", "w", "x", "y", "z"})


def test_every_expression_uses_exposed_metrics_and_labels(exposed: dict[str, set[str]]) -> None:
    for where, expression in expressions():
        metrics, labels = names(expression)
        assert metrics, where
        assert metrics <= exposed.keys() | OWN_METRICS, where
        assert labels <= OWN_LABELS.union(*(exposed.get(metric, set()) for metric in metrics)), where


def test_every_panel_uses_the_selected_data_source() -> None:
    source, *variables = dashboard()["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    for other in (*variables, *dashboard()["annotations"]["list"]):
        assert other["datasource"] == CHOSEN
    assert panels()
    for panel in panels():
        assert panel["targets"], panel["title"]
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == CHOSEN


def test_panels_have_unique_names_and_places() -> None:
    everything = dashboard()["panels"]
    for what in ("id", "title"):
        assert len({panel[what] for panel in everything}) == len(everything)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in everything):
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken and max(x for x, _ in cells) < 24
        taken |= cells


def test_the_dashboard_shows_every_metric(exposed: dict[str, set[str]]) -> None:
    shown = set().union(*(names(target["expr"])[0] for panel in panels() for target in panel["targets"]))
    families = {re.sub("_(bucket|sum|count)$", "", metric) for metric in exposed}
    assert families == {re.sub("_(bucket|sum|count)$", "", metric) for metric in shown}


def test_every_alert_is_documented_and_tested() -> None:
    text = (REPOSITORY / "docs" / "monitoring.md").read_text(encoding="utf-8")
    cases = yaml.safe_load((MONITORING / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    tried = [one for case in cases for one in case["alert_rule_test"]]
    for name in (rule["alert"] for rule in alerts()):
        assert f"| `{name}`" in text
        assert {bool(one["exp_alerts"]) for one in tried if one["alertname"] == name} == {True, False}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is part of Prometheus")
@pytest.mark.parametrize("command", ["check config prometheus.yml", "test rules alerts_test.yml"])
def test_prometheus_accepts_the_files(command: str) -> None:
    answer = subprocess.run(
        ["promtool", *command.split()], cwd=MONITORING, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
