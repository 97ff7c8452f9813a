"""Aim: names, tags and ends of runs are in an SQLite file; their values lie in RocksDB, which only Aim itself reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from exptui.formats.base import Delta, FileSign, Folder, Reader, Source
from exptui.formats.plain import moment, text
from exptui.formats.sqlite import Damaged, Database, Later
from exptui.records import Problem, RunFacts, Signs

_DATABASE = "run_metadata.sqlite"
_LIMIT = 10_000

_RUNS = f"""
    SELECT run.id, run.hash, run.name, run.description, run.created_at, run.finalized_at, experiment.name
    FROM run LEFT JOIN experiment ON experiment.id = run.experiment_id
    ORDER BY run.id LIMIT {_LIMIT}
"""
_TAGS = "SELECT run_tag.run_id, tag.name FROM run_tag JOIN tag ON tag.id = run_tag.tag_id ORDER BY tag.id"

_EXPORT = (
    "its values are in RocksDB, which only Aim reads. To see them here, export them with Aim: `aim storage reindex`, "
    "then in Python aim.Repo(PATH).query_metrics() and its dataframe() to a metrics.csv"
)


class AimFormat:
    name = "aim"
    owns_folder = True

    def find(self, folder: Folder) -> Iterator[Source]:
        if _DATABASE in folder.files and (os.path.basename(folder.path) == ".aim" or "seqs" in folder.folders):
            path = folder.below(_DATABASE)
            yield Source(folder.path or ".", self, {path: folder.files[_DATABASE]})

    def reader(self, root: str, source: Source) -> Reader:
        return AimReader(root, source.path)


class AimReader:
    def __init__(self, root: str, path: str) -> None:
        self._path = path
        self._database = _DATABASE if path == "." else f"{path}/{_DATABASE}"
        self._database_file = Database(f"{root}/{self._database}")
        self._told: set[str] = set()

    def read(self, files: Mapping[str, FileSign], budget: int) -> Iterator[Delta]:
        try:
            rows, tags = self._query()
        except (Later, Damaged, UnicodeError) as error:  # the last: what is wrong with it may be no text
            problem = Problem(self._database, None, f"cannot be read: {error}")
            self._told = self._told or {""}
            for run in self._told:
                yield Delta(run, problems=(problem,), failed=isinstance(error, Later))
            return
        finally:
            self._database_file.release()
        found = {str(row[1]) for row in rows}
        for run in self._told - found:
            yield Delta(run, gone=True)
        self._told = found
        for row in rows:
            run = str(row[1])
            yield Delta(run, facts=_facts(row, tags), signs=_signs(row), problems=(Problem(self._path, None, _EXPORT),))

    def _query(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Everything at once: a cursor that stays open would keep a training from writing."""
        with self._database_file.open() as session:
            return session.fetch(_RUNS), session.fetch(_TAGS)


def _facts(row: tuple[Any, ...], tags: list[tuple[Any, ...]]) -> RunFacts:
    number, run, name, description, created, _, experiment = row
    return RunFacts(
        tracker_id=text(run),
        name=text(name) or str(run),
        notes=text(description) or "",
        tags=tuple(str(tag) for owner, tag in tags if owner == number),
        group=text(experiment) if experiment != "default" else None,
        created=moment(created),
    )


def _signs(row: tuple[Any, ...]) -> Signs:
    finalized = row[5]
    if not finalized:
        return Signs()
    return Signs(end="finished", end_said="Aim finalized it")


AIM = AimFormat()
