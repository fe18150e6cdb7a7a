"""A child process that is kept running: restarts, pauses, the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hive.supervise import Child, tail
from tests.fakes.waiting import until

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]


@pytest.fixture
def children() -> Iterator[list[Child]]:
    made: list[Child] = []
    yield made
    for child in made:
        if child.pid:
            os.kill(child.pid, signal.SIGKILL)
            child.wait_stopped(10)


def ended(child: Child, now_s: float) -> int:
    """Wait for its end and return the status that `look` gives of it."""
    assert child.process is not None
    child.process.wait(20)
    child.process.returncode = None  # as if nobody had waited: look() is to notice it
    child.process.poll = lambda: 3  # type: ignore[method-assign]
    status = child.look(now_s)
    child.process.returncode = 3
    assert status is not None
    return status


def pauses_of(child: Child, *, works: bool) -> list[int]:
    """Let it fail six times, and return the pauses in tenths of a second."""
    child.start(0.0)
    pauses = []
    now = 0.0
    for _ in range(6):
        if works:
            child.works()
        assert ended(child, now) == 3
        began = child.restarts
        tenths = 0
        while child.restarts == began:
            tenths += 1
            child.look(now + tenths / 10 + 0.001)
        pauses.append(tenths)
        now += tenths / 10 + 0.001
    return pauses


def test_a_quick_failure_is_started_again_after_a_pause_that_doubles(
    children: list[Child], tmp_path: Path
) -> None:
    child = Child("x", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")
    children.append(child)
    assert pauses_of(child, works=False) == [2, 4, 8, 16, 32, 50]
    assert child.failures == 6


def test_who_had_worked_is_never_waited_for_long(children: list[Child], tmp_path: Path) -> None:
    child = Child("x", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")
    children.append(child)
    assert pauses_of(child, works=True) == [1, 1, 2, 4, 4, 4]


def test_a_failure_after_a_long_life_starts_the_pauses_anew(children: list[Child], tmp_path: Path) -> None:
    child = Child("x", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")
    children.append(child)
    child.start(0.0)
    child.failures = 4
    assert ended(child, 60.0) == 3
    assert child.failures == 1


def test_stopping_waits_and_then_kills(children: list[Child], tmp_path: Path) -> None:
    polite, deaf = Child("p", SLEEPS, tmp_path / "p"), Child("d", DEAF, tmp_path / "d")
    children += [polite, deaf]
    for child in children:
        child.start(0.0)
    until(lambda: "deaf" in tail(deaf.log))
    for child in children:
        child.ask_to_stop()
    assert polite.wait_stopped(10)
    assert not deaf.wait_stopped(0.2)
    assert (polite.pid, deaf.pid) == (0, 0)


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib; from hive.supervise import Child;"
        f"c = Child('x', {SLEEPS!r}, pathlib.Path({str(tmp_path / 'log')!r})); c.start(0.0);"
        "print(c.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    child = psutil.Process(pid)
    parent.kill()
    parent.wait(10)
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_the_tail_of_a_log_is_its_last_lines_or_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_text("a\nb\nc\n")
    assert tail(log, 2) == "b\nc"
