"""What one column shows: effect, p-values and notes. The verdict comes later, when every test is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from exptui.drift import homogeneity as tables_of_counts
from exptui.drift import text, two_sample
from exptui.drift.columns import Pair, check_override, finite, has_values, pair
from exptui.drift.report import ColumnDrift, DriftSettings, Verdict
from exptui.drift.tables import Column, Labels, Numbers, Times

Counts = NDArray[np.int64]

LEAST_VALUES = 5
"""Fewer finite values on a side get no p-value: 4 against 4 reach 0.029 at best, 3 against 3 only 0.10."""

BY_CHANCE = 1e-6
"""A column that turned constant or empty is a finding only if chance does that less often than this."""

UNSEEN_Z = 5.0
"""Standard errors above chance from which rows with unknown categories are a finding."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A column with its tests still uncorrected. `rows` counts all rows of a side, missing ones included;
    `groups` is the number of categories compared, 0 for numbers. `forced` overrules the decision rule and
    `finding` is a schema finding."""

    result: ColumnDrift
    rows: tuple[int, int] = (0, 0)
    groups: int = 0
    forced: Verdict | None = None
    finding: str | None = None


def measure(name: str, reference: Column | None, current: Column | None, settings: DriftSettings) -> Iterator[Measured]:
    """Compares one column; text gives several results. A side is None where the column does not exist."""
    override = settings.columns.get(name)
    check_override(name, override)
    if name in settings.ignore or override == "skip":
        yield _skipped(name, "skipped", "left out as asked")
    elif reference is None:
        yield _skipped(name, type_word(current), "new column: the reference does not have it")
    elif current is None:
        yield _found(name, type_word(reference), "the column is missing")
    elif not has_values(reference) and not has_values(current):
        yield _skipped(name, "skipped", "no values on either side")
    else:
        yield from _measure_pair(name, pair(name, reference, current, override), reference, current, settings)


def _measure_pair(
    name: str, both: Pair | None, reference: Column, current: Column, settings: DriftSettings
) -> Iterator[Measured]:
    if both is None:
        yield _found(name, type_word(reference), f"type changed: {type_word(reference)} → {type_word(current)}")
    elif both.problem:
        yield Measured(ColumnDrift(column=name, type=both.kind, verdict="invalid", note=both.problem), forced="invalid")
    elif (what := _emptied(both)) is not None:
        yield _found(name, both.kind, what, *_missing_shares(both))
    elif both.why:
        yield _uncompared(name, both)
    elif both.kind == "text" and isinstance(both.reference, Labels) and isinstance(both.current, Labels):
        for part, (old, new) in text.derived(both.reference, both.current).items():
            if part != "length":  # how much is missing is the same for every part and is tested once
                old, new = Numbers(finite(old)), Numbers(finite(new))
            yield from measure(f"{name}: {part}", old, new, settings)
    elif isinstance(both.reference, Numbers) and isinstance(both.current, Numbers):
        yield _measure_numbers(name, both.kind, both.reference, both.current, settings)
    elif isinstance(both.reference, Labels) and isinstance(both.current, Labels):
        yield _measure_labels(name, both.kind, both.reference, both.current, settings)


def type_word(column: Column | None) -> str:
    if column is None or not has_values(column):
        return "empty"
    return {Numbers: "numeric", Labels: "text", Times: "timestamp"}[type(column)]


def _skipped(name: str, kind: str, why: str) -> Measured:
    return Measured(ColumnDrift(column=name, type=kind, verdict="skipped", note=why), forced="skipped")


def _uncompared(name: str, both: Pair) -> Measured:
    """An identifier or a time: its values say nothing, but how many are missing may."""
    rows = (_rows(both.reference), _rows(both.current))
    values = (rows[0] - _missing_count(both.reference), rows[1] - _missing_count(both.current))
    return Measured(
        ColumnDrift(column=name, type=both.kind, verdict="skipped", **_sides(rows, values), note=both.why), rows
    )


def _found(name: str, kind: str, what: str, before: float | None = None, now: float | None = None) -> Measured:
    result = ColumnDrift(
        column=name, type=kind, verdict="drift", note=what, missing_reference=before, missing_current=now
    )
    return Measured(result, forced="drift", finding=what)


def _missing_shares(both: Pair) -> tuple[float, float]:
    shares = [_missing_count(side) / max(1, _rows(side)) for side in (both.reference, both.current)]
    return shares[0], shares[1]


def _rows(column: Column) -> int:
    return len(column.codes) if isinstance(column, Labels) else len(column.values)


def _missing_count(column: Column) -> int:
    if isinstance(column, Labels):
        return int((column.codes < 0).sum())
    return len(column.values) - int(np.isfinite(column.values).sum())


def _emptied(both: Pair) -> str | None:
    """A finding when one side has no values at all and the other's missing share does not explain it."""
    before, now = _missing_shares(both)
    if not has_values(both.current) and before ** _rows(both.current) < BY_CHANCE:
        return "all values are missing"
    if not has_values(both.reference) and now ** _rows(both.reference) < BY_CHANCE:
        return "the reference has no values, the current data have"
    return None


