"""Looking around: panes, filter, order, metric, help, the palette, the mouse, and what empty places say."""

import re
from pathlib import Path

import pytest

import exptui
from exptui_tui.screens.keys import KEYS
from tui.piloted import piloted
from tui.recorded import record, three


async def test_a_wide_screen_shows_curves_and_a_side_pane_a_narrow_one_either(root: Path) -> None:
    three(root)
    async with piloted(root, (120, 40)) as app:
        await app.shows("Curves", "no baseline yet", "┤")
        await app.press("2")
        await app.shows("▌Curves", "no baseline yet")
    async with piloted(root, (80, 24)) as app:
        await app.shows("Curves", "┤")
        assert "Diff " not in app.text.replace("d Diff", "")
        await app.press("d")
        await app.shows("no baseline yet")
        assert "┤" not in app.text
        await app.press("2")
        await app.shows("┤")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_every_pane_is_reached_by_its_number_and_its_letter(root: Path, size: tuple[int, int]) -> None:
    three(root)
    async with piloted(root, size) as app:
        await app.cursor_on("base")
        await app.press("b")
        await app.shows("saved")
        await app.cursor_on("better")
        panes = (("2", "Curves", "step 2"), ("3", "Diff", "better against base"), ("4", "Drift", "CANNOT TELL"))
        for key, name, words in (
            *panes,
            ("5", "Recommendation", "PROMOTE"),
            ("6", "Run", "finished"),
            ("1", "Runs", ""),
        ):
            await app.press(key)
            await app.shows(f"▌{name}", words)
        for key, words in (("d", "0.1 → 0.2"), ("t", "CANNOT TELL"), ("r", "rule improved"), ("enter", "val/f1")):
            await app.press("1", key)
            await app.shows(words, "▌Run" if key == "enter" else "▌Runs")


