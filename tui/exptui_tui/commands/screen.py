"""`exptui [RUNS]`: the screen, or the list when there is no terminal to draw on."""

from __future__ import annotations

import argparse
import os
import sys

from exptui.discover import check_root
from exptui.locate import runs_directory


def run_open(options: argparse.Namespace) -> int:
    from exptui.policy import Policy, load_policy

    root = runs_directory(options.root)
    policy = load_policy(options.policy) if options.policy else Policy()
    if not is_terminal():
        from exptui_tui.commands.listing import run_list

        print("exptui: no terminal to draw on; this is `exptui list`", file=sys.stderr)
        return run_list(argparse.Namespace(root=options.root, sort=None, json=False, csv=False))
    check_root(root)
    from exptui_tui.session import open_directory

    session = open_directory(root, gentle=True)
    from exptui_tui.app import run

    return run(session.root, session.store, session.follower, policy)


def is_terminal() -> bool:
    """Whether a screen can be drawn and keys can be read here."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
