"""A program in a pseudo-terminal, with a screen model behind it that answers what programs ask a terminal."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pyte

_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_KEYBOARD = re.compile(rb"\x1b\[([<>])[0-9;]*u")
_QUESTION = re.compile(rb"\x1b\[(c|0c|6n|\?(\d+)\$p)")
_UNDRAWABLE = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1b[P_^][^\x1b]*\x1b\\")
_UNFINISHED = re.compile(rb"\x1b(\[[0-?]*[ -/]*|[P_^\]][^\x1b\x07]*\x1b?)?\Z")

OFF = {1049: False, 47: False, 25: True, 2004: False} | dict.fromkeys((1000, 1002, 1003, 1004, 1006, 1015, 1016), False)
"""Private modes as a shell wants them."""


class Terminal:
    """`sent` is all the program wrote; `screen` what a person sees. Nothing is read between calls, so a program
    that writes much waits, as it does for a slow terminal."""

    def __init__(
        self,
        *command: str,
        columns: int = 120,
        rows: int = 40,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._master, self._slave = pty.openpty()
        self._size(columns, rows)
        self.sent = b""
        self._model = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._model)
        self._rest = b""
        self.termios_before = termios.tcgetattr(self._slave)
        self.process = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )

    @property
    def screen(self) -> str:
        return "\n".join(self._model.display)

    def row(self, words: str) -> str:
        """The first line of the screen with these words in it, "" if there is none."""
        return next((line for line in self._model.display if words in line), "")

    def pump(self, seconds: float) -> int:
        """Read, draw and answer for so long; the number of bytes that came."""
        end, before = time.monotonic() + seconds, len(self.sent)
        while (left := end - time.monotonic()) > 0 and self._take(left):
            pass
        return len(self.sent) - before

    def wait(self, wanted: str | Callable[[], Any], timeout: float = 15.0) -> None:
        """Until these words are on the screen, or the condition holds."""
        end = time.monotonic() + timeout
        holds = (lambda: wanted in self.screen) if isinstance(wanted, str) else wanted
        while not holds():
            left = end - time.monotonic()
            assert left > 0, f"{wanted!r} did not come in {timeout} s; the screen:\n{self.screen}"
            self._take(min(left, 0.05))

    def quiet(self, seconds: float = 0.6, timeout: float = 15.0) -> None:
        """Until nothing came for so long."""
        end = time.monotonic() + timeout
        while self.pump(seconds):
            assert time.monotonic() < end, f"still writing after {timeout} s"

    def press(self, *keys: str, pause: float = 0.05) -> None:
        for key in keys:
            os.write(self._master, _KEYS.get(key, key).encode())
            self.pump(max(pause, 0.15) if key == "escape" else pause)  # else it joins the next key

    def resize(self, columns: int, rows: int) -> None:
        self._size(columns, rows)
        self._model.resize(rows, columns)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait_exit(self, timeout: float = 10.0) -> int:
        """The exit code; what the program wrote on its way out has been taken in."""
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            assert time.monotonic() < end, f"still there after {timeout} s; the screen:\n{self.screen}"
            self._take(0.02)
        self.pump(0.1)
        return self.process.returncode

    @property
    def modes(self) -> dict[int, bool]:
        """The private modes a shell cares about, as the program left them."""
        found = dict(OFF)
        for numbers, on in _MODE.findall(self.sent):
            found |= {int(number): on == b"h" for number in numbers.split(b";") if int(number) in OFF}
        return found

    @property
    def keyboard_levels(self) -> int:
        """How many keyboard protocols the program pushed and did not pop again."""
        return sum(1 if sign == b">" else -1 for sign in _KEYBOARD.findall(self.sent))

    @property
    def termios_now(self) -> Sequence[Any]:
        return termios.tcgetattr(self._slave)

    def hang_up(self) -> None:
        """The terminal is gone, as when an ssh connection breaks."""
        for descriptor in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def close(self) -> None:
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)
        self.hang_up()

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _take(self, timeout: float) -> bool:
        """One read; False at the end of the time."""
        ready, _, _ = select.select([self._master], [], [], timeout)
        if not ready:
            return False
        data = os.read(self._master, 65536)
        self.sent += data
        self._answer(data)
        whole = self._rest + data
        cut = _UNFINISHED.search(whole)
        drawable, self._rest = (whole[: cut.start()], whole[cut.start() :]) if cut else (whole, b"")
        self._stream.feed(_UNDRAWABLE.sub(b"", drawable))
        return True

    def _answer(self, data: bytes) -> None:
        for question, mode in _QUESTION.findall(data):
            if question.endswith(b"c"):
                reply = b"\x1b[?62;22c"
            elif mode:
                reply = b"\x1b[?%s;%d$y" % (mode, 2 if mode == b"2026" else 0)
            else:
                reply = b"\x1b[%d;%dR" % (self._model.cursor.y + 1, self._model.cursor.x + 1)
            os.write(self._master, reply)


_KEYS = {
    "enter": "\r", "tab": "\t", "escape": "\x1b", "backspace": "\x7f", "ctrl+c": "\x03",
    "up": "\x1b[A", "down": "\x1b[B", "end": "\x1b[F", "home": "\x1b[H",
}  # fmt: skip
