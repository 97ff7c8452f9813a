"""One runs directory opened: its journal, its index, its store and its follower put together."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass

from exptui.follow import Follower
from exptui.index import RunIndex
from exptui.journal import Journal
from exptui.places import cache_folder, decision_folders
from exptui.store import Store


@dataclass(frozen=True, slots=True)
class Session:
    root: str
    store: Store
    follower: Follower


def open_directory(root: str, *, gentle: bool = False) -> Session:
    """Nothing is read yet but the decisions; `follower` reads the rest."""
    root = os.path.abspath(root)
    store = Store(Journal(decision_folders(root)))
    return Session(root, store, Follower(root, RunIndex(cache_folder(root)), gentle=gentle))


def read_directory(root: str, series_of: Collection[str] = ()) -> Session:
    """Everything that is on the disk now. `series_of` are ids of runs whose points are wanted.

    Raises RunsDirectoryError.
    """
    session = open_directory(root)
    session.follower.want(series_of)
    for batch in session.follower.once():
        session.store.apply(batch)
    return session
