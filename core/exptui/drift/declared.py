"""Which data files a run declares, and whether they may be read.

A declaration comes from a run's own files and is therefore not trusted: it may only point below the runs
directory or below a place the user named.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from exptui.errors import DataFileError
from exptui.records import RunRecord

ROOTS_VARIABLE = "EXPTUI_DATA_ROOTS"
_ENDINGS = (".parquet", ".npz", ".npy", ".csv", ".tsv", ".jsonl", ".ndjson")
_NO_FILES = frozenset({"columns", "sha256"})
_RUN = "run:"

FindRun = Callable[[str], RunRecord | None]


def default_roots() -> tuple[Path, ...]:
    """Where declared data may lie besides the runs directory: the working directory (unless that is "/",
    which would allow everything) and the directories in $EXPTUI_DATA_ROOTS."""
    here = Path.cwd()
    named = [Path(part).expanduser() for part in os.environ.get(ROOTS_VARIABLE, "").split(os.pathsep) if part]
    return (*([here] if here != Path(here.anchor) else []), *named)


def declared_files(record: RunRecord, runs_root: Path, extra_roots: Sequence[Path] = ()) -> dict[str, Path]:
    """Declared names ("current", "reference" and others) with the existing regular files they stand for.

    Without a declaration of its own a name is looked for as `data/current.*` and `data/reference.*` in the
    run's directory. A reference to another run ("run:<id>") is no file and is left out. Empty `extra_roots`
    means `default_roots()`. DataFileError when a declared file is missing, no regular file, or lies outside
    the runs directory and `extra_roots`.
    """
    names = [name for name in record.data if name not in _NO_FILES]
    names += [name for name in ("current", "reference") if name not in record.data]
    found = {name: _declared_file(record, name, runs_root, extra_roots) for name in names}
    return {name: path for name, path in found.items() if path is not None}


def training_pair(
    candidate: RunRecord,
    baseline: RunRecord | None,
    runs_root: Path,
    extra_roots: Sequence[Path],
    find_run: FindRun,
) -> tuple[Path, Path]:
    """The files to compare for a candidate, as (reference, current).

    The reference is the one the candidate declares (a path, or "run:<id>" for that run's current data),
    else a reference file in its directory, else the baseline's current data. DataFileError when either
    side declares no data, or as in `declared_files`.
    """
    current = _current_data(candidate, runs_root, extra_roots)
    declared = _declaration(candidate, "reference")
    if declared is not None and declared.startswith(_RUN):
        other = find_run(declared.removeprefix(_RUN).strip())
        if other is None:
            raise DataFileError(f"run {_name(candidate)} declares {declared!r} as reference: no such run")
        return _current_data(other, runs_root, extra_roots), current
    reference = _declared_file(candidate, "reference", runs_root, extra_roots)
    if reference is not None:
        return reference, current
    if baseline is None:
        raise DataFileError(
            f"run {_name(candidate)} declares no reference data and there is no baseline to take them from"
        )
    return _current_data(baseline, runs_root, extra_roots), current


def column_overrides(record: RunRecord) -> dict[str, str]:
    """Types the run declares for its columns, to go into `DriftSettings.columns`."""
    columns = record.data.get("columns")
    if not isinstance(columns, Mapping):
        return {}
    return {str(name): str(kind) for name, kind in columns.items()}


def _current_data(record: RunRecord, runs_root: Path, extra_roots: Sequence[Path]) -> Path:
    path = _declared_file(record, "current", runs_root, extra_roots)
    if path is None:
        raise DataFileError(f'run {_name(record)} declares no data; declare them with exptui.init(data="train.csv")')
    return path


def _declared_file(record: RunRecord, name: str, runs_root: Path, extra_roots: Sequence[Path]) -> Path | None:
    declared = _declaration(record, name)
    home = _run_directory(record, runs_root)
    if declared is None:
        places = [home / "data" / f"{name}{ending}" for ending in _ENDINGS]
        place = next((place for place in places if os.path.lexists(place)), None)
        return None if place is None else _checked(record, place, runs_root, extra_roots)
    if declared.startswith(_RUN):
        return None
    base = home if record.data_base is None else runs_root / record.data_base
    return _checked(record, base / declared, runs_root, extra_roots)


def _declaration(record: RunRecord, name: str) -> str | None:
    value: Any = record.data.get(name)
    if isinstance(value, Mapping):
        value = value.get("path")
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise DataFileError(f"run {_name(record)}: data entry {name!r} is not a path")
    return value


def _run_directory(record: RunRecord, runs_root: Path) -> Path:
    home = runs_root / record.path
    return home.parent if home.is_file() else home


def _checked(record: RunRecord, path: Path, runs_root: Path, extra_roots: Sequence[Path]) -> Path:
    """The path with symbolic links resolved, once it is known to be a regular file in an allowed place."""
    try:
        real = path.resolve()
        roots = [root.expanduser().resolve() for root in (runs_root, *(extra_roots or default_roots()))]
    except (OSError, RuntimeError, ValueError) as error:
        raise DataFileError(f"run {_name(record)}: data file {path} cannot be resolved ({error})") from None
    # The place is judged first, so that a declaration cannot be used to ask what exists elsewhere.
    if not any(real.is_relative_to(root) for root in roots):
        raise DataFileError(
            f"run {_name(record)}: data file {real} lies outside the runs directory; "
            f"to allow it, set {ROOTS_VARIABLE}={real.parent}"
        )
    if not real.exists():
        raise DataFileError(f"run {_name(record)}: data file {real} does not exist")
    if not real.is_file():
        raise DataFileError(f"run {_name(record)}: data file {real} is not a regular file")
    return real


def _name(record: RunRecord) -> str:
    return record.name or record.id
