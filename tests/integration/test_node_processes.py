"""Agent and worker as real processes against a conductor's real socket: deaths, standstills, ends and bad models."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hive.errors import CATALOGUE, HiveError
from hive.transport.zeromq import ZmqTransport
from specialists.agent_spec import AgentSpec, NodeSpec
from tests.fakes.site import FakeSite, Session

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

Start = Callable[..., "Running"]


class Running:
    """An agent's process and what it has said."""

    def __init__(self, spec: AgentSpec, log: Path, environment: dict[str, str]) -> None:
        read_fd, write_fd = os.pipe()
        os.write(write_fd, spec.as_json().encode())
        os.close(write_fd)
        self._log = log
        with log.open("w") as file:
            command = [sys.executable, "-m", "specialists.agent", str(read_fd)]
            self.process = subprocess.Popen(
                command, pass_fds=[read_fd], env=os.environ | environment, stderr=file
            )
        os.close(read_fd)
        self.pid = self.process.pid

    def said(self) -> str:
        return self._log.read_text()

    def over(self) -> bool:
        return self.process.poll() is not None

    def status(self) -> int:
        """Wait for the end; return the exit status."""
        return self.process.wait(60)


@pytest.fixture
def transport() -> Iterator[ZmqTransport]:
    transport = ZmqTransport()
    yield transport
    transport.close()


@pytest.fixture
def site(transport: ZmqTransport) -> FakeSite:
    return FakeSite(transport)


