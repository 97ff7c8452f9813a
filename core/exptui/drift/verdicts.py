"""From tests to verdicts: false-discovery correction, the decision rule, and whole tables."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from exptui.drift import homogeneity, two_sample
from exptui.drift.measure import Measured, measure
from exptui.drift.report import (
    WORST_FIRST,
    ColumnDrift,
    DataVerdict,
    DriftReport,
    DriftSettings,
    SchemaFinding,
    Verdict,
)
from exptui.drift.tables import Table, open_regular, read_table

_GRAVITY: tuple[Verdict, ...] = ("skipped", "stable", "minor", "too_few", "unclear", "invalid", "drift")
"""Which of two verdicts on one column (on its values, on what is missing) stands: the later one."""


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p-values that bound the false discovery rate (Benjamini and Hochberg 1995), in the given
    order. ValueError for NaN or anything else outside 0 to 1: such a value would lower its neighbours."""
    if not all(0 <= value <= 1 for value in p):
        raise ValueError("p-values must lie between 0 and 1")
    order = sorted(range(len(p)), key=p.__getitem__, reverse=True)
    adjusted = [0.0] * len(p)
    smallest = 1.0
    for behind, index in enumerate(order):
        smallest = min(smallest, p[index] * (len(p) / (len(p) - behind)))
        adjusted[index] = smallest
    return adjusted


def judge(q: float | None, effect: float | None, low: float, settings: DriftSettings) -> tuple[Verdict, bool]:
    """The decision rule for one test: (verdict, strong). `low` is the lower end of the effect's interval."""
    if q is None or effect is None or not (math.isfinite(q) and math.isfinite(effect)):
        return "invalid", False
    matters = effect >= settings.min_effect
    if q < settings.alpha:
        strong = effect >= settings.strong_effect or low >= settings.min_effect
        return ("drift", strong) if matters else ("minor", False)
    return ("unclear" if matters else "stable"), False


def compare_tables(
    reference: Table,
    current: Table,
    settings: DriftSettings = DriftSettings(),  # noqa: B008 - frozen
    progress: Callable[[str], None] | None = None,
) -> DriftReport:
    """Compares two tables column by column. Deterministic. DataFileError for an unknown type override."""
    names = list(dict.fromkeys([*reference.columns, *current.columns]))
    measured: list[Measured] = []
    for done, name in enumerate(names, start=1):
        measured += measure(name, reference.columns.get(name), current.columns.get(name), settings)
        if progress is not None:
            progress(f"compared {done} of {len(names)} columns")
    columns = [_decide(one, tests, settings) for one, tests in zip(measured, _correct(measured), strict=True)]
    findings = tuple(SchemaFinding(one.result.column, one.finding) for one in measured if one.finding)
    columns.sort(key=_badness)
    return DriftReport(_overall(columns, findings), tuple(columns), findings, reference.name, current.name)


def compare_files(
    reference: Path,
    current: Path,
    settings: DriftSettings = DriftSettings(),  # noqa: B008 - frozen
    progress: Callable[[str], None] | None = None,
) -> DriftReport:
    """Compares two data files; equal bytes are "identical" without a test. DataFileError when one cannot be
    read as a table (see `read_table`)."""
    say = progress or (lambda _: None)
    say(f"checking whether {reference.name} and {current.name} are the same")
    if _sha256(reference) == _sha256(current):
        return DriftReport("identical", (), (), str(reference), str(current))
    tables = []
    for path in (reference, current):
        say(f"reading {path.name}")
        tables.append(read_table(path))
    return compare_tables(tables[0], tables[1], settings, progress)


def _sha256(path: Path) -> str:
    with open_regular(path) as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


Tests = tuple[float | None, float | None, int]
"""q of the values, q of what is missing, and the number of tests in the pair."""


