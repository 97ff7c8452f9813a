"""The chart against a brute force that lights every dot itself, and against what training logs really contain."""

import math
import time
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptui_tui.format import Line, width_of
from exptui_tui.present.chart import Curve, chart, round_up

NAN = math.nan
_GUTTER = 9
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def curve(values: Sequence[float], steps: Sequence[float] | None = None, name: str = "run") -> Curve:
    return Curve(name, 0, list(steps if steps is not None else range(len(values))), list(values))


def text(line: Line) -> str:
    return "".join(part for part, _ in line)


def plot(lines: list[Line]) -> list[str]:
    """The lines above the axis, without their labels."""
    rows = [text(line) for line in lines]
    return [row[_GUTTER:] for row in rows if row[_GUTTER - 1 : _GUTTER] in ("│", "┤")]


def lit(rows: list[str]) -> set[tuple[int, int]]:
    """All dots of a plot as (x, y), from the upper left."""
    found = set()
    for row, line in enumerate(rows):
        for column, character in enumerate(line):
            pattern = ord(character) - 0x2800 if 0x2800 <= ord(character) < 0x2900 else 0
            found |= {(column * 2 + x, row * 4 + y) for y in range(4) for x in range(2) if pattern & _DOTS[y][x]}
    return found


@given(st.lists(st.integers(0, 7), min_size=2, max_size=20))
def test_the_dots_of_every_column_reach_its_extremes(values: list[int]) -> None:
    """Four dots are lit a step: bounds 0 to 7 in two lines of four dots make every value a dot row of its own."""
    values = [0, 7, *values]
    steps = [at * (39 / round_up(len(values) - 1)) for at in range(len(values))]
    rows = plot(chart([curve(values)], _GUTTER + 20, 4))
    assert len(rows) == 2
    shown = lit(rows)
    for at, value in zip(steps, values, strict=True):
        assert (math.floor(at + 0.5), 7 - value) in shown, f"step {at} should have a dot at {value}"
    lowest = {x: max(y for column, y in shown if column == x) for x, _ in shown}
    highest = {x: min(y for column, y in shown if column == x) for x, _ in shown}
    for x in range(math.floor(steps[-1] + 0.5) + 1):
        near = [v for at, v in zip(steps, values, strict=True) if abs(at - x) <= 39 / round_up(len(values) - 1) + 1]
        assert 7 - max(near) <= highest[x] <= lowest[x] <= 7 - min(near), "no dot lies outside of its neighbours"


def test_a_spike_of_one_point_in_a_million_is_seen() -> None:
    values = array("d", [0.5]) * 1_000_000
    values[777_777] = 9.5
    steps = array("d", range(1_000_000))
    begun = time.perf_counter()
    rows = plot(chart([Curve("long", 0, steps, values)], 100, 30))
    assert time.perf_counter() - begun < 2.0
    assert any(0x2800 < ord(character) < 0x2900 for character in rows[0] + rows[1] + rows[2]), "the spike"
    assert any(0x2800 < ord(character) < 0x2900 for character in rows[-1] + rows[-2] + rows[-3]), "the rest"


def test_a_nan_is_marked_in_its_own_column_and_the_curve_breaks_there() -> None:
    lines = chart([curve([1.0, 1.0, NAN, 1.0, 1.0], [0, 10, 20, 30, 40])], _GUTTER + 41, 6)
    rows = plot(lines)
    assert rows[-1].index("╳") == 20
    assert rows[-1].count("╳") == 1
    columns = {x // 2 for x, _ in lit(rows)}
    assert {0, 10, 30, 40} <= columns
    assert not columns & set(range(11, 30)), "no line is drawn across what is not a number"
    assert "1 not finite, first at 20" in text(lines[-1])


def test_infinities_are_marked_too_and_do_not_flatten_the_rest() -> None:
    rows = plot(chart([curve([0.0, math.inf, 7.0, -math.inf])], 60, 8))
    assert rows[-1].count("╳") == 2
    heights = {y for _, y in lit(rows)}
    assert max(heights) - min(heights) > 20


@pytest.mark.parametrize(
    "values",
    [
        [0.5], [0.0], [3.0] * 50, [NAN], [NAN] * 50, [1e308, -1e308], [1.7e308, 1.6e308], [5e-324, 0.0],
        [1e-310, 3e-310], [1e300, 1e300 * (1 + 1e-15)], [-1e-12, 1e-12], [math.inf, -math.inf], [],
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [(120, 24), (40, 8), (19, 5), (8, 3), (1, 1), (0, 0)])
def test_strange_values_are_drawn_in_any_size(values: list[float], size: tuple[int, int]) -> None:
    width, height = size
    lines = chart([curve(values, name="模型\x1b[2J")], width, height)
    assert len(lines) <= height
    assert "\x1b" not in "".join(map(text, lines))
    for line in plot(lines) if width > 20 else []:
        assert len(line) == width - _GUTTER


@pytest.mark.parametrize("values", [[1e308, -1e308], [5e-324, 0.0], [1e-310, 3e-310], [-1e-12, 1e-12]])
def test_the_full_height_is_used_however_large_or_small_the_values_are(values: list[float]) -> None:
    rows = plot(chart([curve(values)], 60, 12))
    assert lit(rows[:2])
    assert lit(rows[-2:])


def test_a_single_point_and_a_constant_lie_in_the_middle() -> None:
    for values in ([0.5], [0.5] * 9):
        rows = plot(chart([curve(values)], 60, 11))
        assert {y // 4 for _, y in lit(rows)} == {len(rows) // 2}


def test_labels_of_the_axis_are_numbers_that_were_not_cut() -> None:
    for values in ([1e-16, 1.0], [-1.5e-100, 1.5e-100], [123456.7, 123456.8], [-0.00012345, 1e7]):
        labels = [text(line)[: _GUTTER - 2].strip() for line in chart([curve(values)], 60, 12) if "┤" in text(line)]
        assert len(labels) == 3
        assert all(math.isfinite(float(label)) for label in labels)
        assert float(labels[0]) >= float(labels[1]) >= float(labels[2])


@pytest.mark.parametrize("steps", [[0, 1e300], [-1e308, 1e308], [0, 5e-324], [1e15, 1e15 + 1], [-5, -1], [7, 7]])
def test_strange_steps_are_drawn_too(steps: list[float]) -> None:
    lines = chart([curve([1.0, 2.0], steps)], 60, 12)
    assert all(width_of(line) <= 60 for line in lines)


def test_two_curves_keep_their_colours_and_both_stand_in_the_legend() -> None:
    curves = [Curve("one", 1, [0, 1, 2], [0.0, 0.0, 0.0]), Curve("two", 2, [0, 1, 2], [1.0, 1.0, 1.0])]
    lines = chart(curves, 80, 12)
    assert {style for line in lines for _, style in line if style.startswith("run")} == {"run1", "run2"}
    assert ("one" in text(lines[-2]), "two" in text(lines[-1])) == (True, True)
    assert "1 at step 2" in text(lines[-1])


@given(st.floats(1e-300, 1e300))
def test_a_round_length_is_not_shorter_and_at_most_half_longer(length: float) -> None:
    assert length * (1 - 1e-9) <= round_up(length) <= length * 1.51


def test_the_picture_stands_still_while_a_training_goes_on() -> None:
    values = [1 / (1 + at) for at in range(200)]
    before, after = (chart([curve(values[:length])], 100, 20) for length in (181, 182))
    assert sum(one != other for one, other in zip(before[:-1], after[:-1], strict=True)) <= 2
