"""Rows of several seeds as one line a model: mean, spread, and whether another model beats it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.search.frontier.table import Row, non_dominated


@dataclass(frozen=True)
class Line:
    """A model over its seeds.

    Attributes:
        group: As in `Row`.
        label: As in `Row`.
        family: As in `Row`.
        setting: As in `Row`.
        seeds: How many.
        parameters: Of the last seed.
        nbytes: Of the last seed.
        validation_mse: Mean; NaN for a reference.
        test_mse: Mean.
        spread: Largest minus smallest test MSE; 0 for one seed.
        seconds: Mean.
        best_bytes: No model of as few bytes or fewer has a test MSE as low.
        best_parameters: The same of parameters.
    """

    group: str
    label: str
    family: str
    setting: str
    seeds: int
    parameters: int
    nbytes: int
    validation_mse: float
    test_mse: float
    spread: float
    seconds: float
    best_bytes: bool
    best_parameters: bool


def summarise(rows: Sequence[Row]) -> list[Line]:
    """One line for each group and label, in order of first appearance."""
    together: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        together.setdefault((row.group, row.label), []).append(row)
    last = [members[-1] for members in together.values()]
    means = [float(np.mean([row.test_mse for row in members])) for members in together.values()]
    by_bytes = non_dominated([row.nbytes for row in last], means)
    by_parameters = non_dominated([row.parameters for row in last], means)
    return [
        Line(
            group=row.group,
            label=row.label,
            family=row.family,
            setting=row.setting,
            seeds=len(members),
            parameters=row.parameters,
            nbytes=row.nbytes,
            validation_mse=float(np.mean([member.validation_mse for member in members])),
            test_mse=mean,
            spread=float(np.ptp([member.test_mse for member in members])),
            seconds=float(np.mean([member.seconds for member in members])),
            best_bytes=best_bytes,
            best_parameters=best_parameters,
        )
        for members, row, mean, best_bytes, best_parameters in zip(
            together.values(), last, means, by_bytes, by_parameters, strict=True
        )
    ]


def as_markdown(lines: Sequence[Line]) -> str:
    """The table for a document; a star marks what no other model beats."""
    head = [
        "| group | model | parameters | bytes | validation MSE | test MSE | spread | seeds | seconds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    body = [
        f"| {line.group} | {line.label} | {line.parameters:,}{_star(line.best_parameters)} "
        f"| {line.nbytes:,}{_star(line.best_bytes)} "
        f"| {'' if np.isnan(line.validation_mse) else f'{line.validation_mse:.4f}'} | {line.test_mse:.4f} "
        f"| {f'{line.spread:.4f}' if line.seeds > 1 else ''} | {line.seeds} "
        f"| {f'{line.seconds:.0f}' if line.seconds else ''} |"
        for line in lines
    ]
    return "\n".join([*head, *body]) + "\n"


def _star(best: bool) -> str:
    return " ★" if best else ""
