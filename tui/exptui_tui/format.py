"""Numbers, ages and foreign text as a person reads them on a terminal. Pure functions.

A `Line` is a row of spans, (text, style name). Style names: "" dim good bad warn accent bold title, and run0 … run7.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable

from rich.cells import cell_len as cell_len
from rich.cells import set_cell_size

Span = tuple[str, str]
Line = tuple[Span, ...]

BLANK: Line = ()

_MAX_CELLS = 256
_MAX_COMBINING = 4
_HIDDEN = {
    *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x061C, 0xFEFF, 0x2028, 0x2029,
    *range(0xE0000, 0xE0080), *range(0xFFF9, 0xFFFC), 0x00AD, 0x034F, 0x115F, 0x1160, 0x180E, 0x3164, 0xFFA0,
    *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x180B, 0x1810),
}  # fmt: skip
"""Code points that reorder, hide or join text: bidi controls, zero width, line separators, tags, fillers, and
variation selectors, which change how wide the character before them is."""


_NO_TEXT = ("Cf", "Co", "Cn", "Cs")
"""Categories of code points that are no text: formats, private use, unassigned, surrogates."""


def safe(text: object, width: int = _MAX_CELLS) -> str:
    """Foreign text made harmless: no control bytes, no bidi or invisible characters, at most `width` cells wide.

    What is dangerous stays visible as an escape, so that two different names never look alike.
    """
    raw = str(text)
    cut = raw[: width * (1 + _MAX_COMBINING)]
    shown = cut if cut.isascii() and cut.isprintable() else "".join(_visible(cut))
    if len(cut) < len(raw) or cell_len(shown) > width:
        return set_cell_size(shown, max(0, width - 1)).rstrip() + "…" if width > 0 else ""
    return shown


def _visible(text: str) -> Iterable[str]:
    combining = 0
    for character in text:
        code = ord(character)
        marks = code > 0xFF and code not in _HIDDEN and unicodedata.category(character) not in _NO_TEXT
        if marks and cell_len(character) == 0:
            combining += 1
            if combining <= _MAX_COMBINING:
                yield character
            continue
        combining = 0
        if character in "\t\n\r":
            yield " "
        elif code < 0x20:
            yield chr(0x2400 + code)
        elif code == 0x7F:
            yield "␡"
        elif code < 0xA0 and code >= 0x80:
            yield f"\\x{code:02x}"
        elif code in _HIDDEN or unicodedata.category(character) in _NO_TEXT:
            yield f"\\u{code:04x}"
        else:
            yield character


def number(value: float | None, digits: int = 4) -> str:
    """Four significant digits, no exponent in the usual range; words for what is no finite number."""
    if value is None:
        return "–"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    if value == 0:
        return "0"
    if float(value).is_integer() and abs(value) < 1e7:
        return str(int(value))
    power = int(f"{value:.{digits - 1}e}".partition("e")[2])  # after rounding: 0.99996 is 1.000
    if power >= 7 or power < -4:
        return _scientific(value, digits)
    return f"{value:.{max(0, digits - 1 - power)}f}"


def number_within(value: float | None, width: int) -> str:
    """`number` in at most `width` cells where fewer digits achieve that: a cut exponent would be another number."""
    texts = [number(value, digits) for digits in (4, 3, 2, 1)]
    if value is not None and math.isfinite(value):
        texts += [_scientific(value, digits) for digits in (4, 3, 2, 1)]
    return next((text for text in texts if len(text) <= width), texts[-1])


def _scientific(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def step(value: float | None) -> str:
    """A step count, short: 950, 8200, 12.5k, 1.3M."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 9.995e11:
        return number_within(value, 7)
    for least, unit, letter in ((9.995e8, 1e9, "G"), (9.995e5, 1e6, "M"), (1e4, 1e3, "k")):
        if size >= least:
            shown = f"{value / unit:.1f}" if size / unit < 99.95 else f"{value / unit:.0f}"
            return shown.removesuffix(".0") + letter
    return str(int(value)) if float(value).is_integer() else number_within(value, 7)


def age(seconds: float | None) -> str:
    """How long ago: 12s, 4m, 3h, 2d."""
    if seconds is None:
        return "–"
    seconds = max(0.0, seconds)
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "m")):
        if seconds >= size:
            return f"{int(seconds / size)}{unit}"
    return f"{int(seconds)}s"


def percent(share: float) -> str:
    """A signed relative change: no decimals from 10%, one below, so that -3.0% and -73% both read well. Beyond a
    hundredfold the factor says no more than that it is beyond."""
    if not math.isfinite(share):
        return "–"
    hundred = share * 100
    if abs(hundred) >= 9999.5:
        return ">+9999%" if hundred > 0 else "<-9999%"
    return f"{hundred:+.0f}%" if abs(hundred) >= 9.95 else f"{hundred:+.1f}%"


def param(value: object) -> str:
    """A parameter's value as it would be typed."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else number(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(param(one) for one in value) + "]"
    return safe(value)


def tail(text: object, width: int) -> str:
    """The end of foreign text in at most `width` cells: of a path it says more than the beginning."""
    shown = safe(text, 1000)
    if cell_len(shown) <= width:
        return shown
    if width < 1:
        return ""
    start = next(at for at in range(len(shown) - max(0, width - 1), len(shown) + 1) if cell_len(shown[at:]) < width)
    return "…" + shown[start:]


def width_of(line: Line) -> int:
    return sum(cell_len(text) for text, _ in line)


def fit(line: Iterable[Span], width: int) -> Line:
    """The line cut to `width` cells, an ellipsis at the cut."""
    spans, left = [], width
    for text, style in line:
        size = cell_len(text)
        if size <= left:
            spans.append((text, style))
            left -= size
            continue
        if left > 0:
            spans.append((set_cell_size(text, left - 1) + "…", style))
        break
    return tuple(spans)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Text cut or filled to exactly `width` cells; `right` puts it at the right edge."""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    fill = " " * (width - size)
    return fill + text if right else text + fill


def justified(left: Iterable[Span], right: Iterable[Span], width: int) -> Line:
    """Two parts at both ends of a line; the right one gives way first."""
    left, right = tuple(left), tuple(right)
    gap = width - width_of(left) - width_of(right)
    if gap < 1:
        return fit(left, width)
    return (*left, (" " * gap, ""), *right)


def wrapped(text: str, width: int, style: str = "", indent: str = "") -> list[Line]:
    """Text broken at spaces into lines of at most `width` cells; later lines begin with `indent`."""
    lines: list[str] = []
    current = ""
    for at, word in enumerate(text.split(" ")):
        candidate = f"{current} {word}" if at else word
        if cell_len(candidate) <= width:
            current = candidate
            continue
        if current.strip():
            lines.append(current)
            candidate = indent + word
        *whole, current = _pieces(candidate, width, indent)
        lines += whole
    return [((line, style),) for line in (*lines, current)]


def _pieces(word: str, width: int, indent: str) -> list[str]:
    """A word that is longer than a line, in lines; all but the first begin with `indent`."""
    pieces: list[str] = []
    indent = indent if cell_len(indent) + 2 <= width else ""
    while cell_len(word) > max(2, width):
        longest = min(len(word), max(2, width) * (1 + _MAX_COMBINING))
        cut = next(at for at in range(longest, 0, -1) if cell_len(word[:at]) <= max(2, width))
        pieces.append(word[:cut])
        word = indent + word[cut:]
    return [*pieces, word]
