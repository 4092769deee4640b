"""Numbers and times for people."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmu.cli.output import decimals, duration_text, interval_text


@given(st.floats(1e-6, 1e3), st.floats(1e-8, 10))
def test_two_digits_of_the_half_width_are_shown(kappa: float, half_width: float) -> None:
    value, width = interval_text(kappa, half_width).split(" ± ")
    assert abs(float(width) - half_width) <= 0.5 * 10.0 ** -decimals(half_width) * 1.001
    assert abs(float(value) - kappa) <= 0.5 * 10.0 ** -decimals(half_width) * 1.001
    if half_width < 9.95:
        digits = re.sub(r"^0*\.?0*", "", width).replace(".", "")
        assert len(digits) == 2


def test_special_intervals() -> None:
    assert interval_text(0.0, 0.5) == "0 (at most 0.5)"
    assert interval_text(3.0, 0.0) == "3 ± 0"
    assert interval_text(3.0, math.inf) == "3 ± inf"
    assert interval_text(3.0, math.nan) == "3 ± nan"


@given(st.floats(0, 1e7))
def test_durations_are_close_to_the_truth(seconds: float) -> None:
    text = duration_text(seconds)
    if text.endswith(" s"):
        shown = float(text.removesuffix(" s"))
    else:
        shown = 0.0
        for part in text.split(":"):
            shown = 60 * shown + int(part)
    assert shown == pytest.approx(seconds, rel=0.06, abs=0.5)
