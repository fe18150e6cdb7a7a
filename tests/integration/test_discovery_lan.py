"""Machines on a LAN: found by mDNS, cut off and healed, and with multicast blocked."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.lan import Lan, Machine, possible
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.netns, pytest.mark.timeout(180)]

MESH = """
mesh: lan
discovery: {conductors: {list}}
sites:
  plant-a:
    conductor: {bind: "tcp://{address}:8421", insecure: true, http: null}
    devices: {press-1: {nodes: [{specialist: mesh-echo}]}}
policy:
  sites: [{rule: here, site: plant-a, labels: [internal], default_label: internal}]
  principals: [{rule: anyone, principal: "*", capabilities: ["*"], labels: [internal]}]
  nodes: [{rule: nodes, node: "press-*", site: plant-a, capabilities: ["*"]}]
"""
ECHO = ("node", "run", "--specialist", "mesh-echo", "--site", "plant-a")


@pytest.fixture(scope="module")
def _allowed() -> None:
    if not possible():
        pytest.skip("namespaces and iptables are needed")


@pytest.fixture
def lan(_allowed: None) -> Iterator[Lan]:
    # A short path: a socket's path is limited to 107 bytes.
    with tempfile.TemporaryDirectory(prefix="lan-") as folder, Lan(Path(folder)) as made:
        yield made


def mesh_file(machine: Machine, listed: str = "{}") -> str:
    path = machine.home / "mesh.yaml"
    path.write_text(MESH.replace("{list}", listed).replace("{address}", "0.0.0.0"))  # noqa: S104 - in a namespace
    return str(path)


def with_conductor(lan: Lan) -> Machine:
    """Return a machine whose conductor listens and advertises."""
    plant = lan.machine()
    plant.start("conductor", "run", mesh_file(plant))
    status = plant.home / "lan" / "conductors" / "plant-a.json"
    until(lambda: _both_ready(status), 40, "a conductor")
    return plant


def _both_ready(status: Path) -> bool:
    rows = json.loads(status.read_text()) if status.exists() else []
    return len(rows) > 1 and all(row["state"] == "ready" for row in rows)


def report(machine: Machine) -> dict[str, Any]:
    """Return what the machine's agent says of its node, nothing before it says anything."""
    for path in (machine.home / "lan" / "agents").glob("*.json"):
        nodes: list[dict[str, Any]] = json.loads(path.read_text())["nodes"]
        return nodes[0]
    return {}


def works(plant: Machine) -> bool:
    said = json.loads(plant.hive("submit", "mesh.echo", "hello", "--url", "tcp://127.0.0.1:8421", "--json"))
    return bool(said["output"] == "hello")


def joined(machine: Machine) -> bool:
    return report(machine).get("state") == "ready"


def test_a_device_finds_its_conductor_is_cut_off_and_comes_back(lan: Lan) -> None:
    plant, press = with_conductor(lan), lan.machine()
    press.start(*ECHO, "--name", "press-1/echo", "--mesh", "lan")
    until(lambda: joined(press), 40, "joining")
    assert works(plant)
    press.cut()
    until(lambda: not joined(press), 40, "noticing the cut")
    press.heal()
    until(lambda: joined(press), 40, "coming back")
    assert works(plant)


def test_a_device_that_starts_while_it_is_cut_off_finds_its_conductor_once_it_is_healed(lan: Lan) -> None:
    plant, press = with_conductor(lan), lan.machine()
    press.cut()
    process = press.start(*ECHO, "--name", "press-1/echo", "--mesh", "lan")
    until(lambda: "Ready: mesh.echo" in press.said(), 40, "a worker")
    # A browser of zeroconf asks four times in 15 s and then only listens.
    with pytest.raises(AssertionError, match="in vain"):
        until(lambda: joined(press) or process.poll() is not None, 16, "to look in vain")
    press.heal()
    until(lambda: joined(press), 60, "finding it")
    assert works(plant)


def test_meshes_on_one_lan_do_not_mix(lan: Lan) -> None:
    plant, press, stranger = with_conductor(lan), lan.machine(), lan.machine()
    stranger.start(*ECHO, "--name", "press-2/echo", "--mesh", "lane")
    press.start(*ECHO, "--name", "press-1/echo", "--mesh", "lan")
    until(lambda: joined(press), 40, "joining")
    rows = json.loads(plant.hive("nodes", "--url", "tcp://127.0.0.1:8421", "--json"))
    assert [row["id"] for row in rows] == ["press-1/echo"]


def test_where_multicast_is_blocked_a_list_of_conductors_works(lan: Lan) -> None:
    plant, listed, searching = with_conductor(lan), lan.machine(), lan.machine()
    for machine in (plant, listed, searching):
        machine.block_multicast()
    searching.start(*ECHO, "--name", "press-2/echo", "--mesh", "lan")
    until(lambda: "Ready: mesh.echo" in searching.said(), 40, "a worker")
    listed.start("device", "run", mesh_file(listed, f"{{plant-a: 'tcp://{plant.address}:8421'}}"))
    until(lambda: joined(listed), 40, "joining")
    assert works(plant)
    assert not joined(searching)


def test_a_device_whose_network_comes_up_late_finds_its_conductor(lan: Lan) -> None:
    plant, press = with_conductor(lan), lan.machine()
    press.ip("link", "set", "eth0", "down")
    press.ip("addr", "flush", "dev", "eth0")
    press.start(*ECHO, "--name", "press-1/echo", "--mesh", "lan")
    until(lambda: "Ready: mesh.echo" in press.said(), 40, "a worker")
    press.ip("addr", "add", f"{press.address}/24", "dev", "eth0")
    press.ip("link", "set", "eth0", "up")
    press.ip("route", "add", "default", "dev", "eth0")
    until(lambda: joined(press), 60, "joining")
    assert works(plant)
