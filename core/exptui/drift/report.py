"""What a comparison of two data sets says, as plain values. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["drift", "minor", "unclear", "stable", "too_few", "invalid", "skipped"]
DataVerdict = Literal["drift", "unclear", "stable", "identical"]

WORST_FIRST: tuple[Verdict, ...] = ("drift", "invalid", "unclear", "too_few", "minor", "stable", "skipped")
"""The order in which columns are shown."""


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """Limits of the decision rule.

    `alpha` is the level that a false-discovery-corrected p must stay below, `min_effect` the smallest
    difference in probability that matters and `strong_effect` the one that is called strong. `columns`
    overrides a column's type (numeric, discrete, categorical, text or skip); `ignore` names columns that
    are left out.
    """

    alpha: float = 0.05
    min_effect: float = 0.10
    strong_effect: float = 0.20
    columns: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Written so that NaN fails too: no comparison with it may come out as "fine".
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha must lie between 0 and 1, not {self.alpha}")
        if not 0 < self.min_effect <= self.strong_effect <= 1:
            raise ValueError("the limits must satisfy 0 < min_effect <= strong_effect <= 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """One column's result. None means: not defined here, never "nothing found".

    `effect` is a difference in probability from 0 to 1: the Kolmogorov-Smirnov D for numeric columns, total
    variation for discrete and categorical ones; `effect_low` and `effect_high` bound it at level 1 - alpha.
    `statistic` is D or chi-square. `p` and `q` belong to the values; `missing_p`, `missing_q` to the test
    that as many values are missing on both sides. `n_*` count the values compared (finite, not missing),
    `missing_*` are shares of rows, 0 to 1, that are missing or not finite. `quantile_shifts` are the moves
    of the 10, 50 and 90% points and `distance` the mean move of the 1 to 99% points (a trimmed Wasserstein
    distance), the former in reference interquartile ranges, the latter in that range over 1.349 (about
    one standard deviation). `sparkline` is F_current - F_reference at up to 20 reference quantiles.
    `rows_needed` is how many rows a side would settle an unclear column. `log10_p` never underflows.
    """

    column: str
    type: str
    verdict: Verdict
    strong: bool = False
    effect: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    statistic: float | None = None
    p: float | None = None
    q: float | None = None
    log10_p: float | None = None
    missing_p: float | None = None
    missing_q: float | None = None
    direction: Literal["up", "down"] | None = None
    n_reference: int = 0
    n_current: int = 0
    missing_reference: float | None = None
    missing_current: float | None = None
    note: str = ""
    quantile_shifts: tuple[float, float, float] | None = None
    distance: float | None = None
    sparkline: tuple[float, ...] = ()
    rows_needed: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for strict JSON; a number that is not finite becomes null."""
        return {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class SchemaFinding:
    """A change that needs no statistics, such as a column that is gone. It always counts as drift."""

    column: str
    what: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The comparison of two data sets. `columns` come worst first; `reference` and `current` say which
    files or tables were compared."""

    verdict: DataVerdict
    columns: tuple[ColumnDrift, ...]
    schema_findings: tuple[SchemaFinding, ...]
    reference: str
    current: str

    def headline(self) -> str:
        """One line of plain words, such as "20 columns: 1 drift, 2 minor, 0 unclear"."""
        if self.verdict == "identical":
            return "the files are identical, byte for byte"
        count = dict.fromkeys(WORST_FIRST, 0)
        for column in self.columns:
            count[column.verdict] += 1
        noun = "column" if len(self.columns) == 1 else "columns"
        parts = [f"{count['drift']} drift", f"{count['minor']} minor", f"{count['unclear']} unclear"]
        rest = {"invalid": "invalid", "too_few": "with too few values", "skipped": "skipped"}
        parts += [f"{count[verdict]} {words}" for verdict, words in rest.items() if count[verdict]]  # type: ignore[index]
        return f"{len(self.columns)} {noun}: {', '.join(parts)}"

    def as_json(self) -> dict[str, Any]:
        """The document that `exptui drift --json` prints; strict JSON, null where something is undefined."""
        return {
            "schema": 1,
            "verdict": self.verdict,
            "headline": self.headline(),
            "reference": self.reference,
            "current": self.current,
            "columns": [column.as_json() for column in self.columns],
            "schema_findings": [{"column": f.column, "what": f.what} for f in self.schema_findings],
        }


def p_words(p: float | None) -> str:
    """A p or q value for people. Below 1e-12 the digits mean nothing, so they are not shown."""
    if p is None or math.isnan(p):
        return "-"
    return "<1e-12" if p < 1e-12 else f"{p:.2g}"


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
