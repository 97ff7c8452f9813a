"""Every test has its own cache, state and terminal settings, and closes the terminals it opened."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tui.terminal import Terminal


@pytest.fixture(autouse=True)
def own_places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's own: no decisions, no index, no variable that changes what is printed."""
    own = tmp_path_factory.mktemp("own")
    for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(own / variable))
    for variable in ("EXPTUI_RUNS", "COLUMNS", "LINES", "NO_COLOR", "TEXTUAL", "TERM_PROGRAM"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The runs directory."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Opens programs in terminals of their own; those still alive at the end are killed."""
    opened: list[Terminal] = []

    def start(*command: Any, **options: Any) -> Terminal:
        opened.append(Terminal(*map(str, command), **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
