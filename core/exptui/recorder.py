"""Record a training: ``run = exptui.init(...)``, ``run.log({...})``, ``run.finish()``.

A training never stops because of its recorder. Whatever goes wrong in here (a full disk, a deleted directory,
a value that is no number) is warned about once for each kind and counted in run.json under "dropped".
Importing this module costs next to nothing: what recording needs is imported by the first ``init``.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Literal, SupportsFloat

    from exptui.losses import Losses
    from exptui.writer import Writer

_open: list[Run] = []
_watching_exit = False


def init(
    runs: str | os.PathLike[str] | None = None,
    name: str | None = None,
    hypothesis: str | None = None,
    params: Mapping[str, Any] | object | None = None,
    tags: Iterable[str] = (),
    data: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    group: str | None = None,
    parent: str | None = None,
    *,
    notes: str = "",
    goals: Mapping[str, Literal["min", "max"]] | None = None,
    evaluation: Mapping[str, Any] | None = None,
    requires_infra: Iterable[str] = (),
    heartbeat: float = 5.0,
) -> Run:
    """Begin a run in a new directory below `runs` ($EXPTUI_RUNS, else "runs", by default).

    `name` is shown instead of the id. `hypothesis` says what the run is to show. `params` is a mapping, a
    dataclass or an argparse namespace. `data` is the path of the data the run uses, or a mapping with
    "current", "reference", "columns", "sha256" and further named files; paths are kept as given, together
    with the working directory. `group` names the experiment the run is part of, `parent` the id of the run
    it continues. `goals` says of metrics whether "min" or "max" is better. `evaluation` names the evaluation
    set ("dataset", "split", "version"), and `requires_infra` what the run needs. `heartbeat` is in seconds.

    Never raises. Where no directory can be made there is one warning, and the Run records nothing.

    Use it as a context manager, or call `finish`: a process that ends without either leaves "finished", or
    "failed" after an uncaught exception, but cannot tell ``sys.exit(1)`` from success. Only the calling
    process records: a forked child, and each rank of a distributed training, needs an ``init`` of its own.
    """
    from exptui.losses import Losses, words

    losses = Losses()
    try:
        from exptui import declare, rundir
        from exptui.writer import Writer

        folder = os.fspath(runs or os.environ.get(rundir.RUNS_VARIABLE) or rundir.DEFAULT_RUNS)
        run_id, path = rundir.create_run_directory(os.path.abspath(folder))
        told = declare.facts(
            losses,
            name=name,
            hypothesis=hypothesis,
            params=params,
            tags=tags,
            data=data,
            group=group,
            parent=parent,
            notes=notes,
            goals=goals,
            evaluation=evaluation,
            requires_infra=requires_infra,
        )
        writer = Writer(path, {"id": run_id, **told}, losses, heartbeat)
        run = Run(run_id, path, str(told.get("name") or run_id), losses, writer)
        _finish_at_exit(run)
        return run
    except Exception as error:
        losses.say("init", f"nothing is recorded: {words(error)}")
        return Run("unrecorded", "", "unrecorded", losses, None)


class Run:
    """One recorded run, made by `init`. It never raises for the recording's sake; threads may share it."""

    def __init__(self, run_id: str, path: str, name: str, losses: Losses, writer: Writer | None) -> None:
        self.id = run_id
        self.name = name
        self._path = path
        self._losses = losses
        self._writer = writer
        self._pid = os.getpid()
        self._finished = False
        self._foreign = False

    def __repr__(self) -> str:
        return f"<exptui run {self.id}{'' if self._writer else ' (not recorded)'}>"

    @property
    def path(self) -> Path:
        """The run's absolute directory, where checkpoints may go; a temporary one if nothing is recorded."""
        from pathlib import Path

        if not self._path:  # a training that saves a model there must not fail either
            import tempfile

            self._path = tempfile.mkdtemp(prefix="exptui-")
        return Path(self._path)

    def log(self, metrics: Mapping[str, Any], step: SupportsFloat | None = None) -> None:
        """Record metrics at `step`; without one, at the step after the last one, beginning at 0.

        Values may be Python, numpy, torch or jax scalars; booleans count as 0 and 1, and nested mappings
        become names with "/". What is no number is not recorded. A metric called "step" gives the step when
        none is passed; else it, like one called "time", is kept as "metric/step" or "metric/time". When this
        returns, the record survives the death of the process (but not of the machine: it is not synced).
        """
        writer = self._writer_here()
        if writer is None:
            return
        try:
            writer.log(metrics, step)  # type: ignore[arg-type]
        except Exception as error:
            self._lost(error)

    def artifact(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        """Note a file the run made: its path, size in bytes, and SHA-256 where it has 16 MiB or less.

        The file stays where it is. A second artifact of the same `name` (by default the file's name)
        replaces the first.
        """
        self._guarded("artifact", lambda writer: writer.artifact(os.fspath(path), name))

    def summary(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Declare final values, such as the test accuracy; later ones of the same name replace earlier."""
        self._guarded("summary", lambda writer: writer.summary({**dict(values or {}), **more}))

    def finish(self, status: Literal["finished", "failed", "killed"] = "finished") -> None:
        """End the run. The first call counts. Later records are dropped with a warning; a summary is not."""
        self._finish(status, None)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run: "finished", "killed" after Ctrl-C or an exit with 130 or 143, "failed" after any other
        exception or exit code. Exceptions pass."""
        self._finish(_status_after(error), error)

    def __deepcopy__(self, memo: dict[int, Any]) -> Run:
        return self  # a copied trainer records into the same run

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.id, self._path, self.name)

    def _finish(self, status: str, error: BaseException | None) -> None:
        if self._finished or os.getpid() != self._pid:
            return
        self._finished = True
        if self in _open:
            _open.remove(self)

        def end(writer: Writer) -> None:
            from exptui import declare

            writer.end(declare.ending(status, self._losses), declare.failure(error))

        self._guarded("finish", end)

    def _guarded(self, what: str, act: Callable[[Writer], None]) -> None:
        writer = self._writer_here()
        if writer is None:
            return
        try:
            act(writer)
        except Exception as error:
            from exptui.losses import words

            self._losses.say(what, f"{what}() failed: {words(error)}")

    def _lost(self, error: Exception) -> None:
        try:
            from exptui.losses import words

            self._losses.record(words(error))
        except Exception:  # out of memory, most likely
            pass

    def _writer_here(self) -> Writer | None:
        """What writes this run's files, where this process may: a forked child shares them with its parent
        and would speak in the parent's name."""
        if os.getpid() == self._pid and not self._foreign:
            return self._writer
        self._losses.say("elsewhere", "only the process that called init() records; others call it themselves")
        return None


def _unpickled(run_id: str, path: str, name: str) -> Run:
    """What a Run becomes in a process it is sent to, such as a data loader's: its names, but no recording."""
    from exptui.losses import Losses

    run = Run(run_id, path, name, Losses(), None)
    run._foreign = True
    return run


def _status_after(error: BaseException | None) -> str:
    if error is None:
        return "finished"
    if isinstance(error, SystemExit):
        # 128 + signal number, by which a handler of SIGINT or SIGTERM leaves
        if not error.code:
            return "finished"
        return "killed" if error.code in (130, 143) else "failed"
    return "killed" if isinstance(error, KeyboardInterrupt) else "failed"


def _finish_at_exit(run: Run) -> None:
    global _watching_exit
    if not _watching_exit:
        import atexit

        atexit.register(_finish_open)
        _watching_exit = True
    _open.append(run)


def _finish_open() -> None:
    # The interpreter keeps the exception it died of in sys.last_value, whoever replaced sys.excepthook; an
    # interactive session keeps every typing error there, which says nothing about its end.
    interactive = hasattr(sys, "ps1") or sys.flags.interactive
    error = None if interactive else getattr(sys, "last_value", None)
    for run in list(_open):
        run._finish(_status_after(error), error)
