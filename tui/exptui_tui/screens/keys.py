"""The keys of the main screen: help, the command palette and the bottom line are made from this table."""

from __future__ import annotations

from textual.binding import Binding, BindingType

SIDES = ("diff", "drift", "decision", "overview")
"""The panes that take turns beside the curves."""

PANES = {
    "runs": "Runs",
    "curves": "Curves",
    "diff": "Diff",
    "drift": "Drift",
    "decision": "Recommendation",
    "overview": "Run",
}
"""All panes in the order of their number keys."""

KEYS: list[BindingType] = [
    Binding("question_mark", "help", "Help", show=False, id="help", key_display="?", tooltip="All keys that work here"),
    Binding("m", "choose_metric", "Metric", id="metric", tooltip="Choose the metric to order, plot and compare by"),
    Binding("d", "show('diff')", "Diff", id="diff", tooltip="What differs from the baseline"),
    Binding("t", "show('drift')", "Drift", id="drift", tooltip="Whether the training data moved"),
    Binding("r", "show('decision')", "Verdict", id="recommend", tooltip="Promote, iterate or abandon, and why"),
    Binding(
        "slash",
        "filter",
        "Filter",
        id="filter",
        key_display="/",
        tooltip="Narrow the run list by words, metrics, params, tags, state or age",
    ),
    *(
        Binding(str(at), f"go('{pane}')", name, show=False, id=f"pane.{at}")
        for at, (pane, name) in enumerate(PANES.items(), 1)
    ),
    Binding("tab", "cycle(1)", "Next pane", show=False, id="pane.next"),
    Binding("shift+tab", "cycle(-1)", "Previous pane", show=False, id="pane.previous"),
    Binding("f", "in_pane('diff', 'fold')", "Fold", show=False, id="fold", tooltip="Diff: show or hide what is equal"),
    Binding("x", "in_pane('drift', 'choose')", "Files", show=False, id="files", tooltip="Drift: any two data files"),
    Binding("z", "zoom", "Zoom", show=False, id="zoom", tooltip="Give the pane in focus the whole screen"),
    Binding("n", "note", "Note", show=False, id="note", tooltip="Write a note about the run"),
    Binding("T", "tags", "Tags", show=False, id="tags", tooltip="Change the run's tags"),
    Binding("R", "rescan", "Rescan", show=False, id="rescan", tooltip="Look at the disk now"),
    Binding("escape", "back", "Back", show=False, id="back", tooltip="One step back"),
]
