"""The second line of defence: whatever reaches the screen, no control byte reaches the terminal.

The first is `format.safe`, through which all text from disk goes.
"""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


class HarmlessText(LineFilter):
    """Replaces control, bidirectional and invisible characters by a visible sign."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if not any(_HARMFUL.search(text) for text, _, _ in segments):
            return segments
        return [
            segment if segment.control else Segment(_HARMFUL.sub("�", segment.text), segment.style)
            for segment in segments
        ]
