"""One function a command, found by its name and imported when it is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module

_WHERE = {
    "open": "screen",
    "list": "listing",
    "show": "listing",
    "baseline": "deciding",
    "compare": "deciding",
    "drift": "deciding",
    "demo": "demonstrating",
}


def find(command: str) -> Callable[[argparse.Namespace], int]:
    module = import_module(f"exptui_tui.commands.{_WHERE[command]}")
    found: Callable[[argparse.Namespace], int] = getattr(module, f"run_{command}")
    return found
