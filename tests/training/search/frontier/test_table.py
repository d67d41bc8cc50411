from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.artefact.rating_scale import DEFAULT_SCALE
from training.errors import DataError
from training.search.frontier.summary import as_markdown, non_dominated, summarise
from training.search.frontier.table import Row, read_rows, write_rows

ROW = Row(
    key="0f",
    group="width",
    label='8 wide, "so"',
    family="full",
    setting="8",
    seed=0,
    parameters=100,
    nbytes=400,
    validation_mse=0.75,
    test_mse=0.76,
    test_mae=0.7,
    seconds=1.5,
    source='{"model":1}',
)


def row(**changes: object) -> Row:
    return dataclasses.replace(ROW, **changes)  # type: ignore[arg-type]


def test_written_rows_are_read_back(tmp_path: Path) -> None:
    table = tmp_path / "new" / "frontier.csv"
    assert read_rows(table) == []
    write_rows(table, [ROW, row(seed=1)])
    assert read_rows(table) == [ROW, row(seed=1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [("a,b\n1,2\n", "csv:1: is not a frontier's table"), ("HEAD\n1,2\n", "csv:2: is not a row")],
)
def test_invalid_table_is_rejected(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "frontier.csv"
    write_rows(table, [])
    table.write_text(text.replace("HEAD\n", table.read_text()))
    with pytest.raises(DataError, match=message):
        read_rows(table)


def test_non_dominated_matches_hand_computed_marks() -> None:
    #         best    larger, worse  equal size  larger, better  a tie  unknown size
    sizes = np.array([10, 20, 10, 30, 30, 0])
    errors = np.array([0.8, 0.9, 0.85, 0.7, 0.7, 0.1])
    assert non_dominated(sizes, errors).tolist() == [True, False, False, True, True, False]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1))
def test_non_dominated_marks_exactly_the_pareto_front(points: list[tuple[int, int]]) -> None:
    sizes, errors = np.array(points).T
    marks = non_dominated(sizes, errors.astype(np.float64))
    best = [point for point, mark in zip(points, marks, strict=True) if mark]
    for point, mark in zip(points, marks, strict=True):
        dominated = any(
            size <= point[0] and error <= point[1] and (size, error) != point for size, error in best
        )
        assert dominated != mark


def test_summarise_merges_seeds_into_one_line_with_their_spread() -> None:
    rows = [
        row(test_mse=0.70, validation_mse=0.72),
        row(seed=1, test_mse=0.72, validation_mse=0.74),
        row(
            group="reference", label="larger", nbytes=500, parameters=0, test_mse=0.9, validation_mse=math.nan
        ),
    ]
    lines = summarise(rows)
    first, reference = lines.itertuples()
    assert first.seeds == 2
    assert first.test_mse == pytest.approx(0.71)
    assert first.validation_mse == pytest.approx(0.73)
    assert first.spread == pytest.approx(0.02)
    assert (first.best_bytes, first.best_parameters) == (True, True)
    assert (reference.best_bytes, reference.best_parameters, reference.spread) == (False, False, 0.0)
    text = as_markdown(lines, DEFAULT_SCALE).splitlines()
    assert "| 100 ★ | 400 ★ | 0.7300 | 0.7100 | 0.1685 | 0.0200 | 2 |" in text[2]
    assert text[3].count("★") == 0
    assert "nan" not in text[3]
