"""The command `exptui`. What only one command needs is imported by that command, the screen last of all."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

NO_TOUCH = "EXPTUI_NO_TOUCH"
COMMANDS = ("list", "show", "compare", "drift", "baseline", "demo")
_GENERAL = "exit codes: 0 done, 1 internal error, 2 wrong use or unreadable input"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    from exptui.errors import ExptuiError
    from exptui_tui.format import safe

    arguments = list(sys.argv[1:] if argv is None else argv)
    options = parser().parse_args(_with_sort_key(_with_command(arguments)))
    if getattr(options, "no_touch", False):
        os.environ[NO_TOUCH] = "1"
    try:
        code = int(_runner(options.command)(options))
        sys.stdout.flush()  # a reader that left is noticed here at the latest
        return code
    except ExptuiError as error:
        print(f"exptui: {safe(error, 1000)}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130


def _with_command(arguments: list[str]) -> list[str]:
    """`exptui` and `exptui RUNS` open the screen."""
    if arguments and (arguments[0] in COMMANDS or arguments[0] in ("-h", "--help", "--version")):
        return arguments
    return ["open", *arguments]


def _with_sort_key(arguments: list[str]) -> list[str]:
    """`--sort -loss` as one word: argparse would take "-loss" for an option."""
    at = arguments.index("--sort") if "--sort" in arguments[:-1] else None
    return arguments if at is None else [*arguments[:at], f"--sort={arguments[at + 1]}", *arguments[at + 2 :]]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; words that were typed are foreign text, too."""

    def error(self, message: str) -> NoReturn:
        from exptui_tui.format import safe

        self.exit(2, f"{self.prog}: {safe(message, 1000)}; see {self.prog} --help\n")


def _runner(command: str) -> Callable[[argparse.Namespace], int]:
    from exptui_tui import commands

    return commands.find(command)


def parser() -> argparse.ArgumentParser:
    from exptui import __version__

    top = _Parser(
        prog="exptui",
        description="Explore machine-learning runs in the terminal: alive? better? real? promote, iterate or abandon.",
        epilog=f"`exptui [RUNS]` without a command opens the screen. {_GENERAL}.",
    )
    top.add_argument("--version", action="version", version=f"exptui {__version__}")
    of = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    _open = of.add_parser("open", help="the screen; without a terminal, what `list` prints")
    _open.add_argument("root", nargs="?", metavar="RUNS", help="the directory of runs")
    _no_touch(_open)
    _policy(_open)

    _list = of.add_parser("list", help="all runs, a line each")
    _list.add_argument("root", nargs="?", metavar="RUNS", help="the directory of runs")
    _no_touch(_list)
    _list.add_argument("--query", metavar="Q", help="such as: val/loss<0.3 and (tag:sweep or lr in 1e-4..1e-3)")
    _list.add_argument("--sort", metavar="[-]KEY", help="age, name, state, metric, or a metric's name; - reverses")
    kind = _list.add_mutually_exclusive_group()
    kind.add_argument("--json", action="store_true", help="a JSON document")
    kind.add_argument("--csv", action="store_true", help="a CSV table")

    _show = of.add_parser("show", help="everything about one run")
    _show.add_argument("run", metavar="RUN", help="an id, a unique prefix of one, or a name that only one run bears")
    _show.add_argument("--series", action="store_true", help="every point, in file order (with --json)")
    _runs_and_json(_show)

    _compare = of.add_parser(
        "compare",
        help="candidates against a baseline, with a verdict",
        epilog="exit code of the first candidate's verdict: 0 promote, 10 iterate, 11 abandon, 12 none; +20 when a "
        "person is needed",
    )
    _compare.add_argument("baseline", metavar="BASELINE")
    _compare.add_argument("candidates", metavar="CANDIDATE", nargs="+")
    _runs_and_json(_compare)
    _policy(_compare)

    _drift = of.add_parser(
        "drift",
        help="whether data moved: two files, or the training data of two runs",
        epilog="exit code: 0 stable or identical, 20 drift, 21 unclear",
    )
    _drift.add_argument("reference", metavar="REFERENCE", help="a data file, or a run")
    _drift.add_argument("current", metavar="CURRENT", help="a data file, or a run")
    _runs_and_json(_drift)
    _policy(_drift)

    _baseline = of.add_parser("baseline", help="show, set or clear the baseline")
    _baseline.add_argument("run", metavar="RUN", nargs="?")
    _baseline.add_argument("--clear", action="store_true", help="no baseline any more")
    _runs_and_json(_baseline)

    _demo = of.add_parser("demo", help="real trainings, shown live, with a baseline, drift and verdicts to explore")
    _demo.add_argument("--dir", metavar="DIR", help="where the runs go (default: a new temporary directory)")
    _demo.add_argument("--headless", action="store_true", help="train without opening the screen")
    _demo.add_argument("--fast", action="store_true", help="seconds instead of minutes")
    return top


def _runs_and_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--runs", metavar="RUNS", dest="root", help="the directory of runs")
    command.add_argument("--json", action="store_true", help="a JSON document")
    _no_touch(command)


def _no_touch(command: argparse.ArgumentParser) -> None:
    told = "read copies of databases, so that SQLite creates no file beside them"
    command.add_argument("--no-touch", action="store_true", help=told)


def _policy(command: argparse.ArgumentParser) -> None:
    command.add_argument("--policy", metavar="FILE", help="thresholds and directions (TOML)")


if __name__ == "__main__":
    sys.exit(main())
