"""Models are timed in turn, and their memory in a process of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from specialists.forge.footprint import model_footprint, specialist_footprint
from specialists.forge.timing import Times, _times, onnx_call, side_by_side
from specialists.load import find
from specialists.manifest import MODEL_FILE

INTENT = find("text-classify-intent")


def test_each_call_gets_the_same_inputs_in_blocks_that_change_order() -> None:
    seen: list[tuple[str, int]] = []
    calls = {name: lambda n, name=name: seen.append((name, n)) for name in ("a", "b")}
    times = side_by_side(calls, rounds=2, block=2)
    assert seen == [
        *[("b", 0), ("b", 1), ("a", 0), ("a", 1)],
        *[("a", 2), ("a", 3), ("b", 2), ("b", 3)],
        *[("b", 4), ("b", 5), ("a", 4), ("a", 5)],
    ]
    assert {name: t.runs + t.interrupted for name, t in times.items()} == {"a": 4, "b": 4}
    assert all(0 < t.p50_ms <= t.p99_ms for t in times.values())


def test_what_the_machine_interrupted_does_not_count() -> None:
    spans = [(1_000_000, False)] * 40 + [(90_000_000, True)] * 60
    assert _times(spans) == Times(1.0, 1.0, 40, 60)
    assert _times(spans[35:]) == Times(90.0, 90.0, 65, 0)


def test_a_model_runs_at_one_thread_on_each_of_its_feeds() -> None:
    feeds = [{"ids": np.ones((1, length), np.int64)} for length in (3, 40)]
    from_file = onnx_call(INTENT / MODEL_FILE, feeds)
    from_bytes = onnx_call((INTENT / MODEL_FILE).read_bytes(), feeds)
    for number in range(3):
        one, other = from_file(number), from_bytes(number)
        assert isinstance(one, list)
        assert isinstance(other, list)
        assert np.array_equal(one[0], other[0])


def test_memory_is_that_of_a_fresh_process() -> None:
    whole = specialist_footprint(INTENT)
    model = model_footprint(INTENT / MODEL_FILE, {"ids": np.ones((1, 8), np.int64)})
    for measured in (whole, model):
        assert 10 < measured.bare_mb < measured.rss_mb < 300
        assert measured.p50_us > 0


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="There is no directory"):
        specialist_footprint(tmp_path / "nothing")
