"""What the main screen asks in small screens over it, and what it does with the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from exptui.query import QueryError, parse
from exptui.records import RunRecord
from exptui_tui.format import Line, safe
from exptui_tui.present.runs import STATES, choose_metrics

if TYPE_CHECKING:
    from exptui_tui.panes.runs import RunsPane
    from exptui_tui.screens.main import MainScreen


def metric(screen: MainScreen) -> None:
    """Which metric to order, plot and compare by."""
    names = choose_metrics(screen.store)
    if not names:
        screen.tell("no metrics yet", "warn")
        return

    def take(name: str) -> None:
        screen.metric = name

    _pick(screen, "Metric", names, take, screen.metric)


def query(screen: MainScreen, pane: RunsPane) -> None:
    """Which runs to show. What cannot be read comes back with the reason, so that it can be mended."""
    hint = "words, or such as: loss<0.3 and (tag:sweep or lr in 1e-4..1e-3)"

    def take(words: str) -> None:
        try:
            parse(words)
        except QueryError as error:
            _prompt(screen, "Filter", words, str(error).removeprefix("query: "), take)
        else:
            pane.words = words

    _prompt(screen, "Filter", pane.words, hint, take)


def note(screen: MainScreen) -> None:
    """A note about the run under the cursor."""
    run = _run(screen)
    if run is not None:

        def take(text: str) -> None:
            screen.decide(f"note on {safe(run.name, 40)}", lambda: screen.store.set_notes(run.id, text))

        _prompt(screen, f"Note on {safe(run.name, 24)}", run.notes, "enter saves, esc cancels", take)


def tags(screen: MainScreen) -> None:
    """The tags of the run under the cursor."""
    run = _run(screen)
    if run is not None:

        def take(text: str) -> None:
            words = text.replace(",", " ").split()
            screen.decide(f"tags of {safe(run.name, 40)}", lambda: screen.store.set_tags(run.id, words))

        _prompt(screen, f"Tags of {safe(run.name, 24)}", " ".join(run.tags), "separated by blanks; enter saves", take)


def data_files(screen: MainScreen, files: Mapping[str, Path], choose: Callable[[tuple[Path, Path]], None]) -> None:
    """Two of the declared data files, the reference first."""
    if len(files) < 2:
        screen.tell("fewer than two data files are declared by this run and the baseline", "warn")
        return

    def take(reference: str) -> None:
        others = [one for one in files if one != reference]
        _pick(screen, "Compare with it", others, lambda current: choose((files[reference], files[current])))

    _pick(screen, "Reference data", list(files), take)


def show_help(screen: MainScreen) -> None:
    """Every key that works here, and the signs of the list."""
    from exptui_tui.screens.overlay import HelpScreen, help_lines

    active = list(screen.active_bindings.values())
    display = {one.binding.key: screen.app.get_key_display(one.binding) for one in active}
    states: list[Line] = [((f"  {glyph} {word}", style),) for glyph, word, style in STATES.values()]
    legend: list[Line] = [
        (("Signs in the list", "title"),),
        (("  ◆ baseline   ▪ marked   ! some points are not finite", ""),),
    ]
    screen.app.push_screen(HelpScreen(help_lines(active, display, [*legend, *states])))


def _run(screen: MainScreen) -> RunRecord | None:
    run = screen.store.get(screen.aim)
    if run is None:
        screen.tell("no run under the cursor", "warn")
    return run


def _pick(
    screen: MainScreen,
    title: str,
    options: list[str] | tuple[str, ...],
    take: Callable[[str], None],
    chosen: str | None = None,
) -> None:
    from exptui_tui.screens.overlay import PickerScreen

    screen.app.push_screen(PickerScreen(title, options, chosen), lambda one: None if one is None else take(one))


def _prompt(screen: MainScreen, title: str, text: str, hint: str, take: Callable[[str], None]) -> None:
    from exptui_tui.screens.overlay import PromptScreen

    screen.app.push_screen(PromptScreen(title, text, hint), lambda one: None if one is None else take(one.strip()))
