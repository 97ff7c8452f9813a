"""Which id each run answers to. The same files give the same ids in whatever order they are read: several copies may
claim one tracker's id, and the one that claims it best bears it; the others are known by their paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Key = tuple[str, str]
"""A source's path and its format's name."""

Owner = tuple[Key, str]
"""A source, and which of its runs ("" where it has one)."""


class Assigned(NamedTuple):
    """The run's id, the id it had until now if that was another, and the run that lost the id to it."""

    id: str
    former: str | None = None
    evicted: Owner | None = None


class Identities:
    """Runs by id and ids by run, one to one."""

    def __init__(self) -> None:
        self._owner: dict[str, Owner] = {}
        self._id: dict[Owner, str] = {}
        self._claims: dict[str, set[Owner]] = {}

    def owner(self, run_id: str) -> Owner | None:
        return self._owner.get(run_id)

    def id(self, owner: Owner) -> str | None:
        return self._id.get(owner)

    def of_sources(self, keys: Iterable[Key]) -> list[str]:
        """The ids of all runs of these sources."""
        sources = frozenset(keys)
        return [run_id for run_id, (key, _) in self._owner.items() if key in sources]

    def restore(self, owner: Owner, run_id: str, tracker_id: str | None) -> None:
        """Take over what an earlier session assigned."""
        self._owner[run_id], self._id[owner] = owner, run_id
        if tracker_id:
            self._claims.setdefault(tracker_id, set()).add(owner)

    def assign(self, owner: Owner, tracker_id: str | None) -> Assigned:
        """The run's id, now that its tracker's id for it is known."""
        run_id = self._choose(owner, tracker_id)
        former, holder = self._id.get(owner), self._owner.get(run_id)
        if former == run_id:
            return Assigned(run_id)
        if former is not None:
            del self._owner[former]
        if holder is not None:
            del self._id[holder]
        self._owner[run_id], self._id[owner] = owner, run_id
        return Assigned(run_id, former, holder)

    def release(self, run_id: str) -> frozenset[Owner]:
        """Forget a run that is gone; returns the runs that claim its id too, one of which will inherit it."""
        owner = self._owner.pop(run_id, None)
        if owner is not None:
            self._id.pop(owner, None)
            for claims in self._claims.values():
                claims.discard(owner)
        return frozenset(self._claims.get(run_id, ()))

    def _choose(self, owner: Owner, tracker_id: str | None) -> str:
        (path, form), run = owner
        if tracker_id:
            claims = self._claims.setdefault(tracker_id, set())
            claims.add(owner)
            if owner == min(claims, key=lambda one: _claim(one, tracker_id)):
                return tracker_id
        path_id = f"{path}#{run}" if run else path
        return path_id if self._owner.get(path_id) in (None, owner) else f"{path_id}@{form}"


def _claim(owner: Owner, tracker_id: str) -> tuple[bool, str, str, str]:
    """The best claim is a directory that still has the name its tracker gave it, then the first in order."""
    (path, form), run = owner
    return path.rpartition("/")[2] != tracker_id, path, form, run
