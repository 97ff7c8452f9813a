"""Free text as numbers: what can be compared about it without understanding it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from exptui.drift.tables import Labels, Numbers

MEAN_LENGTH = 40
SAMPLE = 20_000
"""Rows of a side that are looked at, evenly spread; more would only cost time."""


def is_text(column: Labels) -> bool:
    """Whether values read like prose: longer than 40 characters on average, with spaces or letters beyond
    ASCII (so that long hashes, addresses and paths are not)."""
    used = column.codes[column.codes >= 0]
    if not len(used):
        return False
    names = [column.names[code] for code in used[:: max(1, len(used) // 1000)].tolist()]
    prose = sum(" " in name or not name.isascii() for name in names)
    return sum(map(len, names)) > MEAN_LENGTH * len(names) and 2 * prose > len(names)


def derived(reference: Labels, current: Labels) -> dict[str, tuple[Numbers, Numbers]]:
    """Numeric columns that stand for a text column, as (reference, current): length in characters, words,
    share of characters beyond ASCII, and share of words unseen in the reference.

    No text has words unseen in itself, so the vocabulary comes from every other reference row and the
    rows between are the ones compared.
    """
    old, new = _sample(reference), _sample(current)
    vocabulary = {word for text in old[::2] if text is not None for word in _words(text)}
    return {
        "length": (_measure(old, _length), _measure(new, _length)),
        "words": (_measure(old, _word_count), _measure(new, _word_count)),
        "non-ASCII share": (_measure(old, _foreign), _measure(new, _foreign)),
        "unseen words share": (_unseen(old[1::2], vocabulary), _unseen(new, vocabulary)),
    }


def _sample(column: Labels) -> list[str | None]:
    rows: NDArray[np.intp] = np.arange(len(column.codes))
    if len(rows) > SAMPLE:
        rows = np.linspace(0, len(rows) - 1, SAMPLE).astype(np.intp)
    return [column.names[code] if code >= 0 else None for code in column.codes[rows].tolist()]


def _measure(texts: list[str | None], measure: Callable[[str], float]) -> Numbers:
    return Numbers(np.array([np.nan if text is None else measure(text) for text in texts], dtype=np.float64))


def _words(text: str) -> list[str]:
    return text.lower().split()


def _length(text: str) -> float:
    return len(text)


def _word_count(text: str) -> float:
    return len(text.split())


def _foreign(text: str) -> float:
    return sum(character > "\x7f" for character in text) / len(text) if text else 0.0


def _unseen(texts: list[str | None], vocabulary: set[str]) -> Numbers:
    def share(text: str) -> float:
        words = _words(text)
        return sum(word not in vocabulary for word in words) / len(words) if words else 0.0

    return _measure(texts, share)
