"""The README tells the truth about keys, commands and what is read."""

from __future__ import annotations

import re
from pathlib import Path

from textual.binding import Binding

from exptui.formats import FORMATS
from exptui_tui.app import ExptuiApp
from exptui_tui.cli import parser
from exptui_tui.panes.diff import DiffPane
from exptui_tui.panes.drift import DriftPane
from exptui_tui.panes.runs import RunsPane
from exptui_tui.screens.main import MainScreen

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
WRITTEN = {
    "down": "↓", "up": "↑", "enter": "⏎", "escape": "esc", "slash": "/", "colon": ":", "question_mark": "?",
    "pageup": "pgup", "pagedown": "pgdn", "ctrl+u": "^u", "ctrl+d": "^d", "ctrl+p": "^p",
}  # fmt: skip


def test_every_key_stands_in_the_table_of_keys() -> None:
    table = re.findall(r"^\| (.*?`.*?) \|", README.split("## Keys")[1].split("\n## ")[0], re.MULTILINE)
    written = set(re.findall(r"`(.+?)`", " ".join(table))) | set("123456")
    for owner in (ExptuiApp, MainScreen, RunsPane, DiffPane, DriftPane):
        for binding in (one for base in owner.__mro__ for one in vars(base).get("BINDINGS", ())):
            if isinstance(binding, Binding) and binding.id and not binding.system:
                for key in binding.key.split(","):
                    assert WRITTEN.get(key, key) in written or key == "ctrl+p", f"{owner.__name__}: {key}"


def test_every_command_stands_in_the_readme_and_every_one_there_exists() -> None:
    actions = next(action for action in parser()._actions if action.dest == "command")
    assert actions.choices is not None
    commands = set(actions.choices) - {"open"}
    block = README.split("## From scripts")[1].split("\n## ")[0]
    assert set(re.findall(r"^exptui (\w+)", block, re.MULTILINE)) == commands


def test_every_format_that_is_read_stands_in_its_table() -> None:
    table = README.split("## What is read")[1].split("\n## ")[0]
    assert {form.name for form in FORMATS} <= set(re.findall(r"`(\w+)`", table))
