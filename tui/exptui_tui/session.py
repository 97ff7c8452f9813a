"""One runs directory opened: its journal, its index and its store put together."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exptui.index import RunIndex
from exptui.journal import Journal
from exptui.places import cache_folder, decision_folders
from exptui.store import Store

if TYPE_CHECKING:
    from exptui.follow import Follower
    from exptui.index import Indexed


@dataclass(frozen=True, slots=True)
class Session:
    root: str
    store: Store
    index: RunIndex

    def follower(self, known: list[Indexed] | None = None, *, gentle: bool = False) -> Follower:
        """A follower of this directory; what it imports is not needed before the first paint."""
        from exptui.follow import Follower

        return Follower(self.root, self.index, gentle=gentle, known=known)


def open_directory(root: str) -> Session:
    """Nothing is read yet but the decisions and the index."""
    root = os.path.abspath(root)
    return Session(root, Store(Journal(decision_folders(root))), RunIndex(cache_folder(root)))


def read_directory(root: str, series_of: Collection[str] = ()) -> Session:
    """Everything that is on the disk now. `series_of` are ids of runs whose points are wanted.

    Raises RunsDirectoryError.
    """
    session = open_directory(root)
    follower = session.follower()
    follower.want(series_of)
    for batch in follower.once():
        session.store.apply(batch)
    return session
