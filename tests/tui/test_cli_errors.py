"""What goes wrong on the command line: one line that says what and how to mend it, and the right exit code."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tui.recorded import EXPTUI, exptui_, record, three, without_ages
from tui.terminal import Terminal

COMMANDS = ["list", "show", "compare", "drift", "baseline", "demo", "open"]


def refused(*arguments: object, **options: object) -> str:
    """The one line on stderr of a command that is refused."""
    found = exptui_(*arguments, **options)
    assert found.returncode == 2, found
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert line.startswith("exptui")
    assert "Traceback" not in line
    return line


def test_a_runs_directory_that_is_none(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert "no such directory" in refused("list", tmp_path / "nope")
    assert f"is a file; name the directory that holds it: {tmp_path}" in refused("list", file)
    assert "no such directory" in refused(tmp_path / "nope")
    assert "no such directory" in refused("show", "x", "--runs", tmp_path / "nope")
    assert "no such directory" in refused("baseline", "--runs", tmp_path / "nope")


def test_no_directory_at_all_gets_a_hint(tmp_path: Path) -> None:
    said = refused("list", cwd=tmp_path)
    for word in ("exptui PATH", "$EXPTUI_RUNS", "exptui demo"):
        assert word in said


def test_an_empty_directory_is_no_mistake(root: Path) -> None:
    found = exptui_("list", root)
    assert (found.returncode, found.stderr) == (0, "")
    assert "no runs in" in found.stdout
    assert "exptui.init()" in found.stdout
    assert exptui_("list", root, "--sort", "loss").returncode == 0
    assert "there are no runs here" in refused("show", "x", "--runs", root)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_directory_that_may_not_be_read(root: Path) -> None:
    root.chmod(0)
    try:
        assert "cannot be listed" in refused("list", root)
    finally:
        root.chmod(0o700)


@pytest.mark.parametrize("usual", ["runs", "mlruns", "wandb", "lightning_logs", "swanlog"])
def test_the_usual_directories_are_found(tmp_path: Path, usual: str) -> None:
    record(tmp_path / usual, "here")
    assert "here" in exptui_("list", cwd=tmp_path).stdout


def test_the_variable_goes_before_the_usual_directories_and_a_name_before_both(tmp_path: Path) -> None:
    for name in ("runs", "by-variable", "by-name"):
        record(tmp_path / name, f"in-{name}")
    env = {**os.environ, "EXPTUI_RUNS": "by-variable"}
    assert "in-by-variable" in exptui_("list", cwd=tmp_path, env=env).stdout
    assert "in-by-name" in exptui_("list", "by-name", cwd=tmp_path, env=env).stdout


@pytest.mark.parametrize(
    "arguments", [["list", "--sort"], ["show"], ["compare", "one"], ["list", "--json", "--csv"], ["list", "--wrong"]]
)
def test_wrong_use_is_one_line_that_names_the_help(arguments: list[str]) -> None:
    assert "--help" in refused(*arguments)


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_comes_without_loading_the_screen(command: str | None) -> None:
    words = [command] if command else []
    script = (
        "import sys\nfrom exptui_tui.cli import main\n"
        f"try: main([*{words!r}, '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "loaded = {'textual', 'numpy', 'scipy', 'watchdog', 'tinydb'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    assert "usage: exptui" in found.stdout
    if command is None:
        assert all(one in found.stdout for one in COMMANDS)
        assert "exit codes: 0 done, 1 internal error, 2 wrong use" in " ".join(found.stdout.split())


def test_list_and_compare_load_no_screen_either(root: Path) -> None:
    three(root)
    script = (
        "import sys\nfrom exptui_tui.cli import main\n"
        f"main(['list', {str(root)!r}])\nmain(['compare', 'base', 'better', '--runs', {str(root)!r}])\n"
        "assert 'textual' not in sys.modules"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert (found.returncode, found.stderr) == (0, "")


def test_version() -> None:
    assert exptui_("--version").stdout.startswith("exptui ")


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["list", "--csv"]])
def test_a_reader_that_leaves_early_is_no_error(root: Path, arguments: list[str]) -> None:
    for at in range(20):
        record(root, f"run-{at}", {"loss": [0.5]})
    with subprocess.Popen(
        [*EXPTUI, *arguments, str(root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, restore_signals=False
    ) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        writer.stdout.close()
        assert writer.stderr.read() == b""
    assert writer.returncode == 0


def test_ctrl_c_ends_a_command_quietly(root: Path) -> None:
    script = f"""
import sys, time
import exptui_tui.commands.listing as listing
from exptui_tui.cli import main

def slow(*_):
    print("reading", flush=True)
    time.sleep(30)

listing.read_directory = slow
sys.exit(main(["list", {str(root)!r}]))
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"reading\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""
    assert process.returncode == 130


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_text_on_a_terminal_fits_and_has_colour_unless_it_is_not_wanted(
    root: Path, terminal: type[Terminal], columns: int
) -> None:
    three(root)
    shown = terminal(*EXPTUI, "list", root, columns=columns)
    assert shown.wait_exit() == 0
    assert b"\x1b[32m" in shown.sent or b"\x1b[31m" in shown.sent
    assert len([line for line in shown.screen.splitlines() if line.strip()]) == 4, "no line was broken"
    plain = terminal(*EXPTUI, "list", root, columns=columns, env={"NO_COLOR": "1"})
    assert plain.wait_exit() == 0
    assert b"\x1b" not in plain.sent
    assert without_ages(plain.screen) == without_ages(shown.screen)


def test_text_that_goes_elsewhere_has_no_escapes_and_is_wide(root: Path) -> None:
    three(root)
    found = exptui_("compare", "base", "better", "--runs", root)
    assert "\x1b" not in found.stdout
    assert "\x1b" not in exptui_("list", root).stdout
    assert "format" in exptui_("list", root, env={**os.environ, "COLUMNS": "20"}).stdout
