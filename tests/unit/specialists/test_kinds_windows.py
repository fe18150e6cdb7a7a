"""Windows are read with a sentence for each thing that does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from hive.errors import HiveError
from specialists.kinds.windows import Limits, read_window

LIMITS = Limits(rows=100, channels=3, values=150)


def document(**changes: object) -> dict[str, object]:
    values = np.zeros((10, 2), np.float32)
    return {"source": "pump-7", "channels": ["a", "b"], "interval_s": 2.0, "values": values, **changes}


def test_a_window_is_read() -> None:
    window = read_window(document(context={"x": 1}), "window", LIMITS)
    assert (window.source, window.channels, window.interval_s) == ("pump-7", ("a", "b"), 2.0)
    assert window.values.shape == (10, 2)
    assert window.context == {"x": 1}


def test_a_window_without_a_sound_interval_or_source_gets_plain_ones() -> None:
    window = read_window(document(interval_s=float("nan"), source=7), "window", LIMITS)
    assert (window.source, window.interval_s) == ("", 1.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": []}, "must be a list of names"),
        ({"channels": ["a", "a"]}, "at most 3 different names"),
        ({"channels": list("abcd")}, "at most 3 different names"),
        ({"values": [[1.0]]}, "rows of numbers"),
        ({"values": np.zeros((10, 3), np.float32)}, "has 3 columns, but there are 2 channels"),
        ({"values": np.zeros((0, 2), np.float32)}, "has 0 rows; 1 to 100 are possible"),
        ({"values": np.zeros((101, 2), np.float32)}, "has 101 rows; 1 to 100 are possible"),
        ({"values": np.zeros((80, 2), np.float32)}, "holds 160 values; 150 are possible"),
        ({"values": np.full((10, 2), np.inf, np.float32)}, "holds infinities"),
        ({"values": np.full((10, 2), np.nan, np.float32)}, "holds no value at all"),
        ({"values": np.full((10, 2), 1e300)}, "holds infinities"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(HiveError, match=words) as error:
        read_window(document(**changes), "window", LIMITS)
    assert error.value.code == "input_invalid"


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(HiveError, match=r"`window` must be a sensor.window"):
        read_window([1], "window", LIMITS)
