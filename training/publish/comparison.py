"""Compares the test errors of models with those of two trivial models on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from training.artefact.manifest import Manifest, Order, OrderRecord

BIASES: Final = "biases alone"
MEAN: Final = "global mean"


@dataclass(frozen=True)
class Line:
    """A line of the table of errors.

    Attributes:
        name: The model.
        mse: Its mean squared error on the test rows.
        cells: The name; bytes of the weights; MSE; RMSE; RMSE / width, which compares data sets; and how much
            larger or smaller the MSE is than that of biases and of the global mean.
        is_reference: Whether it is one of the trivial models.
        is_worse: Whether it is a model that loses to user and movie biases.
    """

    name: str
    mse: float
    cells: tuple[str, ...]
    is_reference: bool
    is_worse: bool


def beats_biases(manifest: Manifest) -> bool:
    """Return whether a model has a smaller error than user and movie biases alone."""
    return manifest.accuracy.mse < manifest.accuracy.biases_only_mse


def compare(manifests: Sequence[Manifest]) -> list[Line]:
    """Return the lines of models with the same test rows and of the trivial models, by error."""
    accuracy, width = manifests[0].accuracy, manifests[0].scale.width

    def line(name: str, mse: float, nbytes: int | None, is_worse: bool) -> Line:
        cells = (
            name,
            "" if nbytes is None else f"{nbytes:,}",
            f"{mse:.4f}",
            f"{mse**0.5:.4f}",
            f"{mse**0.5 / width:.4f}",
            ""
            if name == BIASES
            else _against(mse, accuracy.biases_only_mse) + (" worse" if is_worse else ""),
            "" if name == MEAN else _against(mse, accuracy.global_mean_mse),
        )
        return Line(name, mse, cells, nbytes is None, is_worse)

    lines = [
        line(manifest.name, manifest.accuracy.mse, manifest.weights_bytes, not beats_biases(manifest))
        for manifest in manifests
    ]
    lines += [
        line(BIASES, accuracy.biases_only_mse, None, False),
        line(MEAN, accuracy.global_mean_mse, None, False),
    ]
    return sorted(lines, key=lambda line: line.mse)


@dataclass(frozen=True)
class OrderLine:
    """A line of the table of orders.

    Attributes:
        ndcg: Its nDCG.
        cells: The order, and the models; nDCG with half its 95 % interval; recall; how many different
            movies are shown; and the mean number of training ratings of a shown movie.
        is_reference: Whether it is the order by popularity.
    """

    ndcg: float
    cells: tuple[str, ...]
    is_reference: bool


def compare_orders(manifests: Sequence[Manifest]) -> list[OrderLine]:
    """Return the lines of the orders that models of a data set have, the best first.

    An order that is the same for several models, such as popularity, has one line.
    """
    models: dict[tuple[Order, str], list[str]] = {}
    lines: dict[tuple[Order, str], tuple[OrderRecord, int]] = {}
    for manifest in manifests:
        if manifest.ranking is not None:
            for order, record in manifest.ranking.orders.items():
                key = order, manifest.name if order == "rating" else record.model_dump_json()
                models.setdefault(key, []).append(manifest.name)
                lines[key] = record, manifest.ranking.movies
    found = [
        OrderLine(
            record.ndcg,
            (
                key[0] if key[0] == "popularity" else f"{key[0]} ({', '.join(models[key])})",
                f"{record.ndcg:.4f} ± {record.ndcg_margin:.4f}",
                f"{record.recall:.4f}",
                f"{record.shown:,} of {movies:,}",
                f"{record.popularity:,.0f} ratings",
            ),
            key[0] == "popularity",
        )
        for key, (record, movies) in lines.items()
    ]
    return sorted(found, key=lambda line: -line.ndcg)


def verdict(manifests: Sequence[Manifest]) -> str:
    """Return one sentence that says which model is best, and how it compares with biases."""
    best = min(manifests, key=lambda manifest: manifest.accuracy.mse)
    if not beats_biases(best):
        return (
            "No model beats user and movie biases alone: this data is too small, or too random, to learn "
            "more from it."
        )
    less = 1 - best.accuracy.mse / best.accuracy.biases_only_mse
    return (
        f"{best.name} has the smallest error: its MSE is {less:.1%} below that of user and movie biases, in "
        f"{best.weights_bytes:,} bytes."
    )


def _against(mse: float, reference: float) -> str:
    return f"{mse / reference - 1:+.1%}" if reference else ""
