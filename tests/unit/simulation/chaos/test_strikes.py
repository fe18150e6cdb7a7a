"""Faults on real processes: who is hit, what lasts, and that everything is healed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hive.processes import ProcessRow
from simulation.chaos.active import Slowed, send
from simulation.chaos.faults import Strike
from simulation.chaos.packets import rule_of_callers, rules_of_node
from simulation.chaos.stage import Place
from simulation.chaos.strikes import Strikes
from tests.fakes.waiting import until

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]


class Mesh:
    """Two nodes and a dispatcher that do nothing."""

    def __init__(self) -> None:
        self.started = {name: subprocess.Popen(SLEEPS) for name in ("a/echo", "b/echo", "plant")}

    def rows(self, role: str) -> list[ProcessRow]:
        names = {"node": ("a/echo", "b/echo"), "dispatcher": ("plant",)}.get(role, ())
        live = [(name, self.started[name]) for name in names if self.started[name].poll() is None]
        return [
            ProcessRow("m", role, name, "plant", process.pid, "frozen" if self.stands(name) else "ready")
            for name, process in live
        ]

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(process.pid) for process in self.started.values() if process.poll() is None]

    def stands(self, name: str) -> bool:
        return bool(psutil.Process(self.started[name].pid).status() == psutil.STATUS_STOPPED)


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    mesh = Mesh()
    yield mesh
    for process in mesh.started.values():
        process.kill()
        process.wait(10)


def strikes(mesh: Mesh, folder: Path, killed: str = "plant/http-1") -> Strikes:
    return Strikes(mesh, folder, {"plant": Place("", "")}, [], lambda _: killed, folder / "faults.jsonl")


def strike(kind: str, chance: float = 0.0, lasts_s: float = 0.0) -> Strike:
    return Strike(0.0, kind, lasts_s, chance, "both")


def test_chance_says_who_is_killed(mesh: Mesh, tmp_path: Path) -> None:
    faults = strikes(mesh, tmp_path)
    assert faults.strike(strike("kill", 0.9))
    assert mesh.started["b/echo"].wait(10) == -9
    assert faults.strike(strike("conductor-kill"))
    assert mesh.started["plant"].wait(10) == -9
    assert mesh.started["a/echo"].poll() is None
    faults.heal()
    rows = [json.loads(line) for line in (tmp_path / "faults.jsonl").read_text().splitlines()]
    assert [(row["kind"], row["target"]) for row in rows] == [("kill", "b/echo"), ("conductor-kill", "plant")]


def test_who_is_stopped_goes_on_when_it_is_over_and_is_not_struck_meanwhile(
    mesh: Mesh, tmp_path: Path
) -> None:
    faults = strikes(mesh, tmp_path)
    assert faults.strike(strike("stop", 0.0, 0.05))
    until(lambda: mesh.stands("a/echo"))
    assert faults.strike(strike("stop", 0.0, 600.0))
    until(lambda: mesh.stands("b/echo"))
    assert not faults.strike(strike("kill")), "nobody is left"
    until(lambda: bool(faults.look()) or not mesh.stands("a/echo"))
    assert mesh.stands("b/echo")
    faults.heal()
    until(lambda: not mesh.stands("b/echo"))
    assert [(mark.target, mark.end_us > mark.at_us) for mark in faults.marks] == [
        ("a/echo", True),
        ("b/echo", True),
    ]


def test_healing_wakes_whoever_stands_still(mesh: Mesh, tmp_path: Path) -> None:
    send(mesh.processes()[0], signal.SIGSTOP)
    until(lambda: mesh.stands("a/echo"))
    strikes(mesh, tmp_path).heal()
    until(lambda: not mesh.stands("a/echo"))


def test_a_slow_process_stands_still_and_runs_by_turns(mesh: Mesh) -> None:
    slowed = Slowed(mesh.processes()[0])
    slowed.look(0.0)
    until(lambda: mesh.stands("a/echo"))
    slowed.look(0.07)
    assert mesh.stands("a/echo")
    slowed.look(0.08)
    until(lambda: not mesh.stands("a/echo"))
    slowed.look(0.2)
    until(lambda: mesh.stands("a/echo"))
    slowed.end()
    until(lambda: not mesh.stands("a/echo"))


def test_a_fault_for_which_there_is_nobody_is_not_counted(mesh: Mesh, tmp_path: Path) -> None:
    faults = strikes(mesh, tmp_path, killed="")
    assert [faults.strike(strike(kind, 0.5, 1.0)) for kind in ("agent-kill", "client-kill", "partition")] == [
        False
    ] * 3
    assert faults.counts == {}
    faults.heal()


def test_the_connections_of_a_process_are_cut_by_their_ports() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        port = server.getsockname()[1]
        client.connect(("127.0.0.1", port))
        mine = client.getsockname()[1]
        there = ("-p", "tcp", "--sport", str(mine), "--dport", str(port))
        back = ("-p", "tcp", "--sport", str(port), "--dport", str(mine))
        found = {way: rules_of_node(os.getpid(), port, way) for way in ("both", "there", "back")}
        assert found == {"both": [there, back], "there": [there], "back": [back]}
    assert rules_of_node(0, 1, "both") == []


def test_callers_are_on_the_bridge_of_their_site() -> None:
    assert rule_of_callers("10.77.3.4") == ("-s", "10.77.3.1")
