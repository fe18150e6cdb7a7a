"""What the agent is told and what it writes down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hive.errors import HiveError
from specialists.agent_spec import AgentSpec, NodeSpec, parse_agent_spec
from specialists.agent_state import StateFile
from specialists.worker_spec import WorkerSpec, endpoints_line, parse_endpoints, parse_worker_spec


def test_a_spec_survives_the_way_to_the_agent() -> None:
    nodes = (NodeSpec("press-1/echo", "mesh-echo", 4), NodeSpec("press-1/x", "/models/x"))
    spec = AgentSpec(
        "press-1", "factory", "plant-a", nodes, ("tcp://h:1",), ("tcp://h:2",), False, "/state", "t", 1.5
    )
    assert parse_agent_spec(spec.as_json()) == spec


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x", "nodes": 3}', "null"])
def test_what_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(HiveError, match="bad_request"):
        parse_agent_spec(text)
    with pytest.raises(HiveError, match="bad_request"):
        parse_worker_spec(text.encode())


def test_a_worker_ignores_what_a_newer_agent_adds() -> None:
    spec = WorkerSpec("n", "m", "s", "mesh-echo", ("tcp://h:1",), 3, "t", 9)
    raw = json.loads(spec.as_line()) | {"later": True}
    assert parse_worker_spec(json.dumps(raw).encode()) == spec
    assert parse_endpoints(endpoints_line(("a", "b"))) == ("a", "b")
    assert parse_endpoints(b'{"endpoints": []}') == ()
    assert [parse_endpoints(line) for line in (b"", b"{}", b"7", b'{"endpoints": 1}')] == [None] * 4


def test_the_state_file_is_whole_or_not_there_and_goes_with_the_agent(tmp_path: Path) -> None:
    state = StateFile(tmp_path, "plant-a", "press-1/echo")
    assert state.path == tmp_path / "agents" / "plant-a.press-1.echo.json"
    state.write({"pid": 1})
    first = state.path.stat().st_mtime_ns
    state.write({"pid": 1})
    assert state.path.stat().st_mtime_ns == first
    state.write({"pid": 2})
    assert json.loads(state.path.read_text()) == {"pid": 2}
    assert [path.suffix for path in sorted(state.path.parent.iterdir())] == [".json", ".lock"]
    state.remove()
    assert not state.path.exists()


def test_a_name_belongs_to_one_agent_at_a_time(tmp_path: Path) -> None:
    first = StateFile(tmp_path, "plant-a", "press-1")
    StateFile(tmp_path, "plant-b", "press-1").remove()
    with pytest.raises(HiveError, match="already_running"):
        StateFile(tmp_path, "plant-a", "press-1")
    first.remove()
    StateFile(tmp_path, "plant-a", "press-1").remove()
