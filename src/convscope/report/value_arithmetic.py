"""The arithmetic of one value on a page: windows, kernels and their products as small grids.

All of it adds up: the sums of the channels shown, the sum of those that are not, and what is added
give the value. Sums are of unrounded products; numbers in grids are rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convscope.inspection.values.steps import ArithmeticStep, TermWindow
from convscope.inspection.values.trace import ValueTrace

CHANNELS_SHOWN = 6  # the strongest ones; the others are folded away
TERMS_AT_MOST = 15_000  # of a page, whose grids then take about 1.5 MB
UNITS_SHOWN = 8  # of a layer that takes a vector
CELL_DIGITS, SUM_DIGITS = 4, 6  # of the largest number
MOST_DECIMALS = 12
SHADES = 4
# Formulas as textbooks write them, in any language.
FORMULAS = {
    "scale * x + shift; scale = weight / sqrt(variance + epsilon), shift = bias - mean * scale": (
        "a · x + c, a = γ / √(σ² + ε), c = β − μ · a"
    ),
    "exp(own input) / sum of exp(input)": "exp(x) / Σ exp(x)",
    "sum of weight * input": "Σ w · x",
    " + bias": " + b",
    "sum of inputs": "Σ x",
    "largest input": "max x",
    "smallest input": "min x",
}
SYMBOLS = {"mean": "μ", "variance": "σ²", "weight": "γ", "bias": "β", "epsilon": "ε"}


class Cell(NamedTuple):
    """A number in a grid; `kind` is the class of its style."""

    text: str
    kind: str


class Grid(NamedTuple):
    """Numbers at places of a feature map.

    Attributes:
        name: What the numbers are: a key of the page's texts.
        columns: Column numbers in the feature map, negative in the padding.
        rows: Row numbers with their cells.
    """

    name: str
    columns: list[int]
    rows: list[tuple[int, list[Cell]]]


class ChannelTerms(NamedTuple):
    """The terms of one input channel, and their sum, which is empty where nothing is summed."""

    channel: int
    total: str
    grids: list[Grid]


class Rest(NamedTuple):
    """The terms behind the strongest ones.

    Attributes:
        text: How many they are.
        total: Their sum.
        channels: Those that are on the page, folded away.
        units: Rows of a table, where the layer takes a vector.
        beyond: A sentence about those that are not on the page; empty if all are.
    """

    text: str
    total: str
    channels: list[ChannelTerms]
    units: list[list[str]]
    beyond: str


def value_view(
    trace: ValueTrace, translations: Mapping[str, Any], *, type_of: Callable[[str], str]
) -> dict[str, Any]:
    """What the page shows of a traced value.

    Args:
        trace: The value.
        translations: Texts of the page.
        type_of: Type of a layer by its path.
    """
    texts = translations["arithmetic"]
    leaves = sum(len(step.terms) > 1 for step in trace.steps)
    most = TERMS_AT_MOST // max(1, leaves)
    place = (trace.channel,) if trace.row is None else (trace.channel, trace.row, trace.column or 0)
    return {
        "layer": trace.layer,
        "type": type_of(trace.layer),
        "place": _place(place, texts),
        "number": _number(trace.value),
        "holds": trace.holds,
        "deviation": texts["deviation"].format(
            deviation=f"{trace.deviation:.1e}", tolerance=f"{trace.tolerance:.0e}"
        ),
        "steps": list(_steps(trace.step, texts, type_of=type_of, most=most, depth=0)),
    }


def _steps(
    step: ArithmeticStep,
    texts: Mapping[str, Any],
    *,
    type_of: Callable[[str], str],
    most: int,
    depth: int,
) -> list[dict[str, Any]]:
    """The step and all that lead to it, in reading order."""
    is_given = step.kind in ("image", "padding", "constant")  # belongs to no layer
    own = {
        "depth": depth,
        "layer": "" if is_given else step.layer,
        "type": "" if is_given else type_of(step.layer),
        "place": "" if step.kind in ("padding", "constant") else _place(step.index, texts),
        "kind": texts["kinds"].get(step.kind, step.kind),
        "number": _number(step.stored),
        **_body(step, texts, most=most),
    }
    deeper = depth + (len(step.sources) > 1)
    sources = (
        _steps(source, texts, type_of=type_of, most=most, depth=deeper) for source in step.sources
    )
    return [own, *(each for found in sources for each in found)]


def _body(step: ArithmeticStep, texts: Mapping[str, Any], *, most: int) -> dict[str, Any]:
    """The formula with its numbers, and the terms as grids or as rows."""
    named = {SYMBOLS.get(name, name): number for name, number in step.numbers.items()}
    if step.rule == "function":
        named = {**dict(zip("xyzuvw", step.terms.inputs.tolist(), strict=False)), **step.numbers}
    body: dict[str, Any] = {
        "formula": _formula(step, texts),
        "numbers": {name: _number(number) for name, number in named.items()},
        "channels": [],
        "units": [],
        "rest": None,
        "added": [],
        "total": "",
    }
    if step.rule == "function" or not len(step.terms):
        return body
    window = step.window or _whole_maps(step)
    shown = _by_channel(step, window, texts, most) if window else _by_unit(step, texts, most)
    if step.rule == "sum":
        decimals = _sum_decimals(step)
        names = texts["added"]
        body["added"] = [
            (names.get(name, name), _fixed(number, decimals)) for name, number in step.added.items()
        ]
        body["total"] = _fixed(step.computed, decimals)
    return {**body, **shown}


def _formula(step: ArithmeticStep, texts: Mapping[str, Any]) -> str:
    formula = step.formula
    if step.rule == "function":
        return f"{formula} = {_number(step.computed)}"
    if step.branch is not None:
        return str(texts["branch"].format(number=step.branch + 1))
    for phrase, symbols in FORMULAS.items():
        formula = formula.replace(phrase, symbols)
    return formula


def _whole_maps(step: ArithmeticStep) -> TermWindow | None:
    """The window of a layer that takes whole feature maps, as a dense layer behind them does."""
    places, terms = step.terms.places, step.terms
    if len(places) != 4 or len(terms) < 2 or terms.is_padding.any():
        return None
    _, channels, rows, columns = places
    top, left = int(rows.min()), int(columns.min())
    cells = np.stack([rows - top, columns - left])
    return TermWindow((top, left), (1, 1), channels, cells) if cells.max() > 0 else None


def _by_channel(
    step: ArithmeticStep, window: TermWindow, texts: Mapping[str, Any], most: int
) -> dict[str, Any]:
    """The terms as grids, one set for each input channel, the strongest channel first."""
    values = step.terms.values
    numbers, inverse = np.unique(window.channels, return_inverse=True)
    sums = np.bincount(inverse, weights=np.nan_to_num(values))
    order = np.argsort(-np.abs(sums), kind="stable")
    height, width = (int(side.max()) + 1 for side in window.cells)
    on_page = max(CHANNELS_SHOWN, most // (height * width))
    draw = _GridDrawer(step, window, (height, width))
    decimals = _sum_decimals(step)

    def drawn(at: int) -> ChannelTerms:
        chosen = np.flatnonzero(inverse == at)
        total = _fixed(float(values[chosen].sum()), decimals) if step.rule == "sum" else ""
        return ChannelTerms(int(numbers[at]), total, draw(chosen))

    rest, hidden = order[CHANNELS_SHOWN:], order[on_page:]
    return {
        "channels": [drawn(int(at)) for at in order[:CHANNELS_SHOWN]],
        "rest": None
        if not len(rest)
        else Rest(
            text=texts["other_channels"].format(count=f"{len(rest):,}"),
            total=_total_of(values[np.isin(inverse, rest)], step, decimals),
            channels=[drawn(int(at)) for at in order[CHANNELS_SHOWN:on_page]],
            units=[],
            beyond=_beyond(step, values[np.isin(inverse, hidden)], texts, decimals),
        ),
    }


def _by_unit(step: ArithmeticStep, texts: Mapping[str, Any], most: int) -> dict[str, Any]:
    """The terms as rows of a table, the strongest first; for a choice what was taken."""
    terms = step.terms
    if len(terms) == 1 and step.rule == "choice":
        return {}  # a number that is taken as it is
    order = np.argsort(-np.abs(np.nan_to_num(terms.values)), kind="stable")
    decimals, places = _sum_decimals(step), terms.places[1:]
    if len(places) == 3 and not places[1:].any():  # maps of a single place
        places = places[:1]

    def row(at: int) -> list[str]:
        place = "" if terms.is_padding[at] else _place(places[:, at].tolist(), texts)
        weight = [] if terms.weights is None else [_number(terms.weights[at])]
        value = _fixed(float(terms.values[at]), decimals)
        return [place or texts["padding"], _number(terms.inputs[at]), *weight, value]

    rest, hidden = order[UNITS_SHOWN:], order[max(UNITS_SHOWN, most) :]
    return {
        "units": [row(int(at)) for at in order[:UNITS_SHOWN]],
        "rest": None
        if not len(rest)
        else Rest(
            text=texts["other_terms"].format(count=f"{len(rest):,}"),
            total=_total_of(terms.values[rest], step, decimals),
            channels=[],
            units=[row(int(at)) for at in order[UNITS_SHOWN : max(UNITS_SHOWN, most)]],
            beyond=_beyond(step, terms.values[hidden], texts, decimals),
        ),
    }


def _total_of(values: NDArray[np.float64], step: ArithmeticStep, decimals: int) -> str:
    return _fixed(float(values.sum()), decimals) if step.rule == "sum" else ""


def _beyond(
    step: ArithmeticStep, hidden: NDArray[np.float64], texts: Mapping[str, Any], decimals: int
) -> str:
    """A sentence about the terms that are not on the page."""
    if not len(hidden):
        return ""
    total = texts["beyond_sum"].format(sum=_fixed(float(hidden.sum()), decimals))
    sentence: str = texts["beyond"].format(
        count=f"{len(hidden):,}", most=f"{TERMS_AT_MOST:,}", sum=total if step.rule == "sum" else ""
    )
    return sentence


class _GridDrawer:
    """Draws terms as grids, all of a step with the same decimals and shades."""

    def __init__(self, step: ArithmeticStep, window: TermWindow, size: tuple[int, int]) -> None:
        terms = step.terms
        self._window, self._size, self._winner = window, size, step.winner
        self._is_padding = terms.is_padding
        layers = {"window": terms.inputs, "kernel": terms.weights, "product": terms.values}
        if terms.weights is None:
            layers = {"window": terms.inputs}
        self._layers = {
            name: (numbers, _limit(numbers), _decimals(_limit(numbers), CELL_DIGITS))
            for name, numbers in layers.items()
            if numbers is not None
        }

    def __call__(self, chosen: NDArray[np.int64]) -> list[Grid]:
        """The grids of the terms at these indices, all of one input channel."""
        (top, left), (down, right) = self._window.start, self._window.dilation
        height, width = self._size
        at = np.full(self._size, -1, np.int64)
        at[tuple(self._window.cells[:, chosen])] = chosen
        columns = [left + right * column for column in range(width)]
        return [
            Grid(
                name,
                columns,
                [
                    (top + down * row, [self._cell(name, int(index)) for index in at[row]])
                    for row in range(height)
                ],
            )
            for name in self._layers
        ]

    def _cell(self, name: str, index: int) -> Cell:
        if index < 0:  # outside of the image, where nothing is pooled
            return Cell("", "")
        numbers, limit, decimals = self._layers[name]
        number = float(numbers[index])
        kind = _shade(number, limit)
        if self._is_padding[index] and name == "window":
            kind = "padding"
        if index == self._winner:
            kind = f"{kind} winner".strip()
        return Cell(_fixed(number, decimals), kind)


def _limit(numbers: NDArray[np.float64]) -> float:
    """The largest finite absolute value."""
    finite = np.abs(numbers[np.isfinite(numbers)])
    return float(finite.max()) if len(finite) else 0.0


def _shade(number: float, limit: float) -> str:
    """The class of a shade: `p1` to `p4` above 0, `n1` to `n4` below."""
    if not math.isfinite(number) or number == 0 or limit == 0:
        return ""
    level = min(SHADES, math.ceil(SHADES * abs(number) / limit))
    return f"{'p' if number > 0 else 'n'}{level}"


def _sum_decimals(step: ArithmeticStep) -> int:
    """Decimals of sums: what is added up has the same ones, so that it adds up as it is shown."""
    return _decimals(max(abs(step.computed), *map(abs, step.added.values()), 0.0), SUM_DIGITS)


def _decimals(largest: float, digits: int) -> int:
    """Decimals with which a number of this size has so many digits."""
    if not math.isfinite(largest) or largest == 0:
        return digits - 1
    return min(MOST_DECIMALS, max(0, digits - 1 - math.floor(math.log10(largest))))


def _fixed(number: float, decimals: int) -> str:
    """A number with these decimals, and a minus as wide as a digit; never minus zero."""
    if not math.isfinite(number):
        return f"{number}"
    return f"{round(number, decimals) + 0.0:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def _number(number: float) -> str:
    """A number with six digits."""
    return f"{number:.6g}".replace("-", "\N{MINUS SIGN}")


def _place(index: Sequence[int], texts: Mapping[str, Any]) -> str:
    """The position of a value in words."""
    names = {1: "unit", 3: "channel_row_column"}
    if len(index) not in names:
        return str(list(index))
    sentence: str = texts[names[len(index)]]
    return sentence.format(*index)
