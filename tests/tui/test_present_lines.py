"""Lines keep the width they were given, in cells, whatever is in them."""

from hypothesis import given
from hypothesis import strategies as st

from exptui_tui.format import cell_len, fit, justified, pad, tail, width_of, wrapped
from exptui_tui.present.empty import empty

TEXT = st.text(st.sampled_from("ab 模é\u0301🚀-"), max_size=30)
LINE = st.lists(st.tuples(TEXT, st.sampled_from(["", "dim"])), max_size=5)
WIDTH = st.integers(0, 40)


@given(LINE, WIDTH)
def test_a_fitted_line_is_never_wider(line: list[tuple[str, str]], width: int) -> None:
    fitted = fit(line, width)
    assert width_of(fitted) <= width
    if width_of(tuple(line)) <= width:
        assert fitted == tuple(line)


@given(TEXT, WIDTH)
def test_padded_text_fills_its_column_exactly(text: str, width: int) -> None:
    assert cell_len(pad(text, width)) == width
    assert cell_len(pad(text, width, right=True)) == width


def test_numbers_stand_at_the_right_edge() -> None:
    assert pad("12", 5, right=True) == "   12"
    assert pad("12", 5) == "12   "
    assert pad("123456", 5, right=True) == "1234…"


@given(LINE, LINE, WIDTH)
def test_a_justified_line_fits_and_keeps_its_left_part(
    left: list[tuple[str, str]], right: list[tuple[str, str]], width: int
) -> None:
    line = justified(left, right, width)
    assert width_of(line) <= width
    if width_of(tuple(left)) <= width:
        assert line[: len(left)] == tuple(left)
    if width_of(tuple(left)) + width_of(tuple(right)) < width:
        assert width_of(line) == width


@given(TEXT, st.integers(2, 40), st.sampled_from(["", "  ", "         "]))
def test_wrapped_lines_fit_and_lose_no_letter(text: str, width: int, indent: str) -> None:
    lines = wrapped(text, width, "bold", indent)
    assert all(width_of(line) <= width for line in lines)
    assert "".join("".join(part for part, _ in line) for line in lines).replace(" ", "") == text.replace(" ", "")


def test_text_breaks_between_words_and_later_lines_are_indented() -> None:
    lines = wrapped("the quick brown fox jumps", 12, "", "  ")
    assert [line[0][0] for line in lines] == ["the quick", "  brown fox", "  jumps"]


def test_a_path_longer_than_the_line_is_broken_not_cut() -> None:
    lines = wrapped("see /a/very/long/path/indeed", 10)
    assert [line[0][0] for line in lines] == ["see", "/a/very/lo", "ng/path/in", "deed"]


@given(st.text(max_size=40), WIDTH)
def test_the_tail_of_a_text_fits(text: str, width: int) -> None:
    assert cell_len(tail(text, width)) <= width


def test_the_tail_keeps_the_end() -> None:
    assert tail("/data/train/模型.csv", 10) == "…/模型.csv"


@given(TEXT, st.integers(10, 60), st.integers(0, 20))
def test_an_empty_pane_s_words_fit(words: str, width: int, height: int) -> None:
    assert all(width_of(line) <= width for line in empty(words, width, height))


def test_an_empty_pane_says_everything_even_when_it_is_narrow() -> None:
    words = "no runs here yet: train with exptui.init(), or start exptui on another directory (exptui demo shows one)"
    text = " ".join(line[0][0].strip() for line in empty(words, 40, 12) if line)
    assert text == words