async def test_tab_goes_round_and_back(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        names = ["Curves", "Diff", "Drift", "Recommendation", "Run", "Runs"]
        for name in names:
            await app.press("tab")
            await app.shows(f"▌{name} ")
        for name in reversed(names[:-1]):
            await app.press("shift+tab")
            await app.shows(f"▌{name} ")


async def test_zoom_gives_a_pane_the_screen_and_escape_goes_one_step_back(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        await app.press(" ", "/")
        await app.shows("▌Filter")
        await app.press(*"b", "enter")
        await app.shows("/b", "▪")
        await app.press("2", "z")
        await app.shows("▌Curves")
        await app.lacks("  state")
        await app.press("escape")
        await app.shows("state", "▌Curves")
        await app.press("escape")
        await app.shows("▌Runs", "/b")
        await app.press("escape")
        await app.lacks("/b")
        assert "▪" in app.text
        await app.press("escape")
        await app.lacks("▪")
        await app.press("escape", "escape")
        assert app.app.is_running, "escape never quits"
        await app.press("z")
        await app.shows("▌Runs")
        await app.lacks("Curves")


async def test_the_filter_narrows_and_says_when_nothing_is_left(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        await app.press("/", *"be", "enter")
        await app.shows("/be", "1 of 1, 3 in all")
        assert app.rows == ["better"]
        await app.press("/", *"xyz", "enter")
        await app.shows("no run matches the filter; / changes it, esc clears it")
        await app.press("escape")
        await app.shows("1 of 3", "base ", "better ", "broken ")
        await app.press("/", *"failed", "escape")
        await app.lacks("▌Filter")
        assert len(app.rows) == 3, "escape takes the typing back"


async def test_the_order_goes_round_and_the_cursor_stays_on_its_run(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        await app.cursor_on("base")
        wanted = {"name": ["base", "better", "broken"], "state": ["broken", "base", "better"],
                  "metric": ["better", "base", "broken"]}  # fmt: skip
        for order, names in wanted.items():
            await app.press("s")
            await app.shows(f"by {order}", "base: run.json says finished", f"{names.index('base') + 1} of 3")
            assert app.rows == names


async def test_the_cursor_stays_on_its_run_when_runs_come_in(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        await app.cursor_on("better")
        record(root, "aaa", {"val/f1": [0.7]})
        await app.shows("4 runs")
        await app.shows("better: run.json", f"{app.rows.index('better') + 1} of 4")


async def test_a_metric_is_picked_by_typing(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        await app.press("m")
        await app.shows("▌Metric", "3 of 3", "▸ val/f1")
        await app.press(*"lat")
        await app.shows("1 of 3", "▸ latency_ms")
        await app.press("enter")
        await app.shows("Curves latency_ms")
        head = next(line for line in app.lines if line.startswith("  state"))
        assert head.split()[4] == "latency_ms"
        await app.press("m", *"lat", "escape")
        await app.press("m", *"zzz", "enter")
        await app.shows("Curves latency_ms")


async def test_marked_runs_are_drawn_beside_the_one_under_the_cursor(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        await app.press("g", *"   ")
        await app.shows("━━ base", "━━ better", "━━ broken", "▪")
        await app.press("G", " ")
        await app.press("g")
        await app.pilot.pause(0.2)
        assert len(re.findall("━━ ", app.text)) == 2


async def test_the_help_has_every_key_that_works(root: Path) -> None:
    three(root)
    async with piloted(root, (120, 60)) as app:
        await app.press("?")
        await app.shows("▌Help")
        seen = app.text
        for _ in range(6):
            await app.press("pagedown")
            seen += app.text
        descriptions = [
            binding.description for binding in (*KEYS, *app.app.BINDINGS) if hasattr(binding, "description")
        ]
        assert len(descriptions) > 15
        for words in (*descriptions, "Mark", "Baseline", "Sort", "◆ baseline", "✗ failed", "▲ stalled"):
            assert words in seen, words
        await app.press("q")
        await app.shows("▌Runs")
        assert app.app.is_running


async def test_the_palette_runs_a_command(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        await app.cursor_on("better")
        await app.press(":")
        await app.shows("Search for commands")
        await app.press(*"verdict")
        await app.pilot.pause(0.4)
        await app.press("enter")
        await app.shows("NO VERDICT", timeout=8)


async def test_a_click_chooses_a_run_and_a_key(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        for at, name in enumerate(app.rows):
            await app.pilot.click("#runs", offset=(20, 2 + at))
            await app.shows(f"{name}: ")
        at = app.lines[-1].index("d Diff")
        await app.press("6", "1")
        await app.pilot.click("#keys", offset=(at, 0))
        await app.shows("no baseline yet")
        await app.pilot.click("#runs", offset=(20, 2), times=2)
        await app.shows("▌Run ")


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12)])
async def test_an_empty_directory_says_how_to_fill_it(root: Path, size: tuple[int, int]) -> None:
    async with piloted(root, size) as app:
        await app.shows("no runs here yet", "exptui.init()", "0 runs")
        run = exptui.init(root, name="first")
        run.log({"loss": 0.5})
        run.finish()
        await app.shows("first", "0.5000")


async def test_panes_say_what_they_wait_for(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        for key in ("d", "t"):
            await app.press(key)
            await app.shows("no baseline yet")
        await app.press("b", "d")
        await app.shows("this is the baseline")
        await app.press("t")
        await app.shows("this is the baseline")
        await app.press("r")
        await app.shows("NO VERDICT", "is the baseline itself")
        await app.press("4", "x")
        await app.shows("fewer than two data files are declared")


async def test_equal_things_unfold(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        await app.cursor_on("base")
        await app.press("b")
        await app.cursor_on("better")
        await app.press("3")
        await app.shows("1 equal (f unfolds)")
        await app.press("f")
        await app.shows("layers")
        assert "unfolds" not in app.text


async def test_drift_between_declared_files_can_be_chosen(root: Path) -> None:
    for name, shift in (("a", 0), ("b", 500)):
        (root / f"{name}.csv").write_text("x\n" + "".join(f"{at + shift}.5\n" for at in range(1000)))
    record(root, "one", {"val/f1": [0.9]}, data=str(root / "a.csv"))
    record(root, "two", {"val/f1": [0.9]}, data=str(root / "b.csv"))
    async with piloted(root) as app:
        await app.cursor_on("one")
        await app.press("b")
        await app.cursor_on("two")
        await app.press("t")
        await app.shows("DRIFT", "↑ up", "a person is needed: data drift")
        await app.press("4", "x")
        await app.shows("Reference data", "two · ")
        await app.press("enter", "enter")
        await app.shows("▌Drift")


async def test_keys_of_the_side_panes_work_from_the_list(root: Path) -> None:
    three(root)
    async with piloted(root) as app:
        await app.press("b", "down", "d")
        await app.shows("equal (f unfolds)")
        await app.press("f")
        await app.lacks("equal (f unfolds)")
        await app.press("x")
        await app.shows("fewer than two data files")
