"""A run's state is a judgement from evidence: end mark > live process > freshness of the newest write > unknown."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import replace

from exptui.records import FINAL, RunRecord, Signs, Status
from exptui.rundir import process_started

FRESH = 60.0
"""Seconds of silence that every running writer may take (buffers, long steps)."""

GIVEN_UP = 600.0
"""Seconds of silence after which a run without a live process is no longer taken for running."""

RHYTHM_FACTOR = 10.0
"""A run is stalled when it is silent for this many of its own usual gaps."""


def judge(signs: Signs, now: float) -> tuple[Status, str]:
    """The state and one sentence of evidence for it."""
    if signs.end is not None:
        return signs.end, signs.end_said or f"its files say {signs.end}"
    alive = process_alive(signs)
    if alive is False:
        return "crashed", f"process {signs.pid} is gone and left no end mark"
    silence = _silence(signs.last_write, now)
    beat = _silence(signs.heartbeat, now)
    if alive or (beat is not None and beat <= FRESH):
        said = f"process {signs.pid} is alive" if alive else f"heartbeat {_age(beat or 0.0)} ago"
        return _alive(signs, silence, said)
    return _silent(signs, silence, beat)


def aged(records: Iterable[RunRecord], now: float) -> list[RunRecord]:
    """Those whose state is another one by now, with that state."""
    found = []
    for record in records:
        if record.status not in FINAL:
            status, evidence = judge(record.signs, now)
            if status != record.status:
                found.append(replace(record, status=status, status_evidence=evidence))
    return found


def _alive(signs: Signs, silence: float | None, said: str) -> tuple[Status, str]:
    if silence is None:
        return "running", f"{said}, nothing logged yet"
    patience = _patience(signs)
    if silence > patience:
        usual = f", usual gap {_age(signs.rhythm)}" if signs.rhythm else ""
        return "stalled", f"silent for {_age(silence)}{usual}; {said}"
    return "running", f"{said}, last write {_age(silence)} ago"


def _silent(signs: Signs, silence: float | None, beat: float | None) -> tuple[Status, str]:
    quiet = min((s for s in (silence, beat) if s is not None), default=None)
    if quiet is None:
        return "unknown", "nothing written yet and no end mark"
    # A writer with a heartbeat is heard between its points, however far apart they are.
    if quiet <= (_patience(signs) if beat is None else max(FRESH, signs.patience or 0.0)):
        return "running", f"last write {_age(quiet)} ago"
    if signs.marks_end and quiet > (FRESH if signs.patience is None else GIVEN_UP):
        return "crashed", f"no end mark and no sign of life for {_age(quiet)}"
    if quiet <= GIVEN_UP and (signs.rhythm or signs.marks_end):
        usual = f", usual gap {_age(signs.rhythm)}" if signs.rhythm else ""
        return "stalled", f"silent for {_age(quiet)}{usual}"
    return "unknown", f"last write {_age(quiet)} ago; {signs.end_said or 'this format marks no end'}"


def _patience(signs: Signs) -> float:
    return max(FRESH, signs.patience or 0.0, RHYTHM_FACTOR * (signs.rhythm or 0.0))


def _silence(moment: float | None, now: float) -> float | None:
    """Seconds since a moment; a moment in the future (clock skew between hosts) counts as now."""
    return None if moment is None else max(0.0, now - moment)


def process_alive(signs: Signs) -> bool | None:
    """Whether the run's process lives, or None when that cannot be told from here."""
    if signs.pid is None or signs.host != socket.gethostname():
        return None
    try:
        os.kill(signs.pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return None
    started = process_started(signs.pid)
    reused = signs.pid_started is not None and started is not None and abs(started - signs.pid_started) > 2.0
    return not reused


def _age(seconds: float) -> str:
    """A short age: "12s", "4m", "3h", "2d"."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s" if seconds >= 1 else "1s"
