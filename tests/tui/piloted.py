"""The application without a terminal: keys go in, the text of the screen comes out."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.events import Key
from textual.pilot import Pilot

from exptui.policy import Policy
from exptui_tui.app import ExptuiApp
from exptui_tui.session import open_directory

_NAMES = {
    " ": "space", "/": "slash", ",": "comma", ".": "full_stop", "!": "exclamation_mark", "?": "question_mark",
    "[": "left_square_bracket", "]": "right_square_bracket", ":": "colon",
}  # fmt: skip
_HOPS = 5
"""A key goes through the queues of the application, a widget and those around it."""


class Piloted:
    def __init__(self, app: ExptuiApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def lines(self) -> list[str]:
        """The top screen as it is composed, line by line."""
        width, height = self.app.size
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip)[:width] for strip in strips[:height]]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def rows(self) -> list[str]:
        """The names in the run list, from the top."""
        first = next((at for at, line in enumerate(self.lines) if line.startswith("  state")), None)
        if first is None:
            return []
        rows = self.lines[first + 1 :]
        end = next(at for at, line in enumerate(rows) if not line.strip() or "──" in line)
        return [line[13:].split()[0] for line in rows[:end]]

    async def press(self, *keys: str) -> None:
        """Press keys; each is dealt with before the next one. `Pilot.press` does the same with long pauses."""
        for key in keys:
            name = _NAMES.get(key, key)
            self.app.post_message(Key(name, key if len(key) == 1 else None))
            for _ in range(_HOPS):
                await self.pilot._wait_for_screen()

    async def shows(self, *words: str, timeout: float = 20.0) -> None:
        """Wait until all these words are on the screen."""
        end = time.monotonic() + timeout
        while not all(word in self.text for word in words):
            missing = [word for word in words if word not in self.text]
            assert time.monotonic() < end, f"{missing} did not come; the screen:\n{self.text}"
            await asyncio.sleep(0.02)

    async def lacks(self, word: str, timeout: float = 20.0) -> None:
        """Wait until the word is gone from the screen."""
        end = time.monotonic() + timeout
        while word in self.text:
            assert time.monotonic() < end, f"{word!r} did not go; the screen:\n{self.text}"
            await asyncio.sleep(0.02)

    async def cursor_on(self, name: str) -> None:
        await self.press("1", "g")
        await self.press(*["j"] * self.rows.index(name))
        await self.shows(f"{name}: ")


@asynccontextmanager
async def piloted(
    root: Path, size: tuple[int, int] = (120, 40), policy: Policy | None = None
) -> AsyncIterator[Piloted]:
    """The application on a directory, after it has read what is there."""
    app = ExptuiApp(open_directory(str(root)), policy)
    async with app.run_test(size=size) as pilot:
        found = Piloted(app, pilot)
        end = time.monotonic() + 10
        while not app._store.progress.caught_up:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
        await pilot.pause(0.1)
        yield found
