"""Sacred's FileStorageObserver: a numbered directory of documents that are rewritten in place every ten seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from exptui.formats.base import ColumnBuilder, Delta, FileSign, Folder, Reader, Source
from exptui.formats.documents import Documents, History
from exptui.formats.plain import items, mapping, moment, text
from exptui.formats.rows import as_number
from exptui.records import Points, RunFacts, Signs, Status

_RUN, _CONFIG, _METRICS, _INFO, _CONSOLE = "run.json", "config.json", "metrics.json", "info.json", "cout.txt"

_ENDS: dict[str, Status] = {
    "COMPLETED": "finished", "FAILED": "failed", "INTERRUPTED": "interrupted", "TIMEOUT": "interrupted",
}  # fmt: skip

_ANY_ZONE = 15 * 3600.0
"""Sacred's times bear no zone: two clocks are surely apart only when they differ by more than any zone does."""


class SacredFormat:
    name = "sacred"
    owns_folder = True

    def find(self, folder: Folder) -> Iterator[Source]:
        if not {_RUN, _CONFIG} <= folder.files.keys():
            return
        if _CONSOLE in folder.files or b'"experiment"' in folder.head(_RUN):
            names = (_RUN, _CONFIG, _METRICS, _INFO, _CONSOLE)
            files = {folder.below(name): folder.files[name] for name in names if name in folder.files}
            yield Source(folder.path or ".", self, files)

    def reader(self, root: str, source: Source) -> Reader:
        return SacredReader(root, source.path)


class SacredReader:
    def __init__(self, root: str, path: str) -> None:
        self._prefix = "" if path == "." else f"{path}/"
        self._documents = Documents(root)
        self._history = History()
        self._console: str | None = None

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        delta = Delta()
        metrics = self._prefix + _METRICS
        if self._documents.refresh([metrics], files):
            self._history.advance(_points(self._documents.value(metrics)), delta)
            self._documents.value(metrics).clear()  # the columns are much smaller
        changed = self._documents.refresh([self._prefix + name for name in (_RUN, _CONFIG, _INFO)], files)
        path = self._prefix + _CONSOLE
        console = path if path in files else ""
        if changed or console != self._console:
            delta.facts = self._facts(console or None)
            self._console = console
        run = self._prefix + _RUN
        delta.signs = _signs(self._documents.value(run), files.get(run))
        self._documents.report(delta, files)
        yield delta

    def _facts(self, console: str | None) -> RunFacts:
        run, config, info = (self._documents.value(self._prefix + name) for name in (_RUN, _CONFIG, _INFO))
        experiment, options = mapping(run.get("experiment")), mapping(mapping(run.get("meta")).get("options"))
        result = run.get("result")
        return RunFacts(
            name=text(experiment.get("name")) or "",
            params={name: plain(value) for name, value in config.items()},
            notes=text(mapping(run.get("meta")).get("comment")) or text(options.get("--comment")) or "",
            created=moment(run.get("start_time")),
            summary={**({} if result is None else {"result": plain(result)}), **_scalars(info)},
            environment=_environment(mapping(run.get("host")), experiment),
            artifacts=tuple({"name": name} for one in items(run.get("artifacts")) if (name := _artifact(one))),
            console=console,
        )


def _points(document: Mapping[str, Any]) -> dict[str, Points]:
    builder = ColumnBuilder()
    for name, told in document.items():
        series = mapping(told)
        steps, values = items(series.get("steps")), items(series.get("values"))
        moments = items(series.get("timestamps"))
        column = builder.column(name)
        for at, (step, value) in enumerate(zip(steps, values, strict=False)):
            numbers = as_number(plain(step)), as_number(plain(value))
            if numbers[0] is not None and numbers[1] is not None:
                column[0].append(numbers[0])
                column[1].append(numbers[1])
                found = moment(moments[at]) if at < len(moments) else None
                column[2].append(float("nan") if found is None else found)
    return builder.points()


def plain(value: Any, depth: int = 0) -> Any:
    """A value without what jsonpickle wraps it in: numpy's numbers and arrays, tuples. Nothing is unpickled."""
    if isinstance(value, dict) and depth < 16:
        if "py/tuple" in value or "py/set" in value:
            value = value.get("py/tuple", value.get("py/set"))
        elif "value" in value and any(key.startswith("py/") for key in value):
            return plain(value["value"], depth + 1)
        else:
            return {key: plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list) and depth < 16:
        return [plain(one, depth + 1) for one in value]
    return value


def _scalars(info: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: plain(value) for name, value in info.items()}
    return {name: value for name, value in found.items() if isinstance(value, str | int | float)}


def _environment(host: Mapping[str, Any], experiment: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "host": host.get("hostname"),
        "python": host.get("python_version"),
        "cpu": host.get("cpu"),
        "packages": [one for one in items(experiment.get("dependencies")) if isinstance(one, str)] or None,
    }
    for repository in map(mapping, items(experiment.get("repositories"))[:1]):
        told |= {"git.commit": repository.get("commit"), "git.dirty": repository.get("dirty")}
    return {name: value for name, value in told.items() if value is not None}


def _artifact(entry: object) -> str | None:
    """Sacred has written the bare name, and an object that holds it."""
    return text(entry) or text(mapping(entry).get("name"))


def _signs(run: Mapping[str, Any], sign: FileSign | None) -> Signs:
    status = text(run.get("status")) or ""
    end = _ENDS.get(status)
    trace = [line for one in items(run.get("fail_trace")) if isinstance(one, str) for line in one.splitlines()]
    cause = next((line.strip() for line in reversed(trace) if line.strip()), "")
    return Signs(
        end=end,
        end_said=f"run.json says {status}" + (f": {cause}" if cause else "") if end else "",
        heartbeat=_heartbeat(run, sign) if status == "RUNNING" else None,
        marks_end=status == "RUNNING",
    )


def _heartbeat(run: Mapping[str, Any], sign: FileSign | None) -> float | None:
    """When run.json was last written: the beat and the file's time are one, unless the file is a later copy."""
    written = sign.mtime_ns / 1e9 if sign else None
    told = moment(run.get("heartbeat"))
    if written is None or (told is not None and written - told > _ANY_ZONE):
        return told
    return written


SACRED = SacredFormat()
