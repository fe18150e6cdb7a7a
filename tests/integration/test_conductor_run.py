"""`hive conductor run`: its processes, its status file, a policy that changes, and a start that fails."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hive.client import Client
from hive.errors import CATALOGUE, HiveError
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(150)]

MESH = """
mesh: solo
discovery: {mdns: false}
sites:
  plant-a:
    conductor: {bind: "tcp://127.0.0.1:PORT", http: null}
policy:
  sites: [{rule: here, site: plant-a, labels: [internal], default_label: internal}]
  principals: [{rule: anyone, principal: "*", capabilities: ["*"], labels: [internal]}]
  nodes: [{rule: nodes, node: "press-*", site: plant-a, capabilities: [mesh.echo]}]
"""


class Site:
    """A mesh file on a free port, and the `hive` processes that a test started with it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.config = home / "mesh.yaml"
        self.config.write_text(MESH.replace("PORT", str(self.port)))
        self.status = home / "solo" / "conductors" / "plant-a.json"
        self.url = f"tcp://127.0.0.1:{self.port}"
        self._started: list[subprocess.Popen[str]] = []

    def hive(self, *arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | {"HIVE_HOME": str(self.home), "COLUMNS": "300"}
        command = [sys.executable, "-m", "hive", *arguments]
        with (self.home / "said").open("a") as said:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stderr=said, text=True
            )
        self._started.append(process)
        return process

    def conductor(self) -> subprocess.Popen[str]:
        process = self.hive("conductor", "run", str(self.config))
        until(lambda: self.ready() or process.poll() is not None, 60, "a conductor")
        return process

    def said(self) -> str:
        return (self.home / "said").read_text()

    def rows(self) -> dict[str, dict[str, Any]]:
        rows = json.loads(self.status.read_text()) if self.status.exists() else []
        return {row["role"]: row for row in rows}

    def ready(self) -> bool:
        return {role: row["state"] for role, row in self.rows().items()} == dict.fromkeys(
            ("dispatcher", "control"), "ready"
        )

    def pid(self, role: str) -> int:
        return int(self.rows()[role]["pid"])

    def end(self) -> None:
        for process in self._started:
            process.terminate()
        for process in self._started:
            process.wait(30)


@pytest.fixture
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="solo-") as folder:
        made = Site(Path(folder))
        yield made
        made.end()


def test_it_says_what_runs_keeps_it_running_and_ends_cleanly(site: Site) -> None:
    process = site.conductor()
    assert {row["site"] for row in site.rows().values()} == {"plant-a"}
    assert stat.S_IMODE((site.home / "solo" / "run").stat().st_mode) == 0o700
    for role in ("control", "dispatcher"):
        before = site.pid(role)
        os.kill(before, signal.SIGKILL)
        until(lambda role=role, before=before: site.ready() and site.pid(role) != before, 40, f"a new {role}")
    process.terminate()
    assert process.wait(20) == 0
    assert not site.status.exists()


def test_a_busy_port_is_named(site: Site) -> None:
    with socket.create_server(("127.0.0.1", site.port)):
        process = site.conductor()
    assert process.wait(30) == CATALOGUE["address_in_use"].exit_status
    assert str(site.port) in site.said()


def test_a_policy_that_changes_counts_at_once_for_nodes_that_are_here(site: Site) -> None:
    process = site.conductor()
    where = ("--site", "plant-a", "--mesh", "solo", "--conductor", site.url, "--no-mdns")
    site.hive("node", "run", "--specialist", "mesh-echo", "--name", "press-1/echo", *where)
    with Client(site.url) as client:
        until(lambda: _works(client), 40, "an answer")
        _rewrite(site, "press-*", "lathe-*")
        process.send_signal(signal.SIGHUP)
        until(lambda: not _works(client), 40, "the end of the grant")
        until(lambda: client.nodes() == [], 40, "the node's leave")
        _rewrite(site, "lathe-*", "press-*")
        process.send_signal(signal.SIGHUP)
        until(lambda: _works(client), 40, "the grant again")
        _rewrite(site, "capabilities: [mesh.echo]", "capabilities: 7")
        process.send_signal(signal.SIGHUP)
        log = site.home / "solo" / "logs" / "control-plant-a.log"
        until(lambda: "the policy stays as it was" in log.read_text(), 40, "a sentence in the log")
        assert _works(client)


def test_labels_that_were_numbered_anew_end_the_conductor_with_a_sentence(site: Site) -> None:
    """The dispatcher has data in the old numbers, and a control process that was restarted would use the new ones."""
    _rewrite(site, "mesh: solo", "mesh: solo\nlabels: [secret]")
    process = site.conductor()
    _rewrite(site, "labels: [secret]", "labels: [open, secret]")
    os.kill(site.pid("control"), signal.SIGKILL)
    assert process.wait(90) == CATALOGUE["config_invalid"].exit_status
    assert "labels may only be added at the end" in site.said()


def _works(client: Client) -> bool:
    try:
        return bool(client.run("mesh.echo", "x", deadline_ms=2_000).output == "x")
    except HiveError:
        return False


def _rewrite(site: Site, old: str, new: str) -> None:
    site.config.write_text(site.config.read_text().replace(old, new))
