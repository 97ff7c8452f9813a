"""The application: owns the store and the follower, and carries batches from its thread to the screen."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme

from exptui.index import first_batch
from exptui.records import Batch
from exptui_tui.analysis import Analysis, Done, Job
from exptui_tui.screens.main import MainScreen
from exptui_tui.session import Session
from exptui_tui.widgets.guard import HarmlessText

if TYPE_CHECKING:
    from exptui.follow import Follower
    from exptui.index import Indexed
    from exptui.policy import Policy

_BEAT = 0.1
"""Seconds between two redrawings at most: ten a second."""

_PATIENCE = 2.0
"""Seconds that the follower has at the end to save its index."""

_READING_BEAT = 0.4
"""The same while many runs are read for the first time: reading is what the processor is for then."""

DARK = Theme(
    name="exptui-dark", primary="#5aa9e6", accent="#5aa9e6", foreground="#d4dae0", background="#111417",
    surface="#1a1f24", panel="#1a1f24", success="#4fbf7a", warning="#e0a43a", error="#f0625d", dark=True,
)  # fmt: skip
LIGHT = Theme(
    name="exptui-light", primary="#1f6fb2", accent="#1f6fb2", foreground="#1f2429", background="#fbfbf9",
    surface="#ecedea", panel="#ecedea", success="#1d7f45", warning="#96620a", error="#c23430", dark=False,
)  # fmt: skip


class ExptuiApp(App[None]):
    """exptui on one runs directory."""

    TITLE = "exptui"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit", id="quit", priority=False),
        Binding("colon,ctrl+p", "command_palette", "Commands", id="commands", key_display=":"),
    ]

    def __init__(self, session: Session, policy: Policy | None = None) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = "exptui-dark"
        self._session = session
        self._store = session.store
        self._follower: Follower | None = None
        self._wanted: frozenset[str] = frozenset()
        self._known: list[Indexed] = []
        self._analysis = Analysis(session.store, session.root, policy, self._spawn, self._drift_ready)
        self._changed: set[str] = set()
        self._published = 0.0
        self._publishing = False
        self._main: MainScreen | None = None
        self._analyst: ThreadPoolExecutor | None = None
        self._thread: threading.Thread | None = None
        self._leaving = False

    def get_default_screen(self) -> Screen[None]:
        self._main = MainScreen(self._session.root, self._store, self._analysis)
        return self._main

    def get_line_filters(self) -> list[LineFilter]:
        return [*super().get_line_filters(), HarmlessText()]

    def on_load(self) -> None:
        # The index is one small file: the first paint shows every run it knows.
        self._known = self._session.index.load()
        self._store.apply(first_batch(self._known, time.time()))

    def on_mount(self) -> None:
        self._leave_on_signals()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The first paint is out: read the disk, and think."""
        self._thread = threading.Thread(target=self._follow, args=(self._known,), name="follower", daemon=True)
        self._thread.start()
        self.set_interval(2.0, self._reload_decisions)
        if self._main is not None:
            self._main.wake()

    def _follow(self, known: list[Indexed]) -> None:
        """Runs in the follower's thread. Handing over a batch waits for the UI thread, which is the back-pressure."""
        try:
            self._follower = follower = self._session.follower(known, gentle=True)
            follower.want(self._wanted)
            for batch in follower.forever():
                if self._leaving:
                    follower.stop()
                else:
                    self.call_from_thread(self._apply, batch)
        except Exception as error:  # the screen stays with what it has, and says so
            if not self._leaving:
                self.call_from_thread(self._follower_died, repr(error))

    def _follower_died(self, why: str) -> None:
        if self._main is not None and self.is_running:
            self._main.tell(f"reading stopped, restart exptui: {why}", "bad")

    def _apply(self, batch: Batch) -> None:
        if self._leaving:
            return
        caught_up = self._store.progress.caught_up
        changed = self._store.apply(batch)
        if changed or caught_up != batch.progress.caught_up or batch.problems:
            self._changed |= changed
            self._publish_soon()

    def _publish_soon(self) -> None:
        if not self._publishing:
            self._publishing = True
            beat = _BEAT if self._store.progress.caught_up else _READING_BEAT
            self.set_timer(max(0.01, self._published + beat - time.monotonic()), self._publish)

    def _publish(self) -> None:
        self._publishing, self._published = False, time.monotonic()
        ids, self._changed = frozenset(self._changed), set()
        if self._main is not None and self.is_running:
            self._main.publish(ids)

    def _reload_decisions(self) -> None:
        if self._store.reload_decisions():
            self._changed |= {run.id for run in self._store}
            self._publish_soon()

    def on_main_screen_watching(self, message: MainScreen.Watching) -> None:
        self._wanted = message.ids
        self._store.keep_series_of(message.ids)
        if self._follower is not None:
            self._follower.want(message.ids)

    def on_main_screen_rescan_wanted(self) -> None:
        if self._follower is not None:
            self._follower.rescan()

    def _spawn(self, job: Job, done: Done) -> None:
        """Run a job in the one thread for analyses, and its sequel here: on a training box one core is enough."""

        def work() -> None:
            state = job()
            if not self._leaving:
                self.call_from_thread(done, state)

        if self._analyst is None:
            self._analyst = ThreadPoolExecutor(1, thread_name_prefix="analysis")
        self._analyst.submit(work)

    def _drift_ready(self, run_id: str) -> None:
        if self._main is not None and self.is_running:
            self._main.drift_ready(run_id)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every binding that works here, then Textual's own commands for the theme and the like."""
        seen = set()
        for active in screen.active_bindings.values():
            binding, node = active.binding, active.node
            if binding.action in seen or binding.action == "command_palette" or not binding.description:
                continue
            seen.add(binding.action)
            key = self.get_key_display(binding)
            yield SystemCommand(binding.description, f"{key}  {binding.tooltip}", self._runner(binding.action, node))
        for command in super().get_system_commands(screen):
            if command.title not in ("Screenshot", "Keys", "Quit", "Maximize"):
                yield command

    def _runner(self, action: str, node: object) -> Callable[[], None]:
        def run() -> None:
            self.call_later(self.run_action, action, node)

        return run

    def action_simulate_key(self, key: str) -> None:  # type: ignore[override]
        """Not available: text from run files must never be able to press a key."""

    async def on_unmount(self) -> None:
        """End the threads while the loop still runs, so that none of them is left waiting for it."""
        self._leaving = True
        if self._follower is not None:
            self._follower.stop()
        if self._analyst is not None:
            self._analyst.shutdown(wait=False, cancel_futures=True)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _PATIENCE)

    def _leave_on_signals(self) -> None:
        """Leave the terminal as it was found on SIGTERM, SIGHUP, SIGINT and SIGQUIT too."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._leave, number)

    def _leave(self, number: int) -> None:
        self.exit(return_code=128 + number)


def run(session: Session, policy: Policy | None = None) -> int:
    """Run the application on a directory; returns its exit code."""
    app = ExptuiApp(session, policy)
    try:
        app.run()
    finally:
        if sys.stdout.isatty():
            # Textual turns on pixel mouse reports in some terminals and leaves them on.
            os.write(sys.stdout.fileno(), b"\x1b[?1016l")
    return app.return_code or 0
