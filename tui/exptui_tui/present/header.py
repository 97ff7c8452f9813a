"""The top line: where we are, whether everything is alive, and what the baseline is."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

from exptui.records import Progress, RunRecord
from exptui_tui.format import Line, Span, justified, safe

_COUNTED = (("running", "good"), ("stalled", "warn"), ("crashed", "bad"), ("failed", "bad"))


def header(
    root: str, runs: Iterable[RunRecord], baseline: RunRecord | None, progress: Progress, width: int, stale: str
) -> Line:
    """One line of `width` cells. `stale` says since when the directory cannot be read, if that is so."""
    counts = Counter(run.status for run in runs)
    total = sum(counts.values())
    parts: list[Span] = [(f"{total} run{'s' if total != 1 else ''}", "")]
    for status, style in _COUNTED:
        if counts[status]:  # type: ignore[index]
            parts += [(" · ", "dim"), (f"{counts[status]} {status}", style)]  # type: ignore[index]
    if stale:
        why = stale.removeprefix(f"{root}: ").partition(";")[0]
        parts += [(" · ", "dim"), (safe(why, 60), "bad")]
    elif not progress.caught_up:
        # A share in whole percent changes a hundred times at most, whatever the number of runs.
        share = f" {100 * progress.read // progress.total}% of {progress.total}" if progress.total else ""
        parts += [(" · ", "dim"), (f"reading{share}", "accent")]
    base = safe(baseline.name, 28) if baseline else "none (b sets it)"
    left = [(" exptui ", "title"), (" " + safe(home(root), max(12, width // 3)) + "   ", ""), *parts]
    return justified(left, [("baseline ", "dim"), (base, "accent" if baseline else "dim"), ("  ? help ", "dim")], width)


def home(path: str) -> str:
    """A path with the home directory as "~"."""
    user = os.path.expanduser("~")
    return "~" + path[len(user) :] if path == user or path.startswith(user + os.sep) else path
