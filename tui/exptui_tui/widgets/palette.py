"""From style names to colours of the present theme."""

from __future__ import annotations

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

_RUNS = ("#56b4e9", "#e69f00", "#2fbf8f", "#d687b5", "#d9cf3a", "#6d8ff0", "#f0743e", "#a6a6a6")
"""Colours of marked runs, after Okabe and Ito, that differ for colour-blind eyes too."""

RUN_COLOURS = len(_RUNS)


def _base(theme: Theme) -> dict[str, Style]:
    background = Color.parse(theme.background or ("#121417" if theme.dark else "#fafafa"))
    foreground = Color.parse(theme.foreground or ("#d8dee4" if theme.dark else "#20242a"))
    accent = Color.parse(theme.accent or theme.primary)

    def ink(color: Color, *, bold: bool = False) -> Style:
        return Style(color=color.rich_color, bold=bold or None)

    styles = {
        "": Style(),
        "dim": ink(foreground.blend(background, 0.42)),
        "bold": Style(bold=True),
        "title": ink(accent, bold=True),
        "accent": ink(accent),
        "good": ink(Color.parse(theme.success or "#3fb950")),
        "bad": ink(Color.parse(theme.error or "#f85149")),
        "warn": ink(Color.parse(theme.warning or "#d29922")),
        "rule": ink(foreground.blend(background, 0.72)),
        "cursor": Style(bgcolor=background.blend(accent, 0.26).rich_color),
        "cursor-away": Style(bgcolor=background.blend(foreground, 0.11).rich_color),
    }
    styles |= {f"run{at}": ink(Color.parse(code)) for at, code in enumerate(_RUNS)}
    return styles


_bases: dict[str, dict[str, Style]] = {}
_styles: dict[tuple[str, str], Style] = {}


def style_of(theme: Theme, names: str) -> Style:
    """The style for one or more names separated by blanks, the later ones over the earlier ones."""
    key = (theme.name, names)
    found = _styles.get(key)
    if found is None:
        base = _bases.get(theme.name) or _bases.setdefault(theme.name, _base(theme))
        found = _styles[key] = sum((base[name] for name in names.split()), Style())
    return found
