"""Where exptui keeps its own files: decisions beside the runs when the directory is ours, the index in the cache."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

OWN_FOLDER = ".exptui"


def _key(root: str) -> str:
    return hashlib.sha256(os.path.realpath(root).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _home(variable: str, default: str) -> Path:
    given = os.environ.get(variable, "")
    return Path(given) if os.path.isabs(given) else Path(os.path.expanduser("~")) / default


def cache_folder(root: str) -> Path:
    """The disposable files of one runs directory, always on the local disk."""
    return _home("XDG_CACHE_HOME", ".cache") / "exptui" / _key(root)


def decision_folders(root: str) -> list[Path]:
    """Where decisions about a runs directory lie, the preferred place first: beside the runs, for colleagues to
    share, when the directory is ours and writable; else in the user's own state directory. Both are read."""
    shared = Path(root) / OWN_FOLDER / "decisions"
    own = _home("XDG_STATE_HOME", ".local/state") / "exptui" / _key(root) / "decisions"
    try:
        status = os.stat(root)
        ours = status.st_uid == os.getuid() and bool(status.st_mode & stat.S_IWUSR) and os.access(root, os.W_OK)
    except OSError:
        ours = False
    return [shared, own] if ours else [own, shared]
