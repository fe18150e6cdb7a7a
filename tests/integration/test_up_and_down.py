"""`hive up`, `hive status` and `hive down` as a user runs them, with real processes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from hive.errors import CATALOGUE
from simulation.mesh import free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

MESH = """
mesh: {name}
sites:
  plant-a:
    conductor: {{bind: "tcp://127.0.0.1:{wire}", http: {{port: {http}}}}}
    devices:
      press-1: {{nodes: [{{specialist: {specialist}, credit: 3}}]}}
      press-2: {{nodes: [{{specialist: mesh-echo}}]}}
policy:
  sites: [{{rule: here, site: plant-a, labels: [internal], default_label: internal}}]
  principals: [{{rule: anyone, principal: "*", capabilities: ["*"], labels: [internal]}}]
  nodes: [{{rule: presses, node: "press-*", site: plant-a, capabilities: ["*"]}}]
"""
NODE_KEYS = {
    "id", "incarnation", "site", "specialist", "capability", "state", "pid", "agent_pid", "endpoint", "inflight",
    "credit",
}  # fmt: skip
ROLES = ["dispatcher", "control", "gateway", "agent", "node", "agent", "node"]


class Shell:
    """Runs `hive` with a state directory of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {**os.environ, "HIVE_HOME": str(home), "COLUMNS": "200"}
        self.environment.pop("HIVE_URL", None)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hive", *words],
            env=self.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "hive", *words]
        return subprocess.Popen(command, env=self.environment, stdout=-1, stderr=-1, text=True)

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)

    def supervisor(self, mesh: str) -> psutil.Process:
        document = json.loads((self.home / mesh / "mesh.json").read_text(encoding="utf-8"))
        return psutil.Process(document["pid"])

    def processes(self) -> list[psutil.Process]:
        """Return every live process that works in this state directory, whatever any file says."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("HIVE_HOME") == str(self.home) and process.status() != "zombie":
                    found.append(process)
        return found


def mesh_file(folder: Path, name: str, specialist: str = "mesh-echo") -> Path:
    wire, http = free_ports(2)
    path = folder / f"{name}.yaml"
    text = MESH.format(name=name, wire=wire, http=http, specialist=specialist)
    path.write_text(text, encoding="utf-8")
    return path


def eventually(holds: Callable[[], bool], timeout_s: float = 30.0) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(0.1)


@pytest.fixture
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = Shell(tmp_path_factory.mktemp("h"))
    yield shell
    for process in shell.processes():
        with suppress(psutil.Error):
            process.kill()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, Path]]:
    """A mesh that is up, and its file."""
    folder = tmp_path_factory.mktemp("up")
    shell, path = Shell(folder / "home"), mesh_file(folder, "plant")
    done = shell.run("up", str(path), "--detach", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["mesh"], said["state"], said["nodes"]) == ("plant", "ready", 2)
    yield shell, path
    assert shell.json("down") == [{"mesh": "plant", "state": "stopped", "killed": 0}]
    assert shell.processes() == []
    assert not (folder / "home" / "plant" / "mesh.json").exists()
    assert shell.run("status", "--json").stdout == "[]\n"


def test_status_lists_every_process(running: tuple[Shell, Path]) -> None:
    rows = running[0].json("status")
    assert [row["role"] for row in rows] == ROLES
    assert {row["state"] for row in rows} == {"ready"}
    assert {frozenset(row) for row in rows} == {frozenset({"role", "name", "site", "pid", "state"})}
    assert all(psutil.pid_exists(row["pid"]) for row in rows)


def test_nodes_have_what_scripts_rely_on(running: tuple[Shell, Path]) -> None:
    rows = running[0].json("nodes")
    assert [row["id"] for row in rows] == ["press-1/mesh-echo", "press-2/mesh-echo"]
    assert {frozenset(row) for row in rows} == {frozenset(NODE_KEYS)}
    agents = {row["name"]: row["pid"] for row in running[0].json("status") if row["role"] == "agent"}
    assert {row["id"]: row["agent_pid"] for row in rows} == {f"{k}/mesh-echo": v for k, v in agents.items()}


def test_a_second_up_says_that_it_runs_and_as_which_process(running: tuple[Shell, Path]) -> None:
    shell, path = running
    done = shell.run("up", str(path), "--detach")
    assert done.returncode == CATALOGUE["already_running"].exit_status
    assert f"Mesh 'plant' is already running (process {shell.supervisor('plant').pid})" in done.stderr


def test_another_mesh_on_the_same_ports_is_told_who_has_them(
    running: tuple[Shell, Path], tmp_path: Path
) -> None:
    shell, path = running
    other = tmp_path / "other.yaml"
    other.write_text(path.read_text(encoding="utf-8").replace("mesh: plant", "mesh: other"), encoding="utf-8")
    done = shell.run("up", str(other), "--detach")
    assert done.returncode == CATALOGUE["address_in_use"].exit_status
    assert "is taken by process" in done.stderr
    assert "`sites.plant-a.conductor.bind`" in done.stderr


def test_a_task_through_the_command_line(running: tuple[Shell, Path]) -> None:
    shell = running[0]
    result = shell.json("submit", "mesh.echo", "hello")
    assert (result["state"], result["output"], result["labels"]) == ("done", "hello", ["internal"])
    assert shell.json("task", "show", result["id"]) == result
    assert result["id"] in [row["id"] for row in shell.json("task", "list")]
    done = shell.run("task", "watch", result["id"], "--json")
    assert json.loads(done.stdout)["outcome"]["output"] == "hello"
    assert shell.run("task", "cancel", result["id"]).returncode == 1


def test_what_is_killed_comes_back(running: tuple[Shell, Path]) -> None:
    shell = running[0]
    before = {row["role"] + row["name"]: row["pid"] for row in shell.json("status")}
    victims = [key for key in before if key in ("agentpress-1", "nodepress-2/mesh-echo", "controlplant-a")]
    for key in victims:
        os.kill(before[key], signal.SIGKILL)

    def back() -> bool:
        now = {row["role"] + row["name"]: row for row in shell.json("status")}
        fresh = all(now[key]["pid"] not in (0, before[key]) for key in victims)
        return fresh and {row["state"] for row in now.values()} == {"ready"}

    eventually(back)
    assert shell.json("submit", "mesh.echo", "again")["output"] == "again"


def test_one_more_gateway_serves_the_same_mesh(running: tuple[Shell, Path]) -> None:
    shell, path = running
    port = free_ports(1)[0]
    process = shell.start("gateway", "run", str(path), "--port", str(port))
    assert process.stderr is not None
    assert f"http://127.0.0.1:{port}" in process.stderr.readline()
    assert [row["name"] for row in shell.json("status") if row["role"] == "gateway"] == [
        f"plant-a:{port}",
        "plant-a",
    ]
    assert (
        shell.json("submit", "mesh.echo", "here too", "--url", f"http://127.0.0.1:{port}")["state"] == "done"
    )
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert len([row for row in shell.json("status") if row["role"] == "gateway"]) == 1


def test_ctrl_c_stops_everything(shell: Shell, tmp_path: Path) -> None:
    process = shell.start("up", str(mesh_file(tmp_path, "here")))
    assert process.stderr is not None
    said = line = ""
    while "Ctrl-C stops it." not in line:
        line = process.stderr.readline()
        said += line
        assert line, said
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stopped" in said
    assert shell.processes() == []
    assert not (shell.home / "here" / "mesh.json").exists()


def test_down_clears_up_after_a_supervisor_that_was_killed(shell: Shell, tmp_path: Path) -> None:
    path = str(mesh_file(tmp_path, "here"))
    assert shell.run("up", path, "--detach").returncode == 0
    shell.supervisor("here").kill()
    shell.run("down")
    eventually(lambda: shell.processes() == [])
    assert shell.run("status", "--json").stdout == "[]\n"


def test_down_stops_a_mesh_whose_processes_are_frozen(shell: Shell, tmp_path: Path) -> None:
    assert shell.run("up", str(mesh_file(tmp_path, "here")), "--detach").returncode == 0
    shell.supervisor("here").suspend()
    for row in shell.json("status"):
        if row["role"] in ("agent", "dispatcher"):
            psutil.Process(row["pid"]).suspend()
    began_s = time.monotonic()
    assert shell.json("down") == [{"mesh": "here", "state": "stopped", "killed": 0}]
    assert time.monotonic() - began_s < 12
    assert shell.processes() == []


def test_down_waits_for_what_a_killed_supervisor_left(shell: Shell, tmp_path: Path) -> None:
    assert shell.run("up", str(mesh_file(tmp_path, "here")), "--detach").returncode == 0
    shell.supervisor("here").kill()
    assert shell.run("down").returncode == 0
    assert shell.processes() == []


def test_a_missing_model_is_named_and_nothing_is_left(shell: Shell, tmp_path: Path) -> None:
    done = shell.run("up", str(mesh_file(tmp_path, "here", specialist="no-such-model")), "--detach")
    assert done.returncode in (
        CATALOGUE["start_failed"].exit_status,
        CATALOGUE["model_not_found"].exit_status,
    )
    assert "no-such-model" in done.stderr
    assert shell.processes() == []


def test_a_node_that_policy_does_not_grant_ends_up_at_once_with_the_rule(
    shell: Shell, tmp_path: Path
) -> None:
    path = mesh_file(tmp_path, "here")
    path.write_text(path.read_text(encoding="utf-8").replace("press-*", "lathe-*"), encoding="utf-8")
    problem = shell.json("up", str(path), "--detach")
    assert problem["code"] == "claim_refused"
    assert "policy.nodes" in problem["detail"]
    assert shell.processes() == []


def test_up_gives_up_after_its_time_and_says_what_is_missing(shell: Shell, tmp_path: Path) -> None:
    done = shell.run("up", str(mesh_file(tmp_path, "here")), "--detach", "--timeout", "0.2", "--json")
    assert done.returncode == CATALOGUE["start_failed"].exit_status
    problem = json.loads(done.stdout)
    assert problem["code"] == "start_failed"
    assert problem["missing"] == ["press-1/mesh-echo", "press-2/mesh-echo"]
    assert problem["detail"].startswith("Not ready after 0.2 s: press-1/mesh-echo (")
    assert shell.processes() == []


def test_a_mesh_that_wants_tokens_comes_up_too(shell: Shell, tmp_path: Path) -> None:
    path = mesh_file(tmp_path, "here")
    digest = hashlib.sha256(b"s3cret").hexdigest()
    known = f"principal: alice, token_sha256: {digest}"
    path.write_text(path.read_text(encoding="utf-8").replace('principal: "*"', known), encoding="utf-8")
    done = shell.run("up", str(path), "--detach", "--json")
    assert json.loads(done.stdout)["nodes"] == 2, done.stderr
    refused = shell.run("nodes")
    assert refused.returncode == CATALOGUE["unauthenticated"].exit_status
    assert "Set HIVE_TOKEN" in refused.stderr
    shell.environment |= {"HIVE_TOKEN": "s3cret"}
    assert [row["state"] for row in shell.json("nodes")] == ["ready", "ready"]
    assert shell.run("down").returncode == 0


def test_a_site_without_devices_is_ready_when_its_conductor_is(shell: Shell, tmp_path: Path) -> None:
    path = mesh_file(tmp_path, "here")
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if "press-1:" not in line]
    text = "\n".join(line for line in kept if "devices:" not in line and "press-2:" not in line)
    path.write_text(text, encoding="utf-8")
    assert json.loads(shell.run("up", str(path), "--detach", "--json").stdout)["nodes"] == 0
    assert [row["state"] for row in shell.json("status")] == ["ready"] * 3
    assert shell.json("nodes") == []
    assert shell.run("down").returncode == 0


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = Shell(tmp_path / "file").run("up", "dev")
    assert done.returncode == CATALOGUE["state_unwritable"].exit_status
    assert "set HIVE_HOME to a directory that is" in done.stderr


@pytest.mark.parametrize("words", [["down"], ["nodes"], ["submit", "mesh.echo", "x"]])
def test_nothing_runs_here(words: list[str], shell: Shell) -> None:
    done = shell.run(*words, "--json")
    if done.returncode == 0 or "unreachable" in done.stdout:
        pytest.skip("another mesh answers at the default address")
    assert done.returncode == CATALOGUE["not_running"].exit_status
    assert json.loads(done.stdout)["code"] == "not_running"
