"""Ctrl-C is raised only where nothing can be left half done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hive.cli.interrupts import Interrupts

_BUSY = 300


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def look_for_ever(process: subprocess.Popen[bytes], interrupts: Interrupts) -> None:
    while True:
        assert process.poll() is None
        interrupts.pause(0.0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_outside_a_pause_waits_for_the_next_one(number: signal.Signals) -> None:
    interrupts = Interrupts()
    interrupts.pause(0.0)
    os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt):
        interrupts.pause(3600.0)


def test_a_signal_ends_a_pause() -> None:
    interrupts = Interrupts()
    signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    with pytest.raises(KeyboardInterrupt):
        interrupts.pause(3600.0)


def test_a_signal_while_a_process_is_looked_at_leaves_no_lock_behind() -> None:
    """Python's own handler did, in one try of seven here; `hive up` then waited for its supervisor for ever."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        for spread in range(_BUSY):
            interrupts = Interrupts()
            signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGINT))
            signal.setitimer(signal.ITIMER_REAL, 1e-5 + spread * 1e-6)
            with pytest.raises(KeyboardInterrupt):
                look_for_ever(process, interrupts)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.wait(timeout=30) == 0
