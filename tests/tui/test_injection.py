"""Run files are written by strangers: nothing in them reaches the terminal as a command, from any pane or command."""

import itertools
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from exptui_tui.cli import main
from tui.recorded import EXPTUI, exptui_
from tui.terminal import Terminal

COMMANDS = (
    "\x1b]52;c;{mark}\x07", "\x1b]0;{mark}\x07", "\x1b[2J{mark}", "\x1b[31;{mark}m", "\x1bP{mark}\x1b\\",
    "\x1b_{mark}\x1b\\", "\x9b31;{mark}m", "\x9d52;c;{mark}\x9c", "\x90{mark}\x9c", "\x1bc{mark}", "\x1b[?1049l{mark}",
    "\r\n{mark}", "\x08{mark}", "\x00{mark}", "\x07{mark}", "\x7f{mark}", "\x0e{mark}", "\u202e{mark}", "\u2066{mark}",
    "\u200b{mark}", "\ufeff{mark}", "\U000e0041{mark}", "\u2028{mark}", "\ud800{mark}", "[@click=app.quit]{mark}[/]",
    "[/nope]{mark}", "[bold {mark}", "{mark}[/]", "\\[{mark}", "$(touch {mark})", "%s%n{mark}",
    "{mark}" + "\u0301" * 100, "{mark}" + "模" * 300,
)  # fmt: skip

HARM = re.compile(
    "|".join(
        [re.escape(text.partition("{mark}")[0]) + r"Q\d+Q" for text in COMMANDS if text.startswith("\x1b")]
        + ["[\x07\x08\x0e\x7f\x80-\x9f\u202e\u2066\u200b\ufeff\u2028\U000e0041]"]
    )
)

_marks = itertools.count(10_000)


def evil(start: int = 0) -> str:
    """All the commands, each around a mark of its own, beginning with one of them."""
    texts = [text.replace("{mark}", f"Q{next(_marks)}Q") for text in COMMANDS]
    start %= len(texts)
    return "".join((*texts[start:], *texts[:start]))


def on_disk(text: str) -> bytes:
    """One line as bytes that a file can hold."""
    return re.sub("[\r\n]", "", text).encode("utf-8", "replace")


def write_runs(root: Path) -> None:
    """A baseline and two runs with every field full of commands, and a directory that is no run."""
    shared = [evil(at * 9) for at in range(3)]
    names = ("val/f1", f"val/f1{shared[0][:40]}", f"{shared[1][:60]}/accuracy")
    for at in range(3):
        folder = root / f"run-{at}-\x1b[2J\u202e[nope]"
        folder.mkdir()
        data = folder / "data-\x1b[2J.csv"
        data.write_bytes(on_disk(shared[2][:30]).replace(b",", b"") + b",b\n" + b"1,2\n" * 50)
        told = {
            "schema": "exptui/1", "id": evil(at), "name": f"name{at}{evil(at * 4)}", "status": "finished",
            "params": {f"p{shared[0]}": evil(at), "list": [evil(1)], evil(2): {evil(3): evil(4)}},
            "tags": [evil(5), f"tag{at}"], "notes": evil(6), "hypothesis": evil(7), "group": evil(8), "parent": evil(9),
            "summary": {evil(10): evil(11)}, "goals": {evil(12): "min"}, "evaluation": {"dataset": evil(13)},
            "requires_infra": [evil(14)], "data": {"current": str(data), evil(15): evil(16)}, "env": {"host": evil(17)},
            "error": {"type": evil(18), "message": evil(19)}, "created_at": 1e9 + at,
        }  # fmt: skip
        (folder / "run.json").write_text(json.dumps(told))
        points = [json.dumps({"step": step, **dict.fromkeys(names, 0.9 + at / 100)}).encode() for step in range(4)]
        (folder / "metrics.jsonl").write_bytes(b"\n".join([*points, on_disk(evil(20)), *points]))
    broken = root / "broken-\x1b]52;c;x\x07"
    broken.mkdir()
    (broken / "run.json").write_text('{"exptui/": \x1b[2J')
    (broken / "metrics.jsonl").write_text("")


def test_no_command_line_prints_a_command_of_a_run_file(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_runs(root)
    assert main(["list", str(root), "--json"]) == 0
    ids = [run["id"] for run in json.loads(capsys.readouterr().out)["runs"]]
    assert len(ids) == 4
    first, second, *_ = ids
    here = ("--runs", root)
    calls = [
        ["list", root], ["list", root, "--csv"], ["list", root, "--json"],
        *(["show", one, *here] for one in ids), ["show", first, *here, "--series"], ["compare", *ids, *here],
        ["drift", first, second, *here], ["baseline", first, *here], ["baseline", *here], ["list", root],
        ["show", "name", *here], ["show", evil(), *here], ["list", root / evil()[:40]],
        ["drift", evil()[:60], evil()[:60], *here], ["list", root, "--sort", evil()], ["list", root, evil()],
        ["compare", first, second, "--policy", evil()[:40], *here],
    ]  # fmt: skip
    for call in calls:
        try:
            code = main([str(one) for one in call])
        except SystemExit as end:
            code = int(str(end.code))
        out, err = capsys.readouterr()
        assert code != 1, call
        raw = "--csv" in call  # a file for other programs: its text is kept as it is
        assert HARM.findall(err) == [], call
        assert "\x1b" not in err
        assert len(err.splitlines()) <= 6, err
        if not raw:
            assert HARM.findall(out) == [], call
            assert "\x1b" not in out


def test_a_runs_directory_with_commands_in_its_name(tmp_path: Path) -> None:
    root = tmp_path / "r\x1b]52;c;Q1Q\x07\u202e"
    for folder in (root, tmp_path / "empty\x1b[2J"):
        folder.mkdir()
        found = exptui_("list", folder)
        assert (found.returncode, HARM.findall(found.stdout + found.stderr)) == (0, [])
    assert "\x1b" not in exptui_("list", f"{root}nope").stderr


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_no_pane_of_the_screen_sends_a_command_of_a_run_file(
    root: Path, terminal: Callable[..., Terminal], size: tuple[int, int]
) -> None:
    write_runs(root)
    shown = terminal(*EXPTUI, root, columns=size[0], rows=size[1])
    shown.wait("name2")
    shown.press("b")
    shown.wait("saved")
    shown.press("down", " ", "d", "f", "t", "r", pause=0.1)
    for key in ("1", "2", "3", "4", "5", "6"):
        shown.press(key, "z", "end", "z")
    shown.press("1", "g")  # a run with a note and tags
    for opens, sign in zip("mnT/?:", ("▌Metric", "▌Note", "▌Tags", "▌Filter", "▌Help", "Search for"), strict=True):
        shown.press(opens)
        shown.wait(sign)
        shown.press("end", "home", "escape")
        shown.wait(lambda sign=sign: sign not in shown.screen)
    shown.press("4", "x", "enter", "enter", pause=0.15)
    shown.press("1", "n", pause=0.15)
    shown.press("enter", pause=0.15)
    shown.press("/", "Q", "enter", "s", "s", "R")
    shown.quiet(0.3)
    assert shown.process.poll() is None, shown.screen
    text = re.sub("\x1b]22;[a-z-]*\x07", "", shown.sent.decode("utf-8"))  # the shape of the pointer, by Textual
    assert HARM.findall(text) == []
    assert "Q1" in text, "the marks are shown, as plain text"
    assert not list(root.parent.glob("Q*")), "nothing was run"
    shown.signal(signal.SIGTERM)
    assert shown.wait_exit() == 128 + signal.SIGTERM