def _measure_numbers(name: str, kind: str, reference: Numbers, current: Numbers, settings: DriftSettings) -> Measured:
    old, new = finite(reference), finite(current)
    rows = (len(reference.values), len(current.values))
    notes = _infinite_notes(reference, current)
    if min(len(old), len(new)) < LEAST_VALUES:
        return _few(name, kind, rows, (len(old), len(new)), notes)
    if kind == "discrete":
        values, codes = np.unique(np.concatenate([old, new]), return_inverse=True)
        counts = _count(codes[: len(old)], codes[len(old) :], len(values))
        moved = float(new.mean() - old.mean())
        names = [f"{value:g}" for value in values.tolist()]
        return _measure_counts(name, kind, counts, names, rows, moved, notes, settings)
    old, new = np.sort(old), np.sort(new)
    gap = two_sample.ks_gap(old, new)
    p = two_sample.ks_p(old, new, gap)
    c = two_sample.half_width(gap.n, gap.m, settings.alpha)
    shape = two_sample.shape(old, new)
    if gap.up is None and gap.d >= settings.min_effect:
        notes.append("the spread or shape changed more than the location")
    result = ColumnDrift(
        column=name, type=kind, verdict="invalid", effect=gap.d, statistic=gap.d, p=p,
        effect_low=max(0.0, gap.d - c), effect_high=min(1.0, gap.d + c), log10_p=two_sample.log10_p(gap, p),
        direction=None if gap.up is None else "up" if gap.up else "down",
        quantile_shifts=shape.shifts, distance=shape.distance, sparkline=shape.sparkline,
        **_sides(rows, (len(old), len(new))), note="; ".join(notes),
    )  # fmt: skip
    constant = (old[0] == old[-1], new[0] == new[-1])
    shares = (float((old == new[0]).mean()), float((new == old[0]).mean())) if any(constant) else (1.0, 1.0)
    return _with_constants(Measured(result, rows), constant, shares)


def _measure_labels(name: str, kind: str, reference: Labels, current: Labels, settings: DriftSettings) -> Measured:
    rows = (len(reference.codes), len(current.codes))
    known = {word: code for code, word in enumerate(reference.names)}
    # The extra last entry catches the code -1 of missing values.
    translation = np.array([known.setdefault(word, len(known)) for word in current.names] + [-1], dtype=np.int64)
    old, new = reference.codes[reference.codes >= 0], translation[current.codes]
    new = new[new >= 0]
    if min(len(old), len(new)) < LEAST_VALUES:
        return _few(name, kind, rows, (len(old), len(new)), [])
    counts = _count(old, new, len(known))
    return _measure_counts(name, kind, counts, list(known), rows, 0.0, [], settings)


def _count(old: NDArray[np.signedinteger], new: NDArray[np.signedinteger], size: int) -> Counts:
    return np.stack([np.bincount(old, minlength=size), np.bincount(new, minlength=size)]).astype(np.int64)


