"""What `hive up` concludes from the files of processes that do not start."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conductor.gateway.settings import GatewaySettings, token_digest
from hive.cli.looking import look_around
from hive.cli.starting import hopeless_nodes, said_last, wanted_nodes
from hive.config import MeshConfig, load_config, parse_config, parse_source
from hive.processes import our_process
from hive.state_dir import write_json
from tests.fakes.conductor import FakeConductor
from tests.fakes.gateway import FakeView, GatewayThread


def test_every_node_of_the_file_is_waited_for() -> None:
    assert wanted_nodes(load_config("dev")) == {
        "desk/mesh-echo", "desk/text-classify-intent", "desk/text-redact", "desk/sensor-detect-anomaly",
        "desk/sensor-describe-anomaly", "desk/text-route-note",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("log", "code", "detail"),
    [
        ("starting\nconfig_invalid: line 3 is wrong\nbye\n", "config_invalid", "line 3 is wrong"),
        ("address_in_use  Port 1 is taken.\n", "address_in_use", "Port 1 is taken."),
        ("12:00:00 info Ready: all is well\n", "start_failed", "It ended. The end of "),
        ("", "start_failed", "It ended. The end of "),
    ],
)
def test_a_process_s_last_words_are_its_error(log: str, code: str, detail: str, tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(log, encoding="utf-8")
    error = said_last(path, "It ended.")
    assert error.code == code
    assert error.detail.startswith(detail)


def test_a_log_that_is_not_there_is_no_failure_of_its_own(tmp_path: Path) -> None:
    assert said_last(tmp_path / "none.log", "It ended.").code == "start_failed"


def test_a_node_that_its_agent_gave_up_is_told_with_what_the_agent_said(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "logs").mkdir()
    nodes = [{"id": "desk/a", "state": "ready"}, {"id": "desk/b", "state": "failed", "trouble": ""}]
    write_json(tmp_path / "agents" / "home.desk.json", {"role": "agent", "nodes": nodes})
    line = "12:00:00 error   desk/b: There is no specialist 'b'.\n"
    (tmp_path / "logs" / "device-home-desk.log").write_text(line, encoding="utf-8")
    assert list(hopeless_nodes(tmp_path)) == [("desk/b", "There is no specialist 'b'.")]


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (
            "The conductor refuses this node: claim_refused: no rule names it",
            ["claim_refused: no rule names it"],
        ),
        ("The conductor refuses this node: id_in_use: it is connected already", []),
        ("The conductor at tcp://127.0.0.1:1 cannot be reached.", []),
        ("", []),
    ],
)
def test_a_node_that_policy_refuses_is_not_waited_for(trouble: str, told: list[str], tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    nodes = [{"id": "desk/a", "state": "connecting", "trouble": trouble}]
    write_json(tmp_path / "agents" / "home.desk.json", {"role": "agent", "nodes": nodes})
    assert [sentence for _, sentence in hopeless_nodes(tmp_path)] == told


def mesh(http: str) -> MeshConfig:
    host, _, port = http.removeprefix("http://").rpartition(":")
    text = f"mesh: m\nsites:\n  home:\n    conductor: {{http: {{host: {host}, port: {port}}}}}\n"
    return parse_config(parse_source(text, "m.yaml"))


def test_a_site_whose_conductor_does_not_answer_is_not_ready(tmp_path: Path) -> None:
    with GatewayThread("tcp://127.0.0.1:9") as gateway:
        look = look_around(mesh(gateway.url), tmp_path)
    assert (look.silent, look.ready, look.closed) == (["home"], set(), [])


def test_a_site_that_wants_a_token_is_told_by_its_agents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agents").mkdir()
    agent = subprocess.Popen(
        [sys.executable, "-c", "input()", "-m", "specialists.worker"], stdin=subprocess.PIPE
    )
    try:
        until_it_lives(agent.pid)
        nodes = [
            {"id": "desk/a", "state": "ready", "pid": agent.pid},
            {"id": "desk/b", "state": "joining", "pid": agent.pid},
        ]
        write_json(
            tmp_path / "agents" / "home.desk.json",
            {"role": "agent", "site": "home", "pid": agent.pid, "nodes": nodes},
        )
        settings = GatewaySettings(port=0, tokens={token_digest("s3cret"): "alice"})
        with FakeConductor() as conductor, GatewayThread(conductor.endpoint, settings, FakeView()) as gateway:
            monkeypatch.delenv("HIVE_TOKEN", raising=False)
            look = look_around(mesh(gateway.url), tmp_path)
            assert (look.silent, look.ready, look.closed) == ([], {"desk/a"}, ["home"])
            monkeypatch.setenv("HIVE_TOKEN", "s3cret")
            until(lambda: look_around(mesh(gateway.url), tmp_path).ready == {"press-1/intent"})
    finally:
        agent.communicate(b"\n")


def until_it_lives(pid: int) -> None:
    until(lambda: our_process(pid) is not None)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, "it never came true"
