"""Numbers, steps, ages, shares and params as a person reads them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exptui_tui.format import age, number, number_within, param, percent, step

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"), (NAN, "NaN"), (INF, "Inf"), (-INF, "-Inf"), (0.0, "0"), (-0.0, "0"), (1.0, "1"), (-3.0, "-3"),
        (0.92104, "0.9210"), (0.5, "0.5000"), (12.3456, "12.35"), (123.456, "123.5"), (1234.56, "1235"),
        (0.99996, "1.000"), (9.9996, "10.00"), (0.00012345, "0.0001234"), (0.000012345, "1.234e-5"), (3e-5, "3e-5"),
        (1234567.0, "1234567"), (9999999.6, "1e7"), (12345678.0, "1.235e7"), (1e300, "1e300"), (-2.5e-9, "-2.5e-9"),
        (5e-324, "4.941e-324"), (1.7976931348623157e308, "1.798e308"),
    ],
)  # fmt: skip
def test_a_number_has_four_significant_digits(value: float | None, shown: str) -> None:
    assert number(value) == shown


@given(st.floats(-1e300, 1e300))
def test_a_shown_number_is_the_number_to_four_digits(value: float) -> None:
    shown = float(number(value))
    assert math.isclose(shown, value, rel_tol=5.1e-4, abs_tol=1e-322)


@given(st.floats(-1e300, 1e300) | st.sampled_from([NAN, INF, -INF]), st.integers(7, 12))
def test_a_number_in_a_narrow_column_keeps_its_exponent(value: float, width: int) -> None:
    shown = number_within(value, width)
    assert len(shown) <= width
    if math.isfinite(value):
        assert math.isclose(float(shown), value, rel_tol=0.51, abs_tol=1e-322)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"), (NAN, "–"), (INF, "–"), (0.0, "0"), (950.0, "950"), (8200.0, "8200"), (12000.0, "12k"),
        (12500.0, "12.5k"), (123456.0, "123k"), (999999.0, "1M"), (1_300_000.0, "1.3M"), (999_600_000.0, "1G"),
        (2.5e9, "2.5G"), (1e12, "1e12"), (1e300, "1e300"), (0.5, "0.5000"), (1.5, "1.500"), (-5.0, "-5"),
    ],
)  # fmt: skip
def test_a_step_is_short(value: float | None, shown: str) -> None:
    assert step(value) == shown


@given(st.floats())
def test_no_step_is_wider_than_its_column(value: float) -> None:
    assert len(step(value)) <= 7


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "–"), (-5.0, "0s"), (0.0, "0s"), (59.9, "59s"), (60.0, "1m"), (3599.0, "59m"), (3600.0, "1h"),
     (86399.0, "23h"), (86400.0, "1d"), (8.64e9, "100000d")],
)  # fmt: skip
def test_an_age_has_one_unit(seconds: float | None, shown: str) -> None:
    assert age(seconds) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(-0.03, "-3.0%"), (0.0949, "+9.5%"), (0.0996, "+10%"), (-0.73, "-73%"), (0.0, "+0.0%"), (NAN, "–"), (INF, "–"),
     (99.9, "+9990%"), (1e9, ">+9999%"), (-1e300, "<-9999%")],
)  # fmt: skip
def test_a_share_is_signed_and_short(share: float, shown: str) -> None:
    assert percent(share) == shown


@given(st.floats())
def test_no_share_is_wider_than_its_column(share: float) -> None:
    assert len(percent(share)) <= 7


@pytest.mark.parametrize(
    ("value", "shown"),
    [(True, "true"), (False, "false"), (None, "none"), (3, "3"), (3e-05, "3e-05"), (0.1 + 0.2, "0.3"), (NAN, "NaN"),
     ([1, 0.5, "a"], "[1, 0.5, a]"), ("text", "text"), ("\x1b[2J", "␛[2J"), (["\x07"], "[␇]"), ({}, "{}")],
)  # fmt: skip
def test_a_param_is_shown_as_it_would_be_typed(value: object, shown: str) -> None:
    assert param(value) == shown
