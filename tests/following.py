"""A follower that runs in a thread as the screen's does, its batches folded into a store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from exptui.follow import Follower
from exptui.journal import Journal
from exptui.records import Batch, RunRecord
from exptui.store import Store
from watched import Points, pairs

PATIENCE = 15.0


class Following:
    """`with Following(root) as live:` follows until the block ends; a follower that dies fails the test."""

    def __init__(self, root: Path, *arguments: Any, **options: Any) -> None:
        self.follower = Follower(str(root), *arguments, **options)
        self.store = Store(Journal([]))
        self.batches: list[Batch] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._error: BaseException | None = None

    def __enter__(self) -> Following:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.follower.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the follower does not stop"
        if self._error is not None:
            raise self._error

    def _follow(self) -> None:
        try:
            for batch in self.follower.forever():
                with self._lock:
                    self.batches.append(batch)
                    self.store.apply(batch)
        except BaseException as error:
            self._error = error

    def want(self, *ids: str) -> None:
        """As the session does: other runs' series are let go of."""
        with self._lock:
            self.store.keep_series_of(ids)
        self.follower.want(ids)

    def points(self, run_id: str) -> Points:
        with self._lock:
            return {name: pairs(one) for name, one in self.store.series(run_id).items()}

    def run(self, run_id: str) -> RunRecord | None:
        with self._lock:
            return self.store.get(run_id)

    def ids(self) -> set[str]:
        with self._lock:
            return {run.id for run in self.store}

    def until(self, condition: Callable[[], object], patience: float = PATIENCE) -> None:
        deadline = time.monotonic() + patience
        while not condition():
            if self._error is not None:
                raise self._error
            assert time.monotonic() < deadline, "it does not come"
            time.sleep(0.01)
