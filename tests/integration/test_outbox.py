"""An outbox and a real mesh, with kills of the client at every moment that matters, and of what it speaks to.

`HIVE_OUTBOX_ENTRIES=2000` is the large size of the storm; CI delivers 120.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hive.client import Client
from hive.clients.outbox import Outbox
from hive.clients.request import Wish
from hive.errors import HiveError
from simulation.mesh import LocalMesh, free_ports
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ENTRIES = int(os.environ.get("HIVE_OUTBOX_ENTRIES", "120"))
MESH = """
mesh: boxed
discovery: {{mdns: false}}
sites:
  plant-a:
    conductor: {{bind: "tcp://127.0.0.1:{wire}", http: {{host: 127.0.0.1, port: {http}}}}}
    devices:
      press-1: {{nodes: [{{specialist: mesh-echo, credit: 8}}]}}
policy:
  sites: [{{rule: here, site: plant-a, labels: [internal], default_label: internal}}]
  principals: [{{rule: anyone, principal: "*", capabilities: ["*"], labels: [internal]}}]
  nodes: [{{rule: nodes, node: "press-*/*", site: plant-a, capabilities: ["*"]}}]
"""


@dataclass
class Boxed:
    """The mesh that runs, and its two addresses."""

    mesh: LocalMesh
    wire: str
    http: str

    def kill(self, role: str) -> None:
        (row,) = self.mesh.rows(role)
        assert row.pid is not None
        os.kill(row.pid, signal.SIGKILL)

    def replace(self, role: str) -> None:
        """Kill one, and wait until another is in its place."""
        (old,) = self.mesh.rows(role)
        self.kill(role)
        fresh = lambda: [row for row in self.mesh.rows(role) if row.pid != old.pid and row.state == "ready"]  # noqa: E731
        until(lambda: bool(fresh()), 60, f"another {role}")


@pytest.fixture(scope="module")
def boxed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boxed]:
    folder = tmp_path_factory.mktemp("boxed")
    wire, http = free_ports(2)
    config = folder / "boxed.yaml"
    config.write_text(MESH.format(wire=wire, http=http), encoding="utf-8")
    with LocalMesh(config, folder / "h") as mesh:
        yield Boxed(mesh, f"tcp://127.0.0.1:{wire}", f"http://127.0.0.1:{http}")


def client_that_dies(box: Path, url: str, when: str, number: int) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "tests.fakes.killed_client", str(box), url, when, str(number)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def every_task(url: str) -> list[str]:
    """Return every task that the conductor has, the oldest first, page by page."""
    found: list[str] = []
    before = 0
    with Client(url) as client:
        while page := client.tasks(limit=500, before=before):
            found += [row["id"] for row in page]
            before = page[-1]["cursor"]
    return found[::-1]


def accepted_in_order(url: str, tasks: list[str]) -> list[str]:
    """Return those of `tasks` that the conductor has, each as often as it has it, in the order of their acceptance."""
    ours = set(tasks)
    return [task for task in every_task(url) if task in ours]


@pytest.mark.parametrize("way", ["wire", "http"])
def test_a_client_that_is_killed_at_any_moment_delivers_each_entry_once_and_in_order(
    boxed: Boxed, tmp_path: Path, way: str
) -> None:
    url = boxed.wire if way == "wire" else boxed.http
    box = tmp_path / "box"
    assert client_that_dies(box, url, "added", 12).returncode == -signal.SIGKILL
    tasks = [entry.task for entry in Outbox(box).entries()]
    assert len(tasks) == 12
    moments = [("sending", 1), ("received", 1), ("marked", 2), ("received", 2), ("sending", 3), ("marked", 1)]
    for when, number in moments:
        assert client_that_dies(box, url, when, number).returncode == -signal.SIGKILL
    done = client_that_dies(box, url, "never", 0)
    assert (done.returncode, done.stderr) == (0, "")
    outbox = Outbox(box)
    assert outbox.counts() == {"kept": 0, "accepted": 12, "refused": 0}
    assert accepted_in_order(url, tasks) == tasks
    with Client(url, outbox=outbox) as client:
        assert [client.result(task, 30).output for task in tasks] == [f"entry {n}" for n in range(12)]


def test_a_gateway_that_is_killed_costs_its_callers_an_error_and_no_task(boxed: Boxed) -> None:
    with Client(boxed.wire) as direct, Client(boxed.http) as client:
        first = client.submit("mesh.echo", "kept", idempotency_key="gateway-kill")
        boxed.kill("gateway")
        try:
            client.task(first)
        except HiveError as error:
            assert error.code == "unreachable"  # noqa: PT017 - a new gateway may be there already
        assert direct.result(first, 30).output == "kept"
        again = client.run("mesh.echo", "kept", idempotency_key="gateway-kill", deadline_ms=60_000)
        assert (again.id, again.output) == (first.id, "kept")


def test_an_outbox_waits_for_a_gateway_that_was_killed(boxed: Boxed, tmp_path: Path) -> None:
    with Client(boxed.http, outbox=tmp_path / "box") as client:
        before = [client.submit("mesh.echo", f"before {n}") for n in range(3)]
        boxed.kill("gateway")
        after = [client.submit("mesh.echo", f"after {n}") for n in range(3)]
        assert client.flush(60).kept == 0
        tasks = [task.id for task in (*before, *after)]
        assert accepted_in_order(boxed.wire, tasks) == tasks
        assert [client.result(task, 30).output for task in after] == [f"after {n}" for n in range(3)]


def test_a_conductor_that_is_killed_again_and_again_gets_each_entry_once_and_in_order(
    boxed: Boxed, tmp_path: Path
) -> None:
    box = Outbox(tmp_path / "box")
    words = [
        sys.executable,
        "-m",
        "hive",
        "outbox",
        "deliver",
        str(box.path),
        "--watch",
        "--json",
        "--url",
        boxed.wire,
    ]
    tasks: list[str] = []
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
        try:
            for strike in range(4):
                tasks += [
                    box.add(
                        Wish("mesh.echo", f"entry {len(tasks) + n}", durable=True, deadline_ms=120_000)
                    ).task
                    for n in range(40)
                ]
                until(lambda strike=strike: box.counts()["accepted"] >= 40 * strike + 10, 60, "the delivery")
                boxed.kill("dispatcher")
            until(lambda: box.counts()["kept"] == 0, 90, "the rest of the delivery")
        finally:
            service.kill()
    assert box.counts() == {"kept": 0, "accepted": len(tasks), "refused": 0}
    assert accepted_in_order(boxed.wire, tasks) == tasks
    with Client(boxed.wire) as client:
        assert [client.result(task, 60).output for task in tasks] == [f"entry {n}" for n in range(len(tasks))]


class Storm(threading.Thread):
    """Kills the conductor or the gateway every few seconds until it is told to stop."""

    def __init__(self, boxed: Boxed, chance: random.Random) -> None:
        super().__init__()
        self._boxed = boxed
        self._chance = chance
        self._over = threading.Event()
        self.kills = 0

    def run(self) -> None:
        while not self._over.wait(self._chance.uniform(2.0, 6.0)):
            role = self._chance.choice(["dispatcher", "dispatcher", "gateway"])
            for row in self._boxed.mesh.rows(role):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(row.pid or 0, signal.SIGKILL)
                    self.kills += 1

    def end(self) -> None:
        self._over.set()
        self.join()


def test_a_storm_of_kills_on_both_sides_loses_nothing_doubles_nothing_and_keeps_the_order(
    boxed: Boxed, tmp_path: Path
) -> None:
    box = Outbox(tmp_path / "box", max_entries=ENTRIES)
    chance = random.Random(7)
    storm = Storm(boxed, chance)
    tasks: list[str] = []
    deaths = 0
    storm.start()
    try:
        while len(tasks) < ENTRIES or box.counts()["kept"]:
            for _ in range(min(20, ENTRIES - len(tasks))):
                text = f"entry {len(tasks)}"
                tasks.append(box.add(Wish("mesh.echo", text, durable=True, deadline_ms=300_000)).task)
            when, url = (
                chance.choice(["sending", "received", "marked"]),
                chance.choice([boxed.wire, boxed.http]),
            )
            victim = client_that_dies(box.path, url, when, chance.randint(1, 25))
            assert victim.returncode in (0, -signal.SIGKILL), victim.stderr
            deaths += victim.returncode != 0
    finally:
        storm.end()
    assert deaths > 0
    assert box.counts() == {"kept": 0, "accepted": ENTRIES, "refused": 0}
    until(lambda: bool(boxed.mesh.rows("dispatcher")), 30, "the last conductor")
    assert accepted_in_order(boxed.wire, tasks) == tasks
    with Client(boxed.wire) as client:
        assert [client.result(task, 120).output for task in tasks] == [f"entry {n}" for n in range(ENTRIES)]


def test_a_cancelled_durable_task_is_cancelled_after_a_restart_too(boxed: Boxed) -> None:
    frozen = [row.pid for role in ("agent", "node") for row in boxed.mesh.rows(role) if row.pid is not None]
    with Client(boxed.wire) as client:
        done = client.run("mesh.echo", "done before", durable=True)
        for pid in frozen:  # the agent first: it would replace a node that it sees frozen
            os.kill(pid, signal.SIGSTOP)
        try:
            open_ = client.submit("mesh.echo", "never", deadline_ms=120_000)
            early = client.submit("mesh.echo", "never", deadline_ms=120_000)
            assert client.cancel(early).state == "cancelled"
            boxed.replace("dispatcher")
            assert client.task(early).state == "cancelled"
            assert client.cancel(open_).state == "cancelled"
            assert client.cancel(done.id).state == "done"
            boxed.replace("dispatcher")
            assert [client.task(task).state for task in (early, open_)] == ["cancelled", "cancelled"]
            assert client.task(done.id).output == "done before"
        finally:
            for pid in reversed(frozen):
                os.kill(pid, signal.SIGCONT)
