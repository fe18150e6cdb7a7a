"""`hive node run` and `hive device run` as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hive.errors import CATALOGUE
from hive.transport.zeromq import ZmqTransport
from tests.fakes.site import FakeSite

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

Hive = Callable[..., "subprocess.Popen[str]"]
MESH = """
mesh: factory
discovery: {{mdns: false}}
sites:
  plant-a:
    conductor: {{bind: "{endpoint}"}}
    devices:
      press-1: {{nodes: [{{specialist: mesh-echo, count: 2, credit: 3}}]}}
      press-2: {{nodes: [{{specialist: mesh-echo}}]}}
policy:
  sites: [{{rule: here, site: plant-a, labels: [internal], default_label: internal}}]
  principals: [{{rule: anyone, principal: "*", capabilities: ["*"], labels: [internal]}}]
  nodes: [{{rule: nodes, node: "press-*", site: plant-a, capabilities: ["*"]}}]
"""


@pytest.fixture
def site() -> Iterator[FakeSite]:
    transport = ZmqTransport()
    yield FakeSite(transport)
    transport.close()


@pytest.fixture
def hive(tmp_path: Path) -> Iterator[Hive]:
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "hive", *arguments]
        environment = os.environ | {"HIVE_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def refused(process: subprocess.Popen[str], code: str) -> str:
    """Wait for the end with the code's exit status; return what was said."""
    _, said = process.communicate(timeout=60)
    assert process.returncode == CATALOGUE[code].exit_status, said
    assert code in said
    return said


def test_node_run_serves_until_it_is_told_to_stop(site: FakeSite, hive: Hive, tmp_path: Path) -> None:
    where = ("--site", "plant-a", "--mesh", "factory", "--conductor", site.endpoint, "--no-mdns")
    process = hive(
        "node", "run", "--specialist", "mesh-echo", "--name", "bench/echo", "--credit", "5", *where
    )
    session = site.joined()
    assert (session.hello.name, session.hello.credit, session.hello.agent_pid) == (
        "bench/echo",
        5,
        process.pid,
    )
    (status,) = (tmp_path / "home" / "factory" / "agents").glob("*.json")
    site.until(lambda: json.loads(status.read_text())["nodes"][0]["state"] == "ready")
    process.send_signal(signal.SIGINT)
    site.until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert session.bye is not None
    assert not status.exists()


def test_device_run_starts_the_devices_nodes_of_the_file(site: FakeSite, hive: Hive, tmp_path: Path) -> None:
    config = tmp_path / "mesh.yaml"
    config.write_text(MESH.format(endpoint=site.endpoint))
    process = hive("device", "run", str(config), "--device", "press-1")
    site.joined(2)
    assert {s.hello.name for s in site.sessions} == {"press-1/mesh-echo", "press-1/mesh-echo-2"}
    assert {s.hello.credit for s in site.sessions} == {3}
    process.terminate()
    site.until(lambda: process.poll() is not None)
    assert process.returncode == 0


def test_what_is_wrong_ends_the_command_with_a_sentence_and_its_status(hive: Hive, tmp_path: Path) -> None:
    where = ("--site", "plant-a", "--mesh", "factory", "--no-mdns")
    echo, conductor = ("--specialist", "mesh-echo"), ("--conductor", "tcp://127.0.0.1:9")
    said = refused(hive("node", "run", "--specialist", "mesh-ecco", *where, *conductor), "model_not_found")
    assert "Did you mean mesh-echo" in said
    assert "http://" in refused(
        hive("node", "run", *echo, *where, "--conductor", "http://h:1"), "bad_request"
    )
    assert "--conductor" in refused(hive("node", "run", *echo, *where), "bad_request")
    assert "--mesh" in refused(hive("node", "run", *echo, "--site", "plant-a", *conductor), "bad_request")
    config = tmp_path / "mesh.yaml"
    config.write_text(MESH.format(endpoint="tcp://127.0.0.1:9"))
    assert "press-2" in refused(hive("device", "run", str(config)), "config_invalid")
    refused(hive("device", "run", str(tmp_path / "none.yaml")), "config_not_found")
