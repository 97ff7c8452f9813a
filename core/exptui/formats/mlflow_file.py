"""MLflow's file store: a directory a run with meta.yaml, and one small file a metric, a param and a tag."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from exptui.formats.base import Delta, FileSign, Folder, Reader, Source
from exptui.formats.documents import Document, read_bytes
from exptui.formats.metriclines import MetricLines
from exptui.formats.mlflow_facts import facts_of, signs_of
from exptui.records import Problem
from exptui.tail import Restarted

_META = "meta.yaml"
_METRICS, _PARAMS, _TAGS = _PARTS = ("metrics", "params", "tags")

_RUN_META = re.compile(rb"(?m)^(run_uuid:|(?=[\s\S]*^lifecycle_stage:)run_id:)")
_DELETED = re.compile(rb"(?m)^lifecycle_stage: *[\"']?deleted\b")
_RUN_NAME = re.compile(r"[0-9a-f]{32}")

_LONGEST_TEXT = 1 << 16
_MOST_FILES = 20_000


class MlflowFileFormat:
    name = "mlflow_file"
    owns_folder = True

    def find(self, folder: Folder) -> Iterator[Source]:
        if not self._is_run(folder):
            return
        files = {folder.below(_META): folder.files[_META]} if _META in folder.files else {}
        for part in _PARTS:
            files.update(folder.tree(part))
        if files:
            yield Source(folder.path or ".", self, files)

    def _is_run(self, folder: Folder) -> bool:
        """Models, traces and experiments have a meta.yaml too. A run's own may be empty after a crash, or missing."""
        parts = folder.folders.intersection(_PARTS)
        head = folder.head(_META) if _META in folder.files else b""
        if _RUN_META.search(head):
            return not _DELETED.search(head)
        named = _RUN_NAME.fullmatch(folder.path.rpartition("/")[2]) is not None
        return len(parts) == 3 and (named or (_META in folder.files and not head.strip()))

    def reader(self, root: str, source: Source) -> Reader:
        return MlflowFileReader(root, source.path)


class MlflowFileReader:
    def __init__(self, root: str, path: str) -> None:
        self._root = root
        self._prefix = "" if path == "." else f"{path}/"
        self._id = path.rpartition("/")[2]
        self._meta = Document(root, self._prefix + _META)
        above = os.path.dirname(path)
        self._experiment = Document(root, f"{above}/{_META}" if above else _META) if path != "." else None
        self._texts: dict[str, tuple[FileSign, str]] = {}
        self._metrics: dict[str, MetricLines] = {}
        self._told = False

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        delta = Delta()
        problems: list[Problem] = []
        self._read_facts(files, delta, problems)
        self._read_metrics(budget, delta, problems)
        delta.problems = tuple(problems)
        yield delta

    def _read_facts(self, files: Mapping[str, FileSign], delta: Delta, problems: list[Problem]) -> None:
        changed = self._meta.refresh(files)
        if self._meta.problem:
            problems.append(self._meta.problem)
        elif not self._meta.known and self._meta.path not in files:
            problems.append(Problem(self._meta.path, None, "missing; only metrics, params and tags are known"))
        if self._experiment is not None:
            changed = self._experiment.refresh(_signed(self._root, self._experiment.path)) or changed
        params, params_changed = self._read_texts(_PARAMS, files, delta, problems)
        tags, tags_changed = self._read_texts(_TAGS, files, delta, problems)
        delta.failed = delta.failed or self._meta.failed
        if changed or params_changed or tags_changed or not self._told:
            fields = {"run_id": self._id, **self._meta.value} if self._id != "." else self._meta.value
            group = self._experiment.value.get("name") if self._experiment else None
            delta.facts = facts_of(fields, params, tags, group if isinstance(group, str) else None)
            delta.signs = signs_of(self._meta.value, _META)
            self._told = True

    def _read_texts(
        self, part: str, files: Mapping[str, FileSign], delta: Delta, problems: list[Problem]
    ) -> tuple[dict[str, str], bool]:
        """The texts of all params or all tags by their keys, and whether one of them is new or gone."""
        prefix = f"{self._prefix}{part}/"
        found, changed = sorted(path for path in files if path.startswith(prefix)), False
        for path in found:
            sign = files[path]
            if path in self._texts and self._texts[path][0] == sign:
                continue
            try:
                raw = read_bytes(f"{self._root}/{path}", _LONGEST_TEXT)
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                delta.failed = delta.failed or isinstance(error, OSError)
                problems.append(Problem(path, None, f"cannot be read: {getattr(error, 'strerror', None) or error}"))
                continue
            self._texts[path] = sign, raw.decode("utf-8", "replace").removesuffix("\n")
            changed = True
        for path in [path for path in self._texts if path.startswith(prefix) and path not in files]:
            del self._texts[path]
            changed = True
        return {path.removeprefix(prefix): self._texts[path][1] for path in found if path in self._texts}, changed

    def _read_metrics(self, budget: int, delta: Delta, problems: list[Problem]) -> None:
        """What is new in every metric file until the budget is spent. A file that vanished voids what was read. The
        directory is listed anew each time: a metric that is logged for the first time is there before the next scan."""
        found = _walk(self._root, self._prefix + _METRICS)
        prefix = f"{self._prefix}{_METRICS}/"
        if any(_is_gone(f"{self._root}/{path}") for path in self._metrics.keys() - found.keys()):
            self._start_over(delta)
        for path, sign in found.items():
            lines = self._metrics.get(path)
            if lines is None:
                lines = self._metrics[path] = MetricLines(f"{self._root}/{path}", path)
            if budget <= 0 and lines.unread(sign):
                delta.more = True
            elif lines.unread(sign):
                try:
                    budget -= self._read_metric(path.removeprefix(prefix), lines, sign, budget, delta)
                except Restarted:
                    self._start_over(delta)
                    return
                except OSError as error:
                    delta.failed = True
                    problems.append(Problem(path, None, f"cannot be read: {error.strerror or error}"))
            problems.extend(lines.problems())

    def _read_metric(self, name: str, lines: MetricLines, sign: FileSign, budget: int, delta: Delta) -> int:
        points, taken, more = lines.read(sign, budget)
        if len(points):
            delta.points[os.fsencode(name).decode("utf-8", "replace")] = points
        delta.more = delta.more or more
        return taken

    def _start_over(self, delta: Delta) -> None:
        self._metrics = {}
        delta.points = {}
        delta.restarted = delta.more = True


def _signed(root: str, path: str) -> dict[str, FileSign]:
    try:
        status = os.lstat(f"{root}/{path}")
    except OSError:
        return {}
    return {path: FileSign(status.st_ino, status.st_size, status.st_mtime_ns)}


def _is_gone(path: str) -> bool:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return True
    except OSError:
        pass
    return False


def _walk(root: str, top: str) -> dict[str, FileSign]:
    """All regular files below a directory, sorted by path: a metric may be called anything, so no name is left out."""
    found: dict[str, FileSign] = {}
    waiting = [top]
    while waiting and len(found) < _MOST_FILES:
        folder = waiting.pop()
        try:
            with os.scandir(f"{root}/{folder}") as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(path)
                    elif entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        found[path] = FileSign(status.st_ino, status.st_size, status.st_mtime_ns)
        except OSError:
            continue
    return dict(sorted(found.items()))


MLFLOW_FILE = MlflowFileFormat()