def _measure_counts(
    name: str, kind: str, counts: Counts, names: list[str], rows: tuple[int, int], moved: float,
    notes: list[str], settings: DriftSettings,
) -> Measured:  # fmt: skip
    test = tables_of_counts.homogeneity(counts, settings.alpha)
    n, m = (int(side) for side in counts.sum(axis=1))
    share = counts / np.array([[n], [m]])
    moves = np.abs(share[1] - share[0])
    # The first of several equal moves is the reference's first value, whatever the rounding.
    most = int((moves >= moves.max() * (1 - 1e-9)).argmax())
    if test.effect > 0:
        notes.append(f"largest change: {names[most][:40]!r} {share[0, most]:.1%} → {share[1, most]:.1%}")
    unseen = int(((counts[0] == 0) & (counts[1] > 0)).sum())
    if unseen:
        notes.append(f"{unseen} {'value' if unseen == 1 else 'values'} not in the reference")
    result = ColumnDrift(
        column=name, type=kind, verdict="invalid", effect=test.effect, effect_low=test.low,
        effect_high=test.high, statistic=test.statistic, p=test.p, log10_p=test.log10_p,
        direction="up" if moved > 0 and test.effect else "down" if moved < 0 and test.effect else None,
        **_sides(rows, (n, m)), note="; ".join(notes),
    )  # fmt: skip
    constant = (int((counts[0] > 0).sum()) == 1, int((counts[1] > 0).sum()) == 1)
    shares = (float(share[0, counts[1].argmax()]), float(share[1, counts[0].argmax()]))
    found = _with_constants(Measured(result, rows, test.groups), constant, shares)
    seen, expected, z = tables_of_counts.unseen_excess(counts)
    if found.forced is None and z > UNSEEN_Z and seen - expected >= settings.min_effect:
        what = f"{seen:.0%} of the rows hold values that the reference never has ({expected:.0%} expected)"
        return Measured(result, rows, test.groups, "drift", what)
    return found


def _with_constants(measured: Measured, constant: tuple[bool, bool], shares: tuple[float, float]) -> Measured:
    """Adds what follows from a constant side. `shares` are how often the reference has the value that is
    current's only one, and the other way round."""
    result = measured.result
    if all(constant):
        forced: Verdict | None = "drift" if result.effect else None
        return Measured(result, measured.rows, measured.groups, forced)
    what = None
    if constant[0] and shares[1] ** result.n_reference < BY_CHANCE:
        what = "constant became varying"
    elif constant[1] and shares[0] ** result.n_current < BY_CHANCE:
        what = "varying became constant"
    return Measured(result, measured.rows, measured.groups, "drift" if what else None, what)


def _few(name: str, kind: str, rows: tuple[int, int], values: tuple[int, int], notes: list[str]) -> Measured:
    notes = [f"too few values to compare (at least {LEAST_VALUES} a side)", *notes]
    result = ColumnDrift(column=name, type=kind, verdict="too_few", **_sides(rows, values), note="; ".join(notes))
    return Measured(result, rows)


class _Sides(TypedDict):
    n_reference: int
    n_current: int
    missing_reference: float
    missing_current: float
    missing_p: float | None


def _sides(rows: tuple[int, int], values: tuple[int, int]) -> _Sides:
    """How many values are there and how many are not, with the test for it where there is one to make."""
    missing = (rows[0] - values[0], rows[1] - values[1])
    testable = any(missing) and min(rows) >= LEAST_VALUES
    return _Sides(
        n_reference=values[0],
        n_current=values[1],
        missing_reference=missing[0] / rows[0],
        missing_current=missing[1] / rows[1],
        missing_p=tables_of_counts.missingness_p(missing, rows) if testable else None,
    )


def _infinite_notes(reference: Numbers, current: Numbers) -> list[str]:
    notes = []
    for side, where in ((reference, "the reference"), (current, "the current data")):
        count = int(np.isinf(side.values).sum())
        if count:
            notes.append(f"{count:,} infinite {'value' if count == 1 else 'values'} in {where}")
    return notes
