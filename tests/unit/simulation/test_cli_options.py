"""Durations as people write them."""

from __future__ import annotations

import pytest

from hive.errors import HiveError
from simulation.cli_options import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("0.5m", 30.0), ("8h", 28_800.0), (" 10m ", 600.0)]
)
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-1s", "m", "10d", "1e3", "inf", "nan", "1.s"])
def test_what_is_no_duration_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(HiveError, match="write a number with s, m or h") as caught:
        seconds_of(text)
    assert caught.value.code == "bad_request"
