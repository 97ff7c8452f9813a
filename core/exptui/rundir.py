"""The native run directory: what its files are called and how values are written in them.

    <runs>/<run id>/run.json        what is known about the run; always replaced whole, never half written
                    metrics.jsonl   one record a line, only ever appended to
                    console.log     what the training printed, where something captured it

`run.json` says "running" until the run ends. While it says so, the recorder renews "heartbeat", and
"env" names host, pid and the process's start, from which a reader can tell that a run died.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Mapping

from exptui.scalars import name_of, number, spelled

SCHEMA = "exptui/1"
RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
CONSOLE_FILE = "console.log"
RUNS_VARIABLE = "EXPTUI_RUNS"
DEFAULT_RUNS = "runs"
HEARTBEAT_SECONDS = 5.0

RUNNING = "running"
ENDINGS = ("finished", "failed", "killed")
"""How `status` in run.json can end; "killed" means stopped from outside while able to say so (Ctrl-C)."""

STEP = "step"
TIME = "time"
SESSION = "session"
"""In metrics.jsonl: the key of the text that the first line carries; it differs each time a file is begun."""

LONGEST_ID = 128
LONGEST_TEXT = 10_000
LONGEST_REPR = 1_000
MOST_VALUES = 10_000
MOST_CHARACTERS = 250_000
DEEPEST = 20

_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def new_run_id(now: float | None = None) -> str:
    """A run id such as "20261124-171522-ab12cd": UTC date and time, then six random hexadecimal digits.

    Ids sort by time. `now` is in seconds since the epoch.
    """
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{os.urandom(3).hex()}"


def is_run_id(text: str) -> bool:
    """Whether `text` is safe as a run id and directory name: ASCII letters, digits and
    "._-", with no leading dot or dash, 128 characters at most."""
    return 0 < len(text) <= LONGEST_ID and text[0] not in ".-" and _ID_CHARACTERS.issuperset(text)


def create_run_directory(runs: str) -> tuple[str, str]:
    """Make a new directory below `runs`, which is made too where it is missing.

    Returns the run's id and the directory's path; two processes never get the same. Raises OSError.
    """
    os.makedirs(runs, exist_ok=True)
    for _ in range(100):
        run_id = new_run_id()
        path = os.path.join(runs, run_id)
        try:
            os.mkdir(path)
        except FileExistsError:
            continue
        return run_id, path
    raise FileExistsError(f"no free run id in {runs}")


def utc_text(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC with milliseconds."""
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{milliseconds:03d}+00:00"


def process_started(pid: int | None = None) -> float | None:
    """When a process of this host started (this one by default), in seconds since the epoch; None if unknown.

    With it a reader tells the recording process from a later one with the same pid. Allow 2 s between two
    answers: the boot time they rest on follows corrections of the clock.
    """
    try:
        with open(f"/proc/{'self' if pid is None else pid}/stat", "rb") as file:
            # the command's name may hold blanks and parentheses: count fields after the last one
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/stat", "rb") as file:
            booted = next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
        return round(booted + ticks / os.sysconf("SC_CLK_TCK"), 2)
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def environment() -> dict[str, object]:
    """Where this process runs: interpreter, host, user, pid, its start, and the platform."""
    system = os.uname()
    return {
        "python": sys.version.split()[0],
        "host": system.nodename,
        "user": os.environ.get("USER") or os.environ.get("LOGNAME"),
        "pid": os.getpid(),
        "pid_started": process_started(),
        "platform": f"{system.sysname}-{system.release}-{system.machine}",
    }


def write_atomically(path: str, data: bytes) -> None:
    """Replace the file at `path` by one that holds `data`; readers see the old or the new, never a part.

    Not synced to the device: after a power failure either may be there. Raises OSError, and then the old
    file stands.
    """
    folder, name = os.path.split(path)
    scratch = os.path.join(folder, f".{name}.{os.urandom(4).hex()}.tmp")
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            write_whole(descriptor, data)
        finally:
            os.close(descriptor)
        os.replace(scratch, path)
    except BaseException:
        try:
            os.unlink(scratch)
        except OSError:
            pass
        raise


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of `data`, in one system call unless the system takes only a part. Raises OSError."""
    written = os.write(descriptor, data)
    while written < len(data):
        more = os.write(descriptor, data[written:])
        if not more:
            raise OSError("the system takes no more bytes")
        written += more


def encode_value(value: object) -> str:
    """`value` as JSON text, whatever it is; never raises for a value's sake.

    Keys become text. Numbers that JSON lacks become "NaN", "Infinity" and "-Infinity". Numpy and tensor
    scalars become numbers, sets and tuples lists, paths text, and anything else its repr() cut at 1,000
    characters. Text is cut at 10,000 characters; nesting beyond 20 levels, a container inside itself, and
    what follows after 10,000 values or 250,000 characters are replaced by a mark.
    """
    return json.dumps(_Encoder().plain(value, ()))


class _Encoder:
    """Turns one value into what `json` can write; remembers how much room is left for it."""

    def __init__(self) -> None:
        self._values = MOST_VALUES
        self._characters = MOST_CHARACTERS

    def plain(self, value: object, above: tuple[int, ...]) -> object:
        try:
            return self._plain(value, above)
        except Exception:  # a value whose own methods raise must not cost the others
            return f"<unreadable {type(value).__name__}>"

    def _plain(self, value: object, above: tuple[int, ...]) -> object:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(str.__str__(value), LONGEST_TEXT)
        if isinstance(value, (Mapping, list, tuple, set, frozenset)):
            return self._container(value, above)
        if isinstance(value, os.PathLike):
            return self._text(str(os.fspath(value)), LONGEST_TEXT)
        found = number(value)
        if found is not None:
            return found if math.isfinite(found) else spelled(found)
        if isinstance(value, (bytes, bytearray)):
            value = bytes(value[:LONGEST_REPR])  # repr() of all of it could be four times as large
        return self._text(repr(value), LONGEST_REPR)

    def _container(self, value: object, above: tuple[int, ...]) -> object:
        if id(value) in above:
            return "<inside itself>"
        if len(above) >= DEEPEST:
            return "<nested too deep>"
        above = (*above, id(value))
        if isinstance(value, Mapping):
            pairs: dict[str, object] = {}
            for key, inner in list(value.items()):
                if self._is_full():
                    pairs["<cut>"] = len(value) - len(pairs)
                    break
                pairs[self._text(name_of(key), LONGEST_TEXT)] = self.plain(inner, above)
            return pairs
        listed: list[object] = []
        for inner in value:  # type: ignore[attr-defined]
            if self._is_full():
                listed.append("<cut>")
                break
            listed.append(self.plain(inner, above))
        return listed

    def _text(self, text: str, longest: int) -> str:
        text = text[:longest]
        self._characters -= len(text)
        return text

    def _is_full(self) -> bool:
        self._values -= 1
        return self._values < 0 or self._characters < 0
