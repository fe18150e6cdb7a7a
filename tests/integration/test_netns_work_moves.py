"""Two devices and a conductor, each with its own network: work leaves a device that hears nothing, and comes back."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.fakes.lan import Lan, Machine, possible
from tests.fakes.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.netns, pytest.mark.timeout(120)]

MESH = """
mesh: lan
discovery: {{mdns: true, conductors: {{{listed}}}}}
sites:
  plant-a:
    conductor: {{bind: "tcp://0.0.0.0:8421", insecure: true, http: {{host: 127.0.0.1, port: 8420}}}}
    devices:
      press-1: {{nodes: [{{specialist: mesh-echo}}, {{specialist: text-classify-intent}}]}}
      press-2: {{nodes: [{{specialist: mesh-echo}}, {{specialist: text-classify-intent}}]}}
policy:
  sites: [{{rule: here, site: plant-a, labels: [internal], default_label: internal}}]
  principals: [{{rule: anyone, principal: "*", capabilities: ["*"], labels: [internal]}}]
  nodes: [{{rule: nodes, node: "press-*", site: plant-a, capabilities: ["*"]}}]
"""
NODES = {f"press-{n}/{specialist}" for n in (1, 2) for specialist in ("mesh-echo", "text-classify-intent")}
CUT = {node for node in NODES if node.startswith("press-1/")}
SUSPECT_S, MOVE_S, HEAL_S = 2.0, 4.0, 10.0
"""Bounds with room for a busy machine; the figures of a run are properties in
`--junitxml FILE -o junit_family=xunit1`."""


class Stream:
    """Tasks without end, asked from a machine of the LAN, and what became of them."""

    def __init__(self, machine: Machine) -> None:
        self._process = machine.python("-m", "tests.fakes.stream", "tcp://127.0.0.1:8421")
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._reader.join(5)
            assert self._process.stdout is not None
            self._process.stdout.close()

    @property
    def ended_well(self) -> bool:
        return self._process.returncode == 0

    def tasks(self) -> list[dict[str, Any]]:
        return [line["task"] for line in self.lines if "task" in line]

    def first_s(self, after_s: float, holds: Callable[[dict[str, Any]], bool]) -> float | None:
        """Return how long after `after_s` the first line came for which `holds`."""
        found = (line["at_s"] - after_s for line in self.lines if line["at_s"] >= after_s and holds(line))
        return next(found, None)

    def wait(
        self, after_s: float, holds: Callable[[dict[str, Any]], bool], wait_s: float, what: str
    ) -> float:
        until(lambda: self.first_s(after_s, holds) is not None, wait_s, what)
        passed_s = self.first_s(after_s, holds)
        assert passed_s is not None
        return passed_s

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(json.loads(line))


@pytest.fixture
def lan() -> Iterator[Lan]:
    if not possible():
        pytest.skip("namespaces and iptables are needed")
    # A short path: a socket's path is limited to 107 bytes.
    with tempfile.TemporaryDirectory(prefix="lan-") as folder, Lan(Path(folder)) as made:
        yield made


def start(machine: Machine, *words: str, listed: str = "") -> None:
    config = machine.home / "mesh.yaml"
    config.write_text(MESH.format(listed=listed))
    machine.start(*words[:2], str(config), *words[2:])


def both_ready(plant: Machine) -> bool:
    status = plant.home / "lan" / "conductors" / "plant-a.json"
    rows = json.loads(status.read_text()) if status.exists() else []
    return len(rows) > 1 and all(row["state"] == "ready" for row in rows)


def ready(nodes: set[str]) -> Callable[[dict[str, Any]], bool]:
    return lambda line: nodes <= {node for node, state in line.get("nodes", {}).items() if state == "ready"}


def none_ready(line: dict[str, Any]) -> bool:
    return "nodes" in line and not any(line["nodes"].get(node) == "ready" for node in CUT)


def moved(line: dict[str, Any]) -> bool:
    attempts = line.get("task", {}).get("attempts", [])
    return (
        any(node in CUT and ended != "answered" for node, ended in attempts) and attempts[-1][1] == "answered"
    )


def used(line: dict[str, Any]) -> bool:
    return any(
        node in CUT and ended == "answered" for node, ended in line.get("task", {}).get("attempts", [])
    )


def all_right(stream: Stream) -> bool:
    wrong = [task for task in stream.tasks() if task["state"] != "done" or not task["right"]]
    assert wrong == []
    return stream.ended_well and bool(stream.tasks())


def test_work_leaves_a_device_that_hears_nothing_and_returns_when_it_does(
    lan: Lan, record_property: Callable[[str, object], None]
) -> None:
    plant, *presses = (lan.machine() for _ in range(3))
    start(plant, "conductor", "run")
    until(lambda: both_ready(plant), 40, "a conductor")
    began_s = time.monotonic()
    for number, press in enumerate(presses, 1):
        start(press, "device", "run", "--device", f"press-{number}")
    until(lambda: all(told(press) == {"ready"} for press in presses), 40, "ready nodes")
    record_property("found_and_ready_s", round(time.monotonic() - began_s, 2))
    assert ready_at(plant) == NODES
    with Stream(plant) as stream:
        stream.wait(0, used, 20, "work on the device to be cut")
        cut_s = time.monotonic()
        presses[0].cut()
        suspect_s = stream.wait(cut_s, none_ready, 20, "suspicion")
        moved_s = stream.wait(cut_s, moved, 20, "a task that moved")
        until(lambda: "ready" not in told(presses[0]), 30, "the device giving up its connections")
        presses[0].heal()
        healed_s = time.monotonic()
        back_s = stream.wait(healed_s, ready(NODES), 40, "ready nodes after the cut")
        stream.wait(healed_s, used, 20, "work on the device that was cut")
    assert all_right(stream)
    longest_s = max(task["took_s"] for task in stream.tasks())
    figures = {"suspect_s": suspect_s, "moved_s": moved_s, "longest_s": longest_s, "back_s": back_s}
    for name, value in {**figures, "tasks": len(stream.tasks())}.items():
        record_property(name, round(value, 2))
    assert suspect_s < SUSPECT_S
    assert max(moved_s, longest_s) < MOVE_S
    assert back_s < HEAL_S


def told(press: Machine) -> set[str]:
    """Return the states of its nodes as the device's agent shows them."""
    agents = (press.home / "lan" / "agents").glob("*.json")
    return {str(node["state"]) for agent in agents for node in json.loads(agent.read_text())["nodes"]}


