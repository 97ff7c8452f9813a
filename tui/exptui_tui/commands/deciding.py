"""`exptui compare`, `exptui drift` and `exptui baseline`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from exptui.drift.report import DriftReport
from exptui.drift.runs import declares_data, files_drift, training_drift
from exptui.errors import DataFileError, ExptuiError
from exptui.export import SCHEMA, dumps
from exptui.locate import runs_directory
from exptui.policy import Policy, load_policy
from exptui.records import RunRecord
from exptui_tui.commands.output import width, write_lines
from exptui_tui.format import BLANK, safe
from exptui_tui.session import Session, read_directory

_DRIFT_CODES = {"stable": 0, "identical": 0, "drift": 20, "unclear": 21}


def run_compare(options: argparse.Namespace) -> int:
    from exptui.compare import Side, compare_all
    from exptui.recommend import exit_code, recommend

    policy = load_policy(options.policy) if options.policy else Policy()
    session = read_directory(runs_directory(options.root))
    baseline = session.store.find(options.baseline)
    candidates = [session.store.find(one) for one in options.candidates]
    drifts = {one.id: report for one in candidates if (report := _declared_drift(session, baseline, one, policy))}
    sides = [Side.from_runs([one]) for one in candidates]
    comparisons = compare_all(Side.from_runs([baseline]), sides, policy, drifts)
    results = [recommend(one) for one in comparisons]
    if options.json:
        print(dumps({"schema": SCHEMA, "baseline": baseline.id, "results": [one.as_json() for one in results]}))
    else:
        from exptui_tui.present.decision import decision
        from exptui_tui.present.diff import diff

        for candidate, comparison, result in zip(candidates, comparisons, results, strict=True):
            write_lines([*decision(result, width()), BLANK])
            write_lines([*diff(baseline, candidate, comparison, width(), folded=True), BLANK])
    return exit_code(results[0])


def _declared_drift(session: Session, baseline: RunRecord, candidate: RunRecord, policy: Policy) -> DriftReport | None:
    """The drift of the training data; None when a side declares none, which the verdict then says."""
    if baseline.id == candidate.id or not declares_data(candidate, baseline):
        return None
    try:
        return training_drift(baseline, candidate, Path(session.root), session.store.get, policy)
    except DataFileError as error:
        print(f"exptui: drift not checked: {safe(error, 400)}", file=sys.stderr)
        return None


def run_drift(options: argparse.Namespace) -> int:
    policy = load_policy(options.policy) if options.policy else Policy()
    named = (options.reference, options.current)
    if options.root is None and all(os.path.exists(one) for one in named):
        report = files_drift((Path(named[0]), Path(named[1])), policy)
    else:
        report = _drift_of_runs(options, policy)
    if options.json:
        print(dumps(report.as_json()))
    else:
        from exptui_tui.present.drift import drift

        write_lines(drift(report, width()))
    return _DRIFT_CODES[report.verdict]


def _drift_of_runs(options: argparse.Namespace, policy: Policy) -> DriftReport:
    """Two runs' training data. A word that is neither a file nor a run gets a hint for both."""
    missing = [one for one in (options.reference, options.current) if not os.path.exists(one)]
    try:
        session = read_directory(runs_directory(options.root))
        reference, current = session.store.find(options.reference), session.store.find(options.current)
    except ExptuiError as error:
        names = ", ".join(safe(one, 80) for one in missing)
        raise ExptuiError(f"{error}" + (f" (and no such file: {names})" if missing else "")) from None
    return training_drift(reference, current, Path(session.root), session.store.get, policy)


def run_baseline(options: argparse.Namespace) -> int:
    session = read_directory(runs_directory(options.root))
    store = session.store
    if options.clear and options.run:
        raise ExptuiError("baseline: give a RUN or --clear, not both")
    try:
        if options.clear:
            store.set_baseline(None)
        elif options.run:
            store.set_baseline(store.find(options.run).id)
    except OSError as error:
        raise ExptuiError(f"the baseline was not saved: {error}; free the disk or mend its permissions") from None
    run = store.baseline
    if options.json:
        print(dumps({"schema": SCHEMA, "baseline": store.baseline_id, "name": run.name if run else None}))
    elif run is not None:
        print(f"{safe(run.name)} ({safe(run.id)})")
    elif store.baseline_id:
        print(f"{safe(store.baseline_id)} (not in {safe(session.root)} now)")
    else:
        print("no baseline; `exptui baseline RUN` sets one")
    return 0