@pytest.fixture
def spec(site: FakeSite, tmp_path: Path) -> AgentSpec:
    nodes = (NodeSpec("press-1/echo", "mesh-echo", credit=8),)
    return AgentSpec(
        name="press-1",
        mesh="factory",
        site="plant-a",
        nodes=nodes,
        conductors=(site.endpoint,),
        mdns=False,
        state_dir=str(tmp_path),
        silence_s=1.0,
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def run(spec: AgentSpec, **environment: str) -> Running:
        started.append(Running(spec, tmp_path / f"{len(started)}.log", environment))
        return started[-1]

    yield run
    for agent in started:
        agent.process.kill()
        agent.process.wait()


def echo(site: FakeSite, session: Session, text: str) -> None:
    """Give one work and see its answer."""
    attempt = site.give(session, text)
    site.until(lambda: attempt in session.answers)
    assert session.answers[attempt].body == (text.encode(),)


def test_a_node_joins_answers_beats_and_leaves_a_trace_of_what_it_ran(
    site: FakeSite, spec: AgentSpec, start: Start, tmp_path: Path
) -> None:
    effects = tmp_path / "effects.jsonl"
    agent = start(spec, HIVE_EFFECT_LOG=str(effects))
    session = site.joined()
    hello = session.hello
    assert (hello.role, hello.name, hello.mesh, hello.site) == ("node", "press-1/echo", "factory", "plant-a")
    assert (hello.credit, hello.agent_pid, hello.held, hello.unacked) == (8, agent.pid, (), ())
    assert hello.offers[0].capability == "mesh.echo"
    for text in ("one", "two", "drei ü"):
        echo(site, session, text)
    beats = len(session.beats)
    site.until(lambda: len(session.beats) > beats + 3)
    assert session.beats[-1].turns > session.beats[-3].turns
    lines = [json.loads(line) for line in effects.read_text().splitlines()]
    assert [(line["epoch"], line["attempt"], line["node"]) for line in lines] == [
        (1, number, "press-1/echo") for number in (1, 2, 3)
    ]
    assert lines[0]["task"] == (1).to_bytes(16, "big").hex()
    state = json.loads((tmp_path / "agents" / "plant-a.press-1.json").read_text())
    assert (state["role"], state["name"], state["site"], state["pid"]) == (
        "agent",
        "press-1",
        "plant-a",
        agent.pid,
    )
    assert state["nodes"][0]["pid"] == hello.pid
    assert state["nodes"][0]["incarnation"] == hello.incarnation


def test_a_killed_worker_comes_back_as_another_boot(site: FakeSite, spec: AgentSpec, start: Start) -> None:
    start(spec)
    first = site.joined()
    os.kill(first.hello.pid, signal.SIGKILL)
    second = site.joined(2)
    assert first.lost
    assert second.hello.name == first.hello.name
    assert second.hello.incarnation != first.hello.incarnation
    echo(site, second, "again")


def test_a_stopped_worker_is_killed_and_started_again(site: FakeSite, spec: AgentSpec, start: Start) -> None:
    agent = start(spec)
    first = site.joined()
    echo(site, first, "before")
    os.kill(first.hello.pid, signal.SIGSTOP)
    second = site.joined(2)
    assert second.hello.incarnation != first.hello.incarnation
    echo(site, second, "after")
    agent.process.terminate()
    site.until(agent.over)
    assert agent.status() == 0
    assert "stands still" in agent.said()


def test_a_lost_connection_is_the_same_boot_and_nothing_held_is_lost(
    site: FakeSite, spec: AgentSpec, start: Start, transport: ZmqTransport
) -> None:
    start(spec)
    first = site.joined()
    site.acknowledges = False
    echo(site, first, "unacknowledged")
    site.close()
    again = FakeSite(transport, site.endpoint)
    second = again.joined()
    assert second.hello.incarnation == first.hello.incarnation
    assert second.hello.unacked == ((1, 1),)
    again.until(lambda: 1 in second.answers)


def test_a_silent_conductor_is_dialled_again(site: FakeSite, spec: AgentSpec, start: Start) -> None:
    start(spec)
    site.joined()
    site.acknowledges = False
    second = site.joined(2)
    site.acknowledges = True
    echo(site, second, "heard")


def test_sigterm_finishes_everything_says_goodbye_and_exits_with_0(
    site: FakeSite, spec: AgentSpec, start: Start
) -> None:
    agent = start(spec)
    session = site.joined()
    given = [site.give(session, f"work {n}") for n in range(8)]
    agent.process.send_signal(signal.SIGTERM)
    site.until(agent.over)
    replied = set(session.answers) | {refuse.header.attempt for refuse in session.refusals}
    assert replied == set(given)
    assert {refuse.code for refuse in session.refusals} <= {"draining"}
    assert any(beat.draining for beat in session.beats)
    assert session.bye is not None
    assert agent.status() == 0


def test_a_worker_dies_with_its_agent(site: FakeSite, spec: AgentSpec, start: Start) -> None:
    agent = start(spec)
    session = site.joined()
    agent.process.kill()
    site.until(lambda: session.lost, wait_s=5)


def test_what_is_no_message_is_refused_and_harms_nothing(
    site: FakeSite, spec: AgentSpec, start: Start
) -> None:
    start(spec)
    session = site.joined()
    garbage = [
        [b"", b""],
        [b"x"],
        [b"\xff" * 96, b"\x81"],
        [b"\x20" * 96, b""],
        [b"\x00"] * 5,
        [b"a" * 96, b"", b"b"],
    ]
    for frames in garbage:
        assert site.send_frames(session, frames)
    site.until(lambda: len(session.refusals) == len(garbage))
    assert {refuse.code for refuse in session.refusals} <= {
        "frame_malformed",
        "version_unsupported",
        "kind_unknown",
    }
    echo(site, session, "still here")
    assert len(site.sessions) == 1


def test_a_refused_node_says_so_and_goes_on_trying(site: FakeSite, spec: AgentSpec, start: Start) -> None:
    site.refuse = HiveError("mesh_mismatch", "This is mesh 'other', not 'factory'.")
    agent = start(spec)
    site.until(lambda: "mesh_mismatch: This is mesh 'other'" in agent.said())
    site.refuse = None
    echo(site, site.joined(), "forgiven")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "model_not_found"),
        ({"manifest.json": "{"}, "manifest_invalid"),
        (
            {
                "manifest.json": {"files": {"model.onnx": {"sha256": "0" * 64, "bytes": 3}}},
                "model.onnx": "bad",
            },
            "digest",
        ),
    ],
)
def test_a_bad_model_ends_an_agent_that_has_no_other(
    spec: AgentSpec, start: Start, tmp_path: Path, files: dict[str, str | dict[str, object]], code: str
) -> None:
    folder = tmp_path / "model"
    for name, content in files.items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(
            content if isinstance(content, str) else json.dumps(_echo_manifest() | content)
        )
    code = "model_digest_mismatch" if code == "digest" else code
    agent = start(replace(spec, nodes=(NodeSpec("press-1/bad", str(folder)),)))
    assert agent.status() == CATALOGUE[code].exit_status
    assert f"press-1/bad: {code}:" in agent.said()


def test_a_bad_model_does_not_stop_its_neighbours(site: FakeSite, spec: AgentSpec, start: Start) -> None:
    nodes = (NodeSpec("press-1/bad", "no-such-specialist"), *spec.nodes)
    agent = start(replace(spec, nodes=nodes))
    echo(site, site.joined(), "fine")
    site.until(lambda: "press-1/bad: model_not_found" in agent.said())
    agent.process.terminate()
    site.until(agent.over)
    assert agent.status() == 0


def test_a_second_agent_of_the_same_name_is_refused(site: FakeSite, spec: AgentSpec, start: Start) -> None:
    start(spec)
    site.joined()
    second = start(spec)
    assert second.status() == CATALOGUE["already_running"].exit_status
    assert "already_running" in second.said()


def test_an_unwritable_state_folder_is_said_at_once(spec: AgentSpec, start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    agent = start(replace(spec, state_dir=str(tmp_path / "file")))
    assert agent.status() == CATALOGUE["state_unwritable"].exit_status
    assert "HIVE_HOME" in agent.said()


def _echo_manifest() -> dict[str, object]:
    path = Path(__file__).parents[2] / "specialists" / "models" / "mesh-echo" / "1.0.0" / "manifest.json"
    manifest: dict[str, object] = json.loads(path.read_text())
    return manifest
