"""Waiting for something that other threads or processes bring about."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(holds: Callable[[], bool], wait_s: float = 20.0, what: str = "it") -> None:
    """Return as soon as `holds()`; fail after `wait_s`."""
    end = time.monotonic() + wait_s
    while not holds():
        assert time.monotonic() < end, f"{what} did not happen in {wait_s} s"
        time.sleep(0.02)
