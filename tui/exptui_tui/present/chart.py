"""Metric curves in braille: four dots high and two wide a cell, thinned to the pane, non-finite points marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from exptui.series import Column, not_finite, thin
from exptui_tui.format import Line, Span, number, number_within, pad, safe, step

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_GUTTER = 9
_BROKEN = "╳"
_ROUND = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True, slots=True)
class Curve:
    """One run's series as it is to be drawn: steps rising, values in their order, and its colour number."""

    name: str
    colour: int
    step: Sequence[float]
    value: Sequence[float]


def chart(curves: Sequence[Curve], width: int, height: int) -> list[Line]:
    """A plot of `height` lines with its axes and a legend under it."""
    legend_height = min(len(curves), max(1, height // 4))
    plot_height, plot_width = height - 1 - legend_height, width - _GUTTER
    drawn = [curve for curve in curves if len(curve.value)]
    if not drawn or plot_height < 2 or plot_width < 10:
        return legend(curves, width)[:height]
    x_low, x_high = step_range(drawn)
    if not math.isfinite(x_high - x_low):
        return legend(curves, width)[:height]
    columns = [thin(curve.step, curve.value, x_low, x_high, plot_width * 2) for curve in drawn]
    bounds = value_range(columns)
    lines = _plot(drawn, columns, bounds, plot_width, plot_height)
    left, right = step(x_low), step(x_high)
    axis = pad("", _GUTTER) + pad(left + " ", plot_width - len(right) - 5) + "step " + right
    return [*lines, ((axis, "dim"),), *legend(curves, width)[:legend_height]]


def step_range(curves: Sequence[Curve]) -> tuple[float, float]:
    """From the first step (from 0, when the first is close to it) to a round one that is not before the last."""
    first = min(curve.step[0] for curve in curves)
    last = max(curve.step[-1] for curve in curves)
    low = 0.0 if 0 <= first <= 0.2 * last else first
    return low, low + round_up(last - low)


def value_range(columns: Sequence[Sequence[Column]]) -> tuple[float, float] | None:
    """The extremes of all finite values, rounded outwards; None when there are none.

    Round bounds stand still while a training goes on, so that a new point changes a few lines and not the picture.
    """
    lows = [column.low for curve in columns for column in curve if column.low is not None]
    highs = [column.high for curve in columns for column in curve if column.high is not None]
    if not lows:
        return None
    low, high = min(lows), max(highs)
    unit = _unit(high - low)
    if not unit:
        return low, high
    bottom, top = math.floor(low / unit) * unit, math.ceil(high / unit) * unit
    return (bottom, top) if math.isfinite(bottom) and math.isfinite(top) and high > low else (low, high)


def round_up(length: float) -> float:
    """The next round number that is not smaller: 176 → 200, 1043 → 1200."""
    power = 10 * _unit(length)
    return next((round_ * power for round_ in _ROUND if round_ * power >= length * (1 - 1e-9)), length)


def _unit(length: float) -> float:
    """A tenth of the power of ten in `length`; 0 for none."""
    if length <= 0 or not math.isfinite(length):
        return 0.0
    return float(10.0 ** (math.floor(math.log10(length)) - 1))


def legend(curves: Sequence[Curve], width: int) -> list[Line]:
    """One line a curve: its mark, its newest value and step, and how many of its points are not finite."""
    lines: list[Line] = []
    for curve in curves:
        spans: list[Span] = [("━━ ", f"run{curve.colour}"), (safe(curve.name, max(8, width - 40)), "")]
        if len(curve.value):
            style = "" if math.isfinite(curve.value[-1]) else "bad"
            spans += [("  ", ""), (number(curve.value[-1]), style), (f" at step {step(curve.step[-1])}", "dim")]
            count, first = not_finite(curve.value)
            if count:
                spans.append((f"  {_BROKEN} {count} not finite, first at {step(curve.step[first])}", "bad"))
        else:
            spans.append(("  no points", "dim"))
        lines.append(tuple(spans))
    return lines


def _plot(
    curves: Sequence[Curve],
    columns: Sequence[Sequence[Column]],
    bounds: tuple[float, float] | None,
    width: int,
    height: int,
) -> list[Line]:
    dots = [[0] * width for _ in range(height)]
    owner: list[list[int | None]] = [[None] * width for _ in range(height)]
    broken: dict[int, int] = {}
    for curve, thinned in zip(curves, columns, strict=True):
        if bounds is not None:
            _draw(thinned, bounds, curve.colour, dots, owner)
        broken |= {at // 2: curve.colour for at, column in enumerate(thinned) if column.broken}
    low, high = bounds or (0.0, 1.0)
    lines: list[Line] = []
    for y in range(height):
        label = _label(y, height, low, high) if bounds else ""
        spans: list[Span] = [
            (pad(label, _GUTTER - 2, right=True) + " ┤" if label else pad("", _GUTTER - 1) + "│", "dim")
        ]
        spans += _cells(dots[y], owner[y], broken if y == height - 1 else {})
        lines.append(tuple(spans))
    return lines


def _label(y: int, height: int, low: float, high: float) -> str:
    """Values at the top, the middle and the bottom of the axis."""
    if y not in (0, height // 2, height - 1):
        return ""
    share = y / (height - 1)
    return number_within(high * (1 - share) + low * share, _GUTTER - 2)


def _cells(dots: Sequence[int], owner: Sequence[int | None], broken: dict[int, int]) -> list[Span]:
    """The cells of one line, neighbours of one colour joined."""
    spans: list[Span] = []
    for x, (pattern, colour) in enumerate(zip(dots, owner, strict=True)):
        if x in broken:
            text, style = _BROKEN, "bad"
        else:
            text, style = chr(0x2800 + pattern) if pattern else " ", f"run{colour}" if colour is not None else ""
        if spans and spans[-1][1] == style:
            spans[-1] = (spans[-1][0] + text, style)
        else:
            spans.append((text, style))
    return spans


def _draw(
    columns: Sequence[Column],
    bounds: tuple[float, float],
    colour: int,
    dots: list[list[int]],
    owner: list[list[int | None]],
) -> None:
    """Draw one curve: a bar from low to high in each column, joined to the column before."""
    height = len(dots) * 4
    low, high = bounds
    shrunk = 1.0 if math.isfinite(high - low) else 0.5  # the difference may be more than a float can hold
    span = high * shrunk - low * shrunk

    def dot_row(value: float) -> int:
        share = (value * shrunk - low * shrunk) / span if span > 0 else 0.5
        return height - 1 - round(share * (height - 1))

    previous: tuple[int, int] | None = None
    for at, column in enumerate(columns):
        if column.low is None or column.high is None or column.last is None:
            previous = None if column.broken else previous
            continue
        top, bottom = dot_row(column.high), dot_row(column.low)
        if previous is not None:
            _join(previous, (at, top if previous[1] < top else min(bottom, previous[1])), dots, owner, colour)
        for y in range(top, bottom + 1):
            _set(at, y, dots, owner, colour)
        previous = (at, dot_row(column.last))


def _join(
    start: tuple[int, int], end: tuple[int, int], dots: list[list[int]], owner: list[list[int | None]], colour: int
) -> None:
    """A straight stroke between two dots."""
    (x0, y0), (x1, y1) = start, end
    length = max(abs(x1 - x0), abs(y1 - y0))
    for at in range(1, length):
        share = at / length
        _set(round(x0 + (x1 - x0) * share), round(y0 + (y1 - y0) * share), dots, owner, colour)


def _set(x: int, y: int, dots: list[list[int]], owner: list[list[int | None]], colour: int) -> None:
    dots[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    owner[y // 4][x // 2] = colour
