"""Foreign text on the screen: nothing in it commands the terminal, hides, reorders, or takes more room than it may."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptui_tui.format import cell_len, safe

CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
REORDERING = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
INVISIBLE = [0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, 0x034F, 0x180E, 0x3164, 0xFE0F, 0xE0041, 0xE0101, 0xFFF9]
BREAKING = [0x2028, 0x2029, 0x85]


def is_harmful(character: str) -> bool:
    """Judged by Unicode itself: controls, formats, surrogates, private use, and line or paragraph separators."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@pytest.mark.parametrize("code", [*CONTROLS, *REORDERING, *INVISIBLE, *BREAKING, 0xD800, 0xDFFF, 0xE000, 0x10FFFF])
def test_no_harmful_character_gets_through_and_the_text_around_it_stays(code: int) -> None:
    shown = safe(f"before{chr(code)}after")
    assert chr(code) not in shown
    assert shown.startswith("before")
    assert shown.endswith("after")
    assert cell_len(shown) > len("beforeafter"), "what was there stays visible as a sign"
    assert not any(map(is_harmful, shown))


def test_two_names_that_differ_in_an_invisible_character_look_different() -> None:
    assert len({safe(f"run{chr(code)}") for code in (*INVISIBLE, *REORDERING, *CONTROLS[:9])} | {safe("run")}) == (
        len(INVISIBLE) + len(REORDERING) + 9 + 1
    )


def test_tabs_and_line_ends_become_blanks() -> None:
    assert safe("a\tb\nc\rd") == "a b c d"


@pytest.mark.parametrize("mark", ["\u0301", "\u0941", "\u0e31", "\u20dd", "\u093f", "\u1161"])
def test_a_tower_of_marks_over_one_letter_is_cut_to_four(mark: str) -> None:
    assert safe("a" + mark * 100 + "b") == "a" + mark * 4 + "b"


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "Ünïcödé e\u0301",
        "模型-微调-v2",
        "модель",
        "שלום",
        "नमस्ते",
        "🚀 launch",
        "α→β ±0.1 ½",
        "a\u3000b",
        "[/nope] [@click=x]",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert safe(text) == text


def test_wide_characters_count_as_two_cells() -> None:
    assert safe("模型模型", 8) == "模型模型"
    assert safe("模型模型", 7) == "模型模…"
    assert safe("模型模型", 6) == "模型…"


@pytest.mark.parametrize("width", [0, 1, 2])
def test_a_cut_fits_the_narrowest_columns(width: int) -> None:
    assert cell_len(safe("模型 long name", width)) <= width


@pytest.mark.parametrize("letter", ["x", "模", "\x1b", "\u0301", "\u202e", "\ud800"])
def test_a_megabyte_takes_less_than_fifty_milliseconds(letter: str) -> None:
    text = letter * 1_000_000
    begun = time.perf_counter()
    shown = safe(text)
    assert time.perf_counter() - begun < 0.05
    assert cell_len(shown) <= 256


@given(st.text(st.characters(codec=None, categories=None), max_size=80), st.integers(0, 60))
def test_whatever_the_text_the_result_is_harmless_and_fits(text: str, width: int) -> None:
    shown = safe(text, width)
    assert not any(map(is_harmful, shown)), ascii(shown)
    assert cell_len(shown) <= width
    assert safe(shown, width) == shown, "what was made harmless once is not changed again"
    shown.encode("utf-8")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60))
def test_ascii_text_that_fits_is_never_changed(text: str) -> None:
    assert safe(text, 60) == text
