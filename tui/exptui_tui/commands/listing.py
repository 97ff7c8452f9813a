"""`exptui list` and `exptui show`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from exptui.errors import ExptuiError
from exptui.export import SCHEMA, dumps, run_document, series_document, write_csv
from exptui.locate import runs_directory
from exptui.query import parse
from exptui.records import Problem, RunRecord
from exptui.side import final_value
from exptui.store import Store
from exptui_tui.commands.output import width, write_lines
from exptui_tui.format import Line, number, safe
from exptui_tui.present import runs as present
from exptui_tui.session import Session, read_directory


def run_list(options: argparse.Namespace) -> int:
    wanted = parse(options.query or "")
    session = read_directory(runs_directory(options.root))
    found = [run for run in _sorted(session.store, options.sort) if wanted(run)]
    metric = (options.sort or "").removeprefix("-")
    if options.json:
        print(dumps({"schema": SCHEMA, "root": session.root, "runs": [run_document(run) for run in found]}))
    elif options.csv:
        write_csv(found, sys.stdout)
    else:
        _print_table(session, found, metric)
    return 0


def _sorted(store: Store, key: str | None) -> list[RunRecord]:
    """By one of the list's own orders or by a metric's last value, the best or newest first; "-" turns it round."""
    backwards = key is not None and key.startswith("-")
    name = (key or "age").removeprefix("-")
    if name in present.SORTS:
        metric = next(iter(present.choose_metrics(store)), None)
        found = present.ordered(store, name, metric, store.baseline)
    elif any(name in present.metric_names(run) for run in store):
        metric, name = name, "metric"
        found = present.ordered(store, name, metric, store.baseline)
    elif len(store):
        raise ExptuiError(f"--sort {key}: neither one of {', '.join(present.SORTS)} nor a metric of these runs")
    else:
        return []
    if not backwards:
        return found
    if name != "metric" or metric is None:
        return found[::-1]
    known = [run for run in found if present.has_finite(run, metric)]
    return known[::-1] + found[len(known) :]


def _print_table(session: Session, found: Sequence[RunRecord], metric: str) -> None:
    store, columns = session.store, width()
    metrics = present.choose_metrics(store, metric)
    view = present.RunsView(metrics, store.baseline, {}, time.time())
    names = [safe(run.name) for run in found]
    layout = present.layout(columns, metrics, names, compared=store.baseline is not None)
    layout = replace(layout, verdict=0)  # a verdict takes reading data files: `exptui compare` does that
    if found:
        write_lines([present.heading(layout, view), *(present.row(run, layout, view) for run in found)])
    else:
        print(f"no runs in {safe(session.root)}: train with exptui.init(), or name another directory")
    _warn(store.problems, found)


def _warn(problems: Sequence[Problem], found: Sequence[RunRecord]) -> None:
    for one in problems:
        print(f"exptui: {safe(one.path or '.')}: {safe(one.what, 400)}", file=sys.stderr)
    flawed = sum(bool(run.problems) for run in found)
    if flawed:
        print(f"exptui: {flawed} run(s) could not be read in full; `exptui show RUN` says why", file=sys.stderr)


def run_show(options: argparse.Namespace) -> int:
    session = read_directory(runs_directory(options.root))
    run = session.store.find(options.run)
    if options.json:
        document = run_document(run)
        if options.series:
            document["series"] = series_document(_with_points(session, run.id).store.series(run.id))
        print(dumps({"schema": SCHEMA, **document}))
        return 0
    from exptui_tui.present.run import run as overview

    write_lines(overview(run, width(), time.time()))
    if options.series:
        _print_points(_with_points(session, run.id).store, run)
    return 0


def _with_points(session: Session, run_id: str) -> Session:
    return read_directory(session.root, [run_id])


def _print_points(store: Store, run: RunRecord) -> None:
    for name, series in store.series(run.id).items():
        lines: list[Line] = [(("", ""),), ((safe(name), "title"), (f"  final {final_value(run, name)}", "dim"))]
        lines += [
            ((f"{number(step, 17):>12}  {value!r}", ""),) for step, value in zip(series.step, series.value, strict=True)
        ]
        write_lines(lines)
