"""`exptui [RUNS]`: the screen, or the list when there is no terminal to draw on."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from exptui.locate import check_root, runs_directory

if TYPE_CHECKING:
    from exptui.policy import Policy


def run_open(options: argparse.Namespace) -> int:
    root = runs_directory(options.root)
    check_root(root)
    policy = _policy(options.policy)
    if not is_terminal():
        from exptui_tui.commands.listing import run_list

        print("exptui: no terminal to draw on; this is `exptui list`", file=sys.stderr)
        return run_list(argparse.Namespace(root=options.root, query=None, sort=None, json=False, csv=False))
    from exptui_tui.session import open_directory

    session = open_directory(root)
    from exptui_tui.app import run

    return run(session, policy)


def _policy(path: str | None) -> Policy | None:
    """The policy of a file; None stands for the defaults, which need not be loaded before the first paint."""
    if path is None:
        return None
    from exptui.policy import load_policy

    return load_policy(path)


def is_terminal() -> bool:
    """Whether a screen can be drawn and keys can be read here."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
