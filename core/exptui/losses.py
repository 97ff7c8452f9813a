"""What a recorder could not keep: counted, and said once for each kind, never raised."""

from __future__ import annotations

import sys
import threading
import warnings

MOST_NAMES = 100
OTHERS = "<others>"


class Losses:
    """Counts of one run's lost records and values, and the kinds of trouble already warned about."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._lock = threading.RLock()
        self._records = 0
        self._values: dict[str, int] = {}

    def record(self, why: str) -> None:
        """Count a record that is lost; the first one is warned about."""
        with self._lock:
            self._records += 1
        self.say("record", f"a record is lost: {why}; more may follow")

    def value(self, name: str) -> None:
        """Count a metric's value that is no number; each name's first is warned about, for 100 names."""
        with self._lock:
            if name not in self._values and len(self._values) >= MOST_NAMES:
                name = OTHERS
            self._values[name] = self._values.get(name, 0) + 1
        self.say(f"value {name}", f"metric {name!r}: a value that is no number is not recorded")

    def counts(self) -> dict[str, object]:
        """What run.json says under "dropped"; empty when nothing is lost."""
        with self._lock:
            found: dict[str, object] = {}
            if self._records:
                found["records"] = self._records
            if self._values:
                found["values"] = dict(self._values)
            return found

    def say(self, kind: str, text: str) -> None:
        """Warn, once for each kind. Takes no lock, so that a forked child may call it."""
        if kind in self._said:
            return
        self._said.add(kind)
        try:
            warnings.warn(f"exptui: {text}", RuntimeWarning, stacklevel=_steps_to_caller())
        except Exception as error:  # warnings may be errors here, but a recorder must not end a training
            try:
                print(error, file=sys.stderr)
            except Exception:
                pass


def words(error: BaseException) -> str:
    """An exception in one line; its own __str__ may raise."""
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except Exception:
        return type(error).__name__


def _steps_to_caller() -> int:
    """How far up, counted from say(), the first frame outside this package is: there the warning points."""
    frame, steps = sys._getframe(1), 1
    package = __name__.partition(".")[0] + "."
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(package):
        frame, steps = frame.f_back, steps + 1
    return steps