def ready_at(plant: Machine) -> set[str]:
    """Return the nodes that the gateway, asked on its own machine, calls ready."""
    rows = json.loads(plant.hive("nodes", "--url", "http://127.0.0.1:8420", "--json"))
    return {row["id"] for row in rows if row["state"] == "ready"}


def test_without_multicast_a_list_is_enough_and_work_moves_all_the_same(
    lan: Lan, record_property: Callable[[str, object], None]
) -> None:
    plant, *presses = (lan.machine() for _ in range(3))
    for machine in (plant, *presses):
        machine.block_multicast()
    start(plant, "conductor", "run")
    until(lambda: both_ready(plant), 40, "a conductor")
    began_s = time.monotonic()
    for number, press in enumerate(presses, 1):
        listed = f"plant-a: 'tcp://{plant.address}:8421'"
        start(press, "device", "run", "--device", f"press-{number}", listed=listed)
    until(lambda: all(told(press) == {"ready"} for press in presses), 40, "ready nodes")
    record_property("listed_and_ready_s", round(time.monotonic() - began_s, 2))
    assert ready_at(plant) == NODES
    with Stream(plant) as stream:
        stream.wait(0, used, 20, "work on the device to be cut")
        cut_s = time.monotonic()
        presses[0].cut()
        record_property("suspect_s", round(stream.wait(cut_s, none_ready, 20, "suspicion"), 2))
        record_property("moved_s", round(stream.wait(cut_s, moved, 20, "a task that moved"), 2))
    assert all_right(stream)
