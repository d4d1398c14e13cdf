"""This will prove how durations are read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.durations import NANOSECONDS, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("30m", 1800, "30m0s"),
        ("2h", 7200, "2h0s"),
        ("4h30m", 16200, "4h30m0s"),
        ("90s", 90, "1m30s"),
        ("1h2m3s", 3723, "1h2m3s"),
    ],
)
def test_durations_are_read_and_written_as_the_contract_does(text: str, seconds: int, written: str) -> None:
    assert parse_duration(text) == seconds * NANOSECONDS
    assert format_duration(seconds * NANOSECONDS) == written


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "2h ", "2d", "30m2h", "1h1h", "0s", "0h0m", "1.5h", "٣h", "2H"])
def test_everything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|must"):
        parse_duration(text)


@given(st.integers(min_value=1, max_value=10**9))
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds * NANOSECONDS)) == seconds * NANOSECONDS
