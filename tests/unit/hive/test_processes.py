"""Which processes of a mesh there are, and that a stranger with a number of ours is none of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hive.processes import ProcessRow, mesh_processes, our_process, processes_in
from hive.state_dir import write_json


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like a worker: it runs a module of that name, which waits for its input."""
    package = tmp_path / "path" / "specialists"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "worker.py").write_text("print(flush=True); input()\n", encoding="utf-8")
    command = [sys.executable, "-m", "specialists.worker"]
    with subprocess.Popen(command, cwd=package.parent, stdin=-1, stdout=-1, stderr=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def agent(folder: Path, pid: int, **node: object) -> Path:
    """Write an agent's file with one node, and return the mesh's folder."""
    (folder / "agents").mkdir(parents=True)
    nodes = [{"id": "press-1/mesh-echo", "pid": pid, "state": "ready", **node}]
    document = {"role": "agent", "name": "press-1", "site": "plant-a", "pid": pid, "state": "ready"}
    write_json(folder / "agents" / "plant-a.press-1.json", {**document, "nodes": nodes})
    return folder


def test_an_agent_is_listed_with_its_nodes(ours: subprocess.Popen[bytes], tmp_path: Path) -> None:
    rows = processes_in(agent(tmp_path / "factory", ours.pid))
    assert [row.as_json() for row in rows] == [
        {"role": "agent", "name": "press-1", "site": "plant-a", "pid": ours.pid, "state": "ready"},
        {"role": "node", "name": "press-1/mesh-echo", "site": "plant-a", "pid": ours.pid, "state": "ready"},
    ]
    assert all(row.mesh == "factory" and row.memory_mib > 1 for row in rows)


def test_a_conductor_s_file_is_a_list(ours: subprocess.Popen[bytes], tmp_path: Path) -> None:
    (tmp_path / "m" / "conductors").mkdir(parents=True)
    row = {"role": "dispatcher", "name": "a", "site": "a", "pid": ours.pid, "state": "starting"}
    write_json(tmp_path / "m" / "conductors" / "a.json", [row, {**row, "role": "control"}])
    assert [(r.role, r.state) for r in processes_in(tmp_path / "m")] == [
        ("dispatcher", "starting"),
        ("control", "starting"),
    ]


def test_a_stopped_process_is_frozen(ours: subprocess.Popen[bytes], tmp_path: Path) -> None:
    ours.send_signal(signal.SIGSTOP)
    os.waitpid(ours.pid, os.WUNTRACED)
    assert {row.state for row in processes_in(agent(tmp_path / "m", ours.pid))} == {"frozen"}


def test_a_process_that_was_killed_is_gone(ours: subprocess.Popen[bytes], tmp_path: Path) -> None:
    ours.kill()
    psutil.Process(ours.pid).wait()
    assert [(row.state, row.pid) for row in processes_in(agent(tmp_path / "m", ours.pid))] == [
        ("gone", 0)
    ] * 2


def test_a_node_that_waits_for_its_next_start_has_no_process(tmp_path: Path) -> None:
    rows = processes_in(agent(tmp_path / "m", 0, state="restarting"))
    assert [(row.role, row.state, row.pid) for row in rows] == [
        ("agent", "ready", 0),
        ("node", "restarting", 0),
    ]


def test_a_stranger_is_not_ours() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1, stderr=-1) as stranger:
        assert our_process(stranger.pid) is None
        stranger.kill()
    assert our_process(0) is None
    assert our_process(-1) is None


@pytest.mark.parametrize("content", ["", "{", "3", '["x", 3]', '{"nodes": []}'])
def test_files_that_are_broken_say_nothing_and_break_nothing(content: str, tmp_path: Path) -> None:
    (tmp_path / "m" / "agents").mkdir(parents=True)
    (tmp_path / "m" / "agents" / "a.json").write_text(content, encoding="utf-8")
    assert all(row.pid == 0 for row in processes_in(tmp_path / "m"))


def test_every_mesh_of_the_home_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIVE_HOME", str(tmp_path))
    agent(tmp_path / "a", 0)
    agent(tmp_path / "b", 0)
    (tmp_path / "file").touch()
    assert [(row.mesh, row.role) for row in mesh_processes()] == [
        ("a", "agent"), ("a", "node"), ("b", "agent"), ("b", "node"),
    ]  # fmt: skip
    assert mesh_processes()[0] == ProcessRow("a", "agent", "press-1", "plant-a", 0, "ready")