def _correct(measured: Sequence[Measured]) -> list[Tests]:
    """Corrects every test of the pair together. A p that is no number stays out and leaves q undefined."""
    slots = [p for one in measured for p in (one.result.p, one.result.missing_p)]
    valid = [index for index, p in enumerate(slots) if p is not None and 0 <= p <= 1]
    q: list[float | None] = [None] * len(slots)
    adjusted = benjamini_hochberg([p for p in slots if p is not None and 0 <= p <= 1])
    for index, value in zip(valid, adjusted, strict=True):
        q[index] = value
    return [(q[2 * index], q[2 * index + 1], len(valid)) for index in range(len(measured))]


def _decide(measured: Measured, tests: Tests, settings: DriftSettings) -> ColumnDrift:
    result = measured.result
    q, missing_q, count = tests
    if result.p is None:
        of_values, strong = result.verdict, False
    else:
        of_values, strong = judge(q, result.effect, result.effect_low or 0.0, settings)
    of_missing, missing_strong = _judge_missing(measured, missing_q, settings)
    verdict = max(of_values, of_missing, key=_GRAVITY.index)
    if of_values == "skipped" and verdict == "stable":
        verdict = "skipped"  # nothing but the missing values was compared
    if measured.forced is not None:
        verdict = measured.forced
    strong = verdict == "drift" and (strong or missing_strong)
    notes = [] if of_missing == "stable" else [_missing_words(result)]
    rows = None
    if verdict == "unclear":
        rows = _rows_needed(measured, of_values == "unclear", of_missing == "unclear", count, settings)
        notes.append(f"about {rows:,} rows a side would settle it")
    if of_values == "invalid" and result.p is not None:
        notes.append("the test gave no number")
    if measured.finding and measured.finding not in result.note:
        notes.insert(0, measured.finding)
    note = "; ".join(part for part in (*notes, result.note) if part)
    return replace(result, verdict=verdict, strong=strong, q=q, missing_q=missing_q, rows_needed=rows, note=note)


def _judge_missing(measured: Measured, missing_q: float | None, settings: DriftSettings) -> tuple[Verdict, bool]:
    result = measured.result
    if result.missing_p is None or result.missing_reference is None or result.missing_current is None:
        return "stable", False
    effect = abs(result.missing_current - result.missing_reference)
    return judge(missing_q, effect, effect - two_sample.half_width(*measured.rows, settings.alpha), settings)


def _missing_words(result: ColumnDrift) -> str:
    before, now = result.missing_reference or 0.0, result.missing_current or 0.0
    return f"missing {before:.1%} → {now:.1%}"


def _rows_needed(measured: Measured, values: bool, missing: bool, tests: int, settings: DriftSettings) -> int:
    """Rows a side from which the smallest effect that matters is significant. Where that many are there
    already and only the correction for many tests stands in the way, the count allows for it."""

    def needed(alpha: float) -> int:
        rows = homogeneity.rows_for_shares(settings.min_effect, alpha, 2) if missing else 0
        if values and measured.groups:
            rows = max(rows, homogeneity.rows_for_shares(settings.min_effect, alpha, measured.groups))
        elif values:
            rows = max(rows, two_sample.rows_for_ks(settings.min_effect, alpha))
        return rows

    rows = needed(settings.alpha)
    have = min(measured.result.n_reference, measured.result.n_current)
    return rows if rows > have else needed(settings.alpha / max(1, tests))


def _badness(column: ColumnDrift) -> tuple[int, bool, float, float, str]:
    missing = abs((column.missing_current or 0.0) - (column.missing_reference or 0.0))
    effect = max(column.effect or 0.0, missing)
    return WORST_FIRST.index(column.verdict), not column.strong, -effect, column.log10_p or 0.0, column.column


def _overall(columns: Sequence[ColumnDrift], findings: Sequence[SchemaFinding]) -> DataVerdict:
    """Worst of the columns. Where a column could not be compared, or none was, the answer is "unclear"."""
    seen = {column.verdict for column in columns}
    if findings or "drift" in seen:
        return "drift"
    if seen & {"unclear", "invalid", "too_few"} or not seen - {"skipped"}:
        return "unclear"
    return "stable"
