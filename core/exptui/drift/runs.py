"""Drift between the training data of two runs, under a policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from exptui.drift.declared import column_overrides, training_pair
from exptui.drift.report import DriftReport, DriftSettings
from exptui.records import RunRecord

if TYPE_CHECKING:
    from exptui.policy import Policy


def training_drift(
    baseline: RunRecord | None,
    candidate: RunRecord,
    root: Path,
    find: Callable[[str], RunRecord | None],
    policy: Policy,
) -> DriftReport:
    """The candidate's training data against its reference: what it declares, else the baseline's training data.

    Raises DataFileError when a side declares no data, or data that cannot be read.
    """
    return files_drift(training_pair(candidate, baseline, root, (), find), policy, candidate)


def files_drift(pair: tuple[Path, Path], policy: Policy, candidate: RunRecord | None = None) -> DriftReport:
    """One data file (the second) against another. The candidate's column types count, where one is given.

    Raises DataFileError.
    """
    from exptui.drift.verdicts import compare_files

    settings = DriftSettings(
        alpha=policy.alpha,
        min_effect=policy.drift.min_effect,
        strong_effect=policy.drift.strong_effect,
        ignore=tuple(policy.drift.ignore),
        columns=column_overrides(candidate) if candidate else {},
    )
    return compare_files(*pair, settings)


def declares_data(candidate: RunRecord, baseline: RunRecord) -> bool:
    """Whether both sides say what they were trained on, so that drift can be checked without being asked."""
    return bool(candidate.data) and (bool(baseline.data) or "reference" in candidate.data)
