"""Finds the runs below a root: one walk with scandir, every directory offered to every format."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from exptui.formats import FORMATS
from exptui.formats.base import HEAD_BYTES, FileSign, Folder, Source
from exptui.locate import check_root
from exptui.records import Problem

MAX_DEPTH = 12
MAX_FOLDERS = 200_000
MAX_TREE = 20_000

_SKIPPED = frozenset({".git", ".exptui", "node_modules", "__pycache__", ".venv", ".trash", "artifacts", "wandb-media"})


@dataclass(frozen=True, slots=True)
class Scan:
    """One walk: the sources by (path, format name), the directories that were looked into, and what could not be:
    nothing is known about what lies below the `unlisted` ones."""

    sources: Mapping[tuple[str, str], Source]
    folders: tuple[str, ...]
    problems: tuple[Problem, ...]
    unlisted: tuple[str, ...] = ()


def scan(root: str) -> Scan:
    """Walk the tree below `root` (depth 12 at most). Symlinks are followed only directly below the root, last of
    all, and only to directories not seen before. Raises RunsDirectoryError when the root itself cannot be listed."""
    check_root(root)
    sources: dict[tuple[str, str], Source] = {}
    problems: list[Problem] = []
    folders: list[str] = []
    waiting: list[tuple[str, int, str | None]] = [("", 0, None)]
    seen: set[tuple[int, int]] = set()
    while waiting and len(folders) < MAX_FOLDERS:
        path, depth, group = waiting.pop()
        listed = _list(root, path, seen, problems)
        if listed is None:
            continue
        folder, links = listed
        folders.append(path)
        found, owned = _sources_in(folder, group, problems)
        sources.update(found)
        if depth < MAX_DEPTH and not owned:
            below = folder.path if any(source.path == (folder.path or ".") for source in found.values()) else group
            waiting += [(name, 1, below) for name in sorted(filter(_holds_runs, links), reverse=True)]
            deeper = sorted(filter(_holds_runs, folder.folders), reverse=True)
            waiting += [(folder.below(name), depth + 1, below) for name in deeper]
    _join_parts(sources)
    unlisted = tuple(problem.path for problem in problems)
    if waiting:
        problems.append(Problem("", None, f"more than {MAX_FOLDERS} directories; the rest was not searched"))
    return Scan(sources, tuple(folders), tuple(problems), unlisted)


def _join_parts(sources: dict[tuple[str, str], Source]) -> None:
    """Make one source of the parts of a resumed run; it bears the path of its first part."""
    first: dict[tuple[str, str, str], tuple[str, str]] = {}
    for key in sorted(key for key, source in sources.items() if source.join is not None):
        part = sources[key]
        place = (part.format.name, os.path.dirname(part.path), part.join or "")
        home = first.setdefault(place, key)
        if home != key:
            sources[home] = replace(sources[home], files={**sources[home].files, **part.files})
            del sources[key]


def _sources_in(
    folder: Folder, group: str | None, problems: list[Problem]
) -> tuple[dict[tuple[str, str], Source], bool]:
    """The folder's runs, each file given to the first format that claims it, and whether one owns the folder. The
    runs of one format may share a file, as those of an experiment do that has one file of states."""
    found: dict[tuple[str, str], Source] = {}
    claimed: set[str] = set()
    for form in FORMATS:
        try:
            theirs = [source for source in form.find(folder) if claimed.isdisjoint(source.files)]
        except Exception as error:
            # Whatever a file has in it, it must not keep other runs from being found.
            what = f"cannot be searched for {form.name} runs: {type(error).__name__}: {error}"
            problems.append(Problem(folder.path, None, what))
            continue
        for source in theirs:
            claimed.update(source.files)
            found[source.path, form.name] = replace(source, group=source.group or group)
        if theirs and form.owns_folder:
            return found, True
    return found, False


def _holds_runs(name: str) -> bool:
    """Whether a directory of that name is worth a walk. Checkpoints are for the format that knows them."""
    return not name.startswith("checkpoint")


def _list(root: str, path: str, seen: set[tuple[int, int]], problems: list[Problem]) -> tuple[Folder, set[str]] | None:
    """The directory, and the links to directories in it that are worth following."""
    absolute = f"{root}/{path}" if path else root
    try:
        status = os.stat(absolute)
        if (status.st_dev, status.st_ino) in seen:
            return None
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(absolute) as entries:
            files, folders, links = _sort(entries, follow=path == "")
    except OSError as error:
        problems.append(Problem(path, None, f"cannot be listed: {error.strerror or error}"))
        return None
    head, tree = partial(_head, absolute), partial(_tree, root, path)
    return Folder(path, files, frozenset(folders), head, tree, absolute), links


def _sort(entries: Iterator[os.DirEntry[str]], *, follow: bool) -> tuple[dict[str, FileSign], set[str], set[str]]:
    """Regular files with their signs, directories worth a look, and links to such."""
    files: dict[str, FileSign] = {}
    folders: set[str] = set()
    links: set[str] = set()
    for entry in entries:
        try:
            link = follow and entry.is_symlink()
            if entry.is_dir(follow_symlinks=link):
                if entry.name not in _SKIPPED:
                    (links if link else folders).add(entry.name)
                continue
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            files[entry.name] = FileSign(status.st_ino, status.st_size, status.st_mtime_ns)
    return files, folders, links


def _tree(root: str, path: str, name: str, depth: int = MAX_DEPTH) -> dict[str, FileSign]:
    """Regular files in and below a subdirectory, by their paths below the root. Links are not followed."""
    below = f"{path}/{name}" if path else name
    try:
        with os.scandir(f"{root}/{below}") as entries:
            files, folders, _ = _sort(entries, follow=False)
    except OSError:
        return {}
    found = {f"{below}/{one}": sign for one, sign in files.items()}
    for folder in filter(_holds_runs, folders) if depth else ():
        if len(found) < MAX_TREE:
            found |= _tree(root, below, folder, depth - 1)
    return found


def _head(folder: str, name: str) -> bytes:
    try:
        descriptor = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, HEAD_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def resign(root: str, source: Source) -> Source:
    """The source with its files' present signs; a vanished file is left out."""
    files = {}
    for path in source.files:
        try:
            status = os.lstat(f"{root}/{path}")
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            files[path] = FileSign(status.st_ino, status.st_size, status.st_mtime_ns)
    return replace(source, files=files)
