"""Decisions on the screen: said to be saved only when they are on the disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exptui.journal import Journal
from exptui.places import decision_folders
from exptui_tui.session import open_directory
from tui.piloted import piloted
from tui.recorded import record, three


def on_disk(root: Path, key: str) -> Any:
    return Journal(decision_folders(str(root))).get(key)


async def test_b_sets_the_baseline_and_b_again_clears_it(root: Path) -> None:
    ids = three(root)
    async with piloted(root) as app:
        await app.cursor_on("base")
        await app.press("b")
        await app.shows("saved: baseline is base")
        assert on_disk(root, "baseline") == ids["base"]
        await app.shows("baseline base", "+5.6% better", "◆")
        await app.press("b")
        await app.shows("saved: no baseline any more", "baseline none (b sets it)")
        assert on_disk(root, "baseline") is None


async def test_saved_is_not_said_before_it_is_on_the_disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three(root)
    async with piloted(root) as app:
        seen: list[str] = []

        def watching(function: Callable[..., Any]) -> Callable[..., Any]:
            def record(*arguments: Any) -> Any:
                seen.append(app.text)
                found = function(*arguments)
                assert on_disk(root, "baseline") is not None
                return found

            return record

        monkeypatch.setattr(Journal, "record", watching(Journal.record))
        await app.press("b")
        await app.shows("saved: baseline is")
        assert seen
        assert "saved" not in seen[0]


async def test_a_decision_that_cannot_be_saved_is_kept_in_memory_and_said_so(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = three(root)
    async with piloted(root) as app:
        with monkeypatch.context() as broken:

            def full(*_: object) -> None:
                raise OSError(28, "No space left on device")

            broken.setattr("exptui.journal._JournalFile", full)
            await app.cursor_on("base")
            await app.press("b")
            await app.shows("NOT saved, kept in memory only: No space left on device", "baseline base")
            assert "saved: " not in app.text
            assert on_disk(root, "baseline") is None
        await app.cursor_on("better")
        await app.press("b")
        await app.shows("saved: baseline is better")
        assert on_disk(root, "baseline") == ids["better"]


async def test_what_another_instance_decides_is_taken_in(root: Path) -> None:
    ids = three(root)
    async with piloted(root) as app:
        open_directory(str(root)).store.set_baseline(ids["better"])
        await app.shows("baseline better", timeout=6)


async def test_a_note_is_asked_for_saved_and_shown(root: Path) -> None:
    ids = three(root)
    async with piloted(root) as app:
        await app.cursor_on("better")
        await app.press("n")
        await app.shows("Note on better")
        await app.press(*"good [/x]", "enter")
        await app.shows("saved: note on better")
        assert on_disk(root, f"{ids['better']}.notes") == "good [/x]"
        await app.press("enter")
        await app.shows("good [/x]")
        await app.press("escape", "n")
        await app.shows("good [/x]")
        await app.press(*"!!!", "escape")
        assert on_disk(root, f"{ids['better']}.notes") == "good [/x]"


async def test_tags_are_words_that_the_filter_finds(root: Path) -> None:
    ids = three(root)
    async with piloted(root) as app:
        await app.cursor_on("base")
        await app.press("T")
        await app.shows("Tags of base")
        await app.press(*"prod, v2  prod", "enter")
        await app.shows("saved: tags of base")
        assert on_disk(root, f"{ids['base']}.tags") == ["prod", "v2"]
        await app.press("/", *"v2", "enter")
        await app.shows("1 of 1, 3 in all")
        assert app.rows == ["base"]


async def test_a_writer_s_own_notes_and_tags_can_be_changed(root: Path) -> None:
    run_id = record(root, "told", notes="by the writer", tags=["one", "two"])
    async with piloted(root) as app:
        await app.press("T")
        await app.shows("one two")
        await app.press("backspace", "backspace", "backspace", "enter")
        await app.shows("saved: tags")
        await app.press("n")
        await app.shows("by the writer")
        await app.press(*"!", "enter")
        await app.shows("saved: note")
    assert on_disk(root, f"{run_id}.tags") == ["one"]
    assert on_disk(root, f"{run_id}.notes") == "by the writer!"
    told = json.loads((root / run_id / "run.json").read_text())
    assert (told["tags"], told["notes"]) == (["one", "two"], "by the writer"), "the writer's file is not touched"


async def test_without_runs_decisions_say_what_is_missing(root: Path) -> None:
    async with piloted(root) as app:
        for key in ("n", "T"):
            await app.press(key)
            await app.shows("no run under the cursor")
        await app.press("b", " ", "enter", "m")
        await app.shows("no metrics yet")
