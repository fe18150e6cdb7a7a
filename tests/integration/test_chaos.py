"""Chaos on real processes in its smoke size: one site, and linked sites, with fixed seeds.

The soak and release sizes are in docs/howto/chaos.md.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from simulation.netns import possible
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

BROKEN = ("lost", "duplicates", "phantom", "stale", "misplaced")
KEYS = {"acknowledged", "finished", *BROKEN, "faults", "move_ms"}
ONE = "kill,stop,slow,poison,agent-kill,conductor-kill,gateway-kill,client-kill"
SIZE = ("--duration", "9s", "--tasks", "100")
"""Longer where the machine is slow: up to 27 seconds, until so much was acknowledged that something is judged."""
LINKED = "kill,link-cut,partition,conductor-kill,gateway-stop"


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "hive", "sim", *words, "--json"]


def hive(home: Path, *words: str) -> tuple[int, Any]:
    done = subprocess.run(
        command(*words),
        env={**os.environ, "HIVE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.count("\n") == 1, done.stderr
    return done.returncode, json.loads(done.stdout)


def kept(said: dict[str, Any], faults: str) -> None:
    assert said.keys() >= KEYS
    assert [said[name] for name in BROKEN] == [0] * len(BROKEN), said["problems"]
    assert said["acknowledged"] == said["finished"] > 50
    assert set(said["faults"]) == set(faults.split(","))
    assert said["move_ms"].keys() == {"p50", "p99", "max"}


def test_one_site_keeps_its_promises_and_can_be_judged_again(tmp_path: Path) -> None:
    out = tmp_path / "one"
    status, said = hive(
        tmp_path, "chaos", "one-site", *SIZE, "--faults", ONE, "--seed", "1", "--out", str(out)
    )
    kept(said, ONE)
    assert status == 0
    assert said["outcomes"]["dead_lettered dead_lettered"] == 1, "the poisoned task is set aside"
    assert {path.name for path in out.iterdir()} >= {
        "report.md",
        "result.json",
        "timeline.svg",
        "calls",
        "effects",
    }
    assert hive(tmp_path, "judge", str(out)) == (0, said)
    _forget(out)
    status, again = hive(tmp_path, "judge", str(out))
    assert (status, again["lost"]) == (1, 1)


def test_linked_sites_keep_their_promises(tmp_path: Path) -> None:
    status, said = hive(
        tmp_path, "chaos", "factory", *SIZE, "--faults", LINKED, "--seed", "2",
        "--out", str(tmp_path / "linked"),
    )  # fmt: skip
    kept(said, LINKED)
    assert (status, said["netns"]) == (0, possible())


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Return a folder with a short path: a socket's may have no more than about 100 bytes."""
    with tempfile.TemporaryDirectory(prefix="hive-") as folder:
        yield Path(folder)


def test_nothing_is_left_when_it_is_interrupted(tmp_path: Path, temporary: Path) -> None:
    out = tmp_path / "cut short"
    words = ("chaos", "one-site", "--duration", "60s", "--faults", "stop", "--every", "1", "--out", str(out))
    process = subprocess.Popen(
        command(*words),
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until(lambda: (out / "faults.jsonl").exists() and any((out / "calls").iterdir()), 90, "the first call")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert list(temporary.glob("hive*")) == []
    end_s = time.monotonic() + 10
    while (left := _naming(str(temporary)) + _naming(str(out))) and time.monotonic() < end_s:
        psutil.wait_procs(left, timeout=0.2)
    assert [one.cmdline() for one in left] == []


def test_a_fault_that_there_is_not_is_refused_with_the_list(tmp_path: Path) -> None:
    status, said = hive(tmp_path, "chaos", "one-site", "--faults", "kill,flood")
    assert (status, said["code"]) == (2, "bad_request")
    assert "conductor-kill, conductor-stop" in said["detail"]


def _forget(folder: Path) -> None:
    """Take every outcome of one acknowledged task out of the histories."""
    calls = sorted((folder / "calls").glob("*.jsonl"))
    rows = [json.loads(line) for path in calls for line in path.read_text().splitlines()]
    promised = {
        (r["caller"], r["call"])
        for r in rows
        if r["kind"] == "invoke" and r["op"] == "submit" and "durable" in r
    }
    task = next(r["task"] for r in rows if r["kind"] == "ok" and (r["caller"], r["call"]) in promised)
    for path in calls:
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not ('"digest"' in line and task in line)))


def _naming(text: str) -> list[psutil.Process]:
    """Return the processes whose command line or environment names a folder."""
    return [
        one
        for one in psutil.process_iter(["cmdline"])
        if any(text in word for word in one.info["cmdline"] or ())
    ]
