"""Frozen values that cross threads: what is known about a run, and what a reader found new.

Everything here is plain data; nothing reads a file and nothing knows a screen.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Status = Literal["running", "finished", "failed", "crashed", "stalled", "interrupted", "unknown"]

FINAL: frozenset[Status] = frozenset({"finished", "failed", "interrupted"})
"""States that rest on a mark in the files and therefore do not age."""


class FileSign(NamedTuple):
    """What tells one state of a file from another: inode, size in bytes, mtime in nanoseconds."""

    inode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read. `path` is below the root; `offset` is in bytes, where one is known."""

    path: str
    offset: int | None
    what: str


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of one run. `count` has every point read, non-finite ones included, in file order;
    `last` is last in file order; `min` and `max` are over finite points (None when there are none)."""

    count: int
    last: float
    last_step: float
    first_step: float
    min: float | None
    min_step: float | None
    max: float | None
    max_step: float | None
    nan: int
    inf: int


@dataclass(frozen=True, slots=True)
class Points:
    """A stretch of one metric in file order; the three columns have one length. `time` is in seconds since
    the epoch, NaN where a point carries none, and None where the format carries none at all."""

    step: array[float]
    value: array[float]
    time: array[float] | None

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True, slots=True)
class Signs:
    """Evidence about a run's life, from which `status.judge` draws its conclusion.

    `end` is an end mark found in the files and `end_said` the words for it. Times are seconds since the
    epoch; `rhythm` is the run's own usual gap between points in seconds. `pid` counts on `host` only.
    `marks_end` says whether the format can mark an end at all, and `patience` how many seconds of silence the
    writer's own buffers explain.
    """

    end: Status | None = None
    end_said: str = ""
    heartbeat: float | None = None
    last_write: float | None = None
    rhythm: float | None = None
    pid: int | None = None
    pid_started: float | None = None
    host: str | None = None
    marks_end: bool = False
    patience: float | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """An image, table or sound that a run logged: `kind` is the tracker's word for it, `path` is below the root and
    None where it lies inside a log."""

    name: str
    step: float
    kind: str = "image"
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """A line that a run printed. `time` is in seconds since the epoch where it is known."""

    text: str
    time: float | None = None
    is_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What a run's files say about it besides points. Empty means: the files do not say.

    `tracker_id` is the id its tracker gave it.
    `summary` holds declared final values. `goals` maps metrics to "min" or "max". `evaluation` names the
    evaluation set (keys dataset, split, version). `requires_infra` lists infrastructure the run says it needs.
    `data` is the data declaration (keys current, reference, columns, sha256; other keys name further
    files) and `data_base` the directory that its relative paths start from. `console` is the path below the root
    of what the run printed, and `media` the images and the like that it logged.
    """

    tracker_id: str | None = None
    name: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    notes: str = ""
    hypothesis: str | None = None
    group: str | None = None
    parent: str | None = None
    created: float | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    goals: Mapping[str, str] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    requires_infra: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    data_base: str | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    artifacts: tuple[Mapping[str, Any], ...] = ()
    console: str | None = None
    media: tuple[Media, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord(RunFacts):
    """One run as the store, the index and every command know it. `path` is below the root, with "/"."""

    id: str
    format: str
    path: str
    status: Status = "unknown"
    status_evidence: str = ""
    updated: float | None = None
    metrics: Mapping[str, MetricSummary] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    signs: Signs = field(default_factory=Signs)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass over the directory is: runs read of runs to read. `caught_up` when nothing waits."""

    read: int
    total: int
    caught_up: bool


@dataclass(frozen=True, slots=True)
class SeriesChunk:
    """New points of one followed run, of its metrics and of its machine (`system`), and lines that it printed.
    `restart` means: forget what you have of this run."""

    points: Mapping[str, Points]
    restart: bool = False
    system: Mapping[str, Points] = field(default_factory=dict)
    console: tuple[ConsoleLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What changed since the batch before: whole records of changed runs, ids of runs that are gone, and
    the new points of the runs whose curves are wanted. `problems` are those of the directory as a whole."""

    records: tuple[RunRecord, ...] = ()
    gone: tuple[str, ...] = ()
    series: Mapping[str, SeriesChunk] = field(default_factory=dict)
    progress: Progress = Progress(0, 0, True)
    problems: tuple[Problem, ...] = ()
