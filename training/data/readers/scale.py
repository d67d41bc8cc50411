"""Check ratings against a scale, and recognise markers of "not rated".

The rule: a rating is suspected to mean "not rated" when at least 1 % of the rows have it, and it lies
outside the scale of the others, or apart from them by at least two of their steps. Their step is the largest
distance between neighbouring ones. At most three ratings at an end of the scale are suspected.

A suspected rating off the scale is refused, and the message states both remedies: leave such rows out, or
choose a scale that includes it. One on the scale is also refused if a scale was chosen and at least three
rows have it; on the default scale it is kept, with a note. A 0 among whole stars from 1 to 5, which many
programs write for "not rated", is also kept with a note.
"""

from __future__ import annotations

import csv
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from training.data.files.values import parse_number, shown
from training.errors import SettingsError

DEFAULT_SCALE: Final = (0.0, 5.0)
# Numbers, and words of the file that are not numbers; the empty word is a missing rating.
NotRated = tuple[float | str, ...] | Literal["none"]
_SHARE: Final = 0.01
_STEPS: Final = 2
_MOST_AT_AN_END: Final = 3
# Minimum number of rows with a suspected rating on the scale, and of other ratings that determine a step.
_FEWEST_ROWS, _FEWEST_OTHERS = 3, 3
_ENDS: Final = (1, 2, 3, 5, 6, 7, 10, 20, 50, 100, 1_000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Verdict:
    """The result of `judge`.

    Attributes:
        problem: Why one of the culprits is refused and what to do, as a continuation of "the rating 99"; None
            if none is refused.
        culprits: The refused ratings.
        note: A note for the user about accepted ratings, or None.
    """

    problem: str | None = None
    culprits: frozenset[float] = frozenset()
    note: str | None = None


def parse_not_rated(text: str) -> NotRated:
    """Parse the option `--not-rated`.

    Args:
        text: `99`, `-1,99`, a word of the file such as `NA`, `empty` for missing ratings, or `none` if
            every value is a rating. A word with a comma is in double quotes.

    Raises:
        SettingsError: If it is empty, or a quote is not closed.
    """
    if text.strip() == "none":
        return "none"
    try:
        words = [word.strip() for word in next(csv.reader([text], strict=True), [])]
    except csv.Error as error:
        raise SettingsError(f"--not-rated {shown(text)}: a quote is not closed") from error
    if not words or not all(words):
        raise SettingsError(
            f"--not-rated takes the ratings that mean 'not rated', such as 99, got {shown(text)}"
        )
    numbers = [(word, parse_number(word)) for word in words]
    return tuple(
        number if number is not None else "" if word == "empty" else word for word, number in numbers
    )


def parse_scale(text: str) -> tuple[float, float]:
    """Parse the option `--scale`.

    Args:
        text: `LOW:HIGH`, such as `1:10`.

    Raises:
        SettingsError: It is not such a pair, or the second number is not larger.
    """
    low, colon, high = text.partition(":")
    numbers = parse_number(low.strip()), parse_number(high.strip())
    if colon and numbers[0] is not None and numbers[1] is not None and numbers[0] < numbers[1] < math.inf:
        return numbers[0], numbers[1]
    raise SettingsError(f"--scale takes the lowest and the highest rating, such as 1:10, got {shown(text)}")


def judge(
    counts: Mapping[float, int],
    scale: tuple[float, float],
    not_rated: NotRated | None,
    is_fixed: bool = False,
) -> Verdict:
    """Check the ratings of a file against the scale, by the rule of this module.

    Args:
        counts: Number of rows with each rating.
        scale: Lowest and highest rating.
        not_rated: Ratings that mean "not rated"; None detects them.
        is_fixed: Whether the scale is that of a model, so that no other one can be chosen.
    """
    if any(not scale[0] <= value <= scale[1] for value in counts):
        return _off_the_scale(counts, scale, not_rated, is_fixed)
    if not_rated is not None:
        return Verdict()
    values = sorted(counts)
    apart = [
        value for value in _apart(values) if _is_frequent(value, counts) and counts[value] >= _FEWEST_ROWS
    ]
    if len(values) - len(apart) < _FEWEST_OTHERS:
        apart = []
    if apart and scale != DEFAULT_SCALE:
        return Verdict(
            f"looks like 'not rated': {_portrait(apart, counts)}, apart from the others; leave these rows "
            f"out by {not_rated_option(_listed(apart), not_rated)}, or say --not-rated none where they are "
            "ratings",
            frozenset(apart),
        )
    suspected = apart or ([0.0] if _is_zero_beside_stars(values, counts) else [])
    if scale == DEFAULT_SCALE and suspected:
        return Verdict(
            note=f"{_portrait(suspected, counts)}; where that means 'not rated', say "
            f"{not_rated_option(_listed(suspected), not_rated)}"
        )
    return Verdict()


def _off_the_scale(
    counts: Mapping[float, int], scale: tuple[float, float], not_rated: NotRated | None, is_fixed: bool
) -> Verdict:
    values = sorted(counts)
    off = frozenset(value for value in values if not scale[0] <= value <= scale[1])
    problem = f"is off the scale, which is {scale[0]:g} to {scale[1]:g}"
    markers = _apart(values)
    core = sorted(set(values).difference(markers))
    if not core or len(markers) > 2 * _MOST_AT_AN_END:
        return Verdict(f"{problem}; is this the column of ratings?", off)
    beyond = [value for value in core if value in off]
    wanted = scale
    if beyond and _are_markers(beyond, core, scale):
        markers = sorted([*markers, *beyond])
    elif beyond:
        wanted = fitting_scale(core)
        if core[0] == 0 and wanted[1] > DEFAULT_SCALE[1] and core[1] >= 1 and _is_frequent(0.0, counts):
            markers, wanted = sorted([*markers, 0.0]), fitting_scale(core[1:])
    if is_fixed and wanted != scale:
        return Verdict(
            f"{problem} in the model; it cannot be evaluated on ratings from {core[0]:g} to {core[-1]:g}", off
        )
    options = [f"--scale {_scale(wanted)}"] if wanted != scale else []
    if not markers:
        return Verdict(f"{problem}; the ratings go from {core[0]:g} to {core[-1]:g}: say {options[0]}", off)
    frequent = [value for value in markers if _is_frequent(value, counts)]
    rare = [value for value in markers if value not in frequent]
    said = [f"{_portrait(frequent, counts)}, as if for 'not rated'"] if frequent else []
    said += [f"{_portrait(rare, counts)}, as by a slip"] if rare else []
    out = f"leave these rows out by {' '.join([*options, not_rated_option(_listed(markers), not_rated)])}"
    keep = ""
    if not is_fixed and all(abs(value) <= _ENDS[-1] for value in values):
        # What was said about other words stays: with `none`, these rows would be refused.
        others = not_rated_option((), not_rated) if isinstance(not_rated, tuple) else "--not-rated none"
        keep = f", or say --scale {_scale(fitting_scale(values))} {others} where they are ratings"
    return Verdict(f"{problem}; {', '.join(said)}; {out}{keep}", off)


def _are_markers(beyond: Sequence[float], core: Sequence[float], scale: tuple[float, float]) -> bool:
    """Return whether ratings next to the scale are markers.

    Of ratings 0 to 5 and -1, the -1 is a marker. Of ratings 1 to 7, none is, unless 1 to 5 was chosen.
    """
    few = len(beyond) <= _MOST_AT_AN_END and len(core) - len(beyond) >= 2
    return few and (scale != DEFAULT_SCALE or beyond[-1] < 0)


def not_rated_option(words: Sequence[str], not_rated: NotRated | None) -> str:
    """Return the option that adds these words to those that mean "not rated" already.

    Args:
        words: As in the file; the empty word is a missing rating.
        not_rated: Those that the user has given already.
    """
    before = () if not_rated is None or not_rated == "none" else not_rated
    said = [*(written(one) if isinstance(one, float) else one for one in before), *words]
    # A single `none` means that no rating is a marker; in quotes it is a word of the file.
    listed = ",".join(word or "empty" for word in said)
    return "--not-rated " + shlex.quote(listed if listed != "none" else f'"{listed}"')


def fitting_scale(values: Sequence[float]) -> tuple[float, float]:
    """Return a common scale that includes all of the ascending values.

    It is from 0, or from 1 if that is the lowest value, to 5, 6, 7, 10, 20, 50, 100 and so on; with values
    below 0, it extends as far below 0 as above.
    """
    lowest, highest = values[0], values[-1]
    end = float(next(end for end in _ENDS if max(abs(lowest), abs(highest)) <= end))
    if lowest < 0:
        return -end, end if highest > 0 else 0.0
    end = max(end, DEFAULT_SCALE[1])
    return (1.0 if lowest >= 1 and end <= 10 else 0.0), end


def _apart(values: Sequence[float]) -> list[float]:
    """Return the few values at an end that are apart from the rest by at least two of its steps."""
    rest = [value for value in values if abs(value) <= _ENDS[-1]]
    found = [value for value in values if abs(value) > _ENDS[-1]]
    for end in (1, -1):
        # In the order that has this end last.
        ordered = [end * value for value in rest][::end]
        for many in range(1, _MOST_AT_AN_END + 1):
            others = ordered[:-many]
            if len(others) <= many:
                break
            widest = max(after - before for before, after in pairwise(others))
            if ordered[-many] - others[-1] >= _STEPS * widest:
                found += [end * value for value in ordered[-many:]]
                rest = [end * value for value in others][::end]
                break
    return sorted(found)


def _is_frequent(value: float, counts: Mapping[float, int]) -> bool:
    return counts.get(value, 0) >= _SHARE * sum(counts.values())


def _is_zero_beside_stars(values: Sequence[float], counts: Mapping[float, int]) -> bool:
    return (
        len(values) > _FEWEST_OTHERS
        and values[0] == 0
        and all(value.is_integer() for value in values)
        and _is_frequent(0.0, counts)
    )


def _portrait(values: Sequence[float], counts: Mapping[float, int]) -> str:
    """Describe how frequent the values are: `99 stands in 5.0 % of the rows`."""
    rows, total = sum(counts[value] for value in values), sum(counts.values())
    share = (
        f"{100 * rows / total:.1f} % of the rows" if rows >= _SHARE * total else f"{rows:,} of {total:,} rows"
    )
    return f"{' and '.join(_listed(values))} {'stands' if len(values) == 1 else 'stand'} in {share}"


def _listed(values: Iterable[float]) -> list[str]:
    return [written(value) for value in values]


def written(value: float) -> str:
    """Format a rating as a person writes it: `99`, `3.5`."""
    # A value beyond the range of floats is infinite; `1e999` is parsed as infinite again.
    return str(value).removesuffix(".0").replace("inf", "1e999")


def _scale(scale: tuple[float, float]) -> str:
    return f"{scale[0]:g}:{scale[1]:g}"
