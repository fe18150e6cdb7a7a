"""What `hive nodes` and `hive capabilities` show."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console, RenderableType
from typer.testing import CliRunner

from hive.cli.app import app
from hive.cli.views import NODE_FIELDS, capabilities_screen, nodes_screen
from tests.fakes.conductor import FakeConductor
from tests.fakes.gateway import FakeView, GatewayThread


def run(*words: str) -> tuple[int, str, str]:
    """Return (exit status, stdout, stderr)."""
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "160", "NO_COLOR": "1"})
    return done.exit_code, done.stdout, done.stderr


def shown(screen: RenderableType) -> list[str]:
    paper = io.StringIO()
    Console(file=paper, width=120, color_system=None).print(screen)
    return [line.rstrip() for line in paper.getvalue().splitlines()]


def node(**changes: object) -> dict[str, Any]:
    row = {
        "id": "press-1/text-redact", "site": "plant-a", "capability": "text.redact", "state": "ready",
        "inflight": 2, "credit": 4, "run_us": 1500, "pid": 77,
    }  # fmt: skip
    return {**row, **changes}


def test_nodes_show_state_load_run_time_and_pid() -> None:
    line = shown(nodes_screen([node()]))[2]
    assert line.split() == [
        "press-1/text-redact", "plant-a", "text.redact", "●", "ready", "████····", "2/4", "1.5", "ms", "77",
    ]  # fmt: skip


def test_a_node_of_another_machine_that_never_ran() -> None:
    assert shown(nodes_screen([node(pid=0, run_us=0)]))[2].split()[-2:] == ["-", "-"]


@pytest.mark.parametrize("screen", [nodes_screen([]), capabilities_screen([])])
def test_an_empty_mesh_says_where_to_look(screen: RenderableType) -> None:
    assert "shows" in shown(screen)[0]


def test_capabilities_show_who_is_ready_and_what_may_be_removed() -> None:
    row = {
        "capability": "text.redact", "inputs": {"text": "text"}, "output": "text.redacted",
        "ready": 1, "nodes": 2, "waiting": 3, "removes": ["pii"],
    }  # fmt: skip
    assert shown(capabilities_screen([row]))[2].split() == [
        "text.redact", "text", "text.redacted", "███···", "1/2", "3", "pii",
    ]  # fmt: skip


def test_nodes_json_is_what_is_promised_and_no_more() -> None:
    with FakeConductor() as conductor:
        status, text, _ = run("nodes", "--json", "--url", conductor.endpoint)
    (row,) = json.loads(text)
    assert status == 0
    assert tuple(row) == NODE_FIELDS
    assert (row["id"], row["state"], row["site"]) == ("press-1/intent", "ready", "plant-a")


def test_capabilities_and_graph_come_from_the_mesh() -> None:
    with FakeConductor() as conductor, GatewayThread(conductor.endpoint, view=FakeView()) as gateway:
        at = ("--url", gateway.url)
        _, rows, _ = run("capabilities", "--json", *at)
        assert "text.classify_intent" in {row["capability"] for row in json.loads(rows)}
        assert json.loads(run("graph", "--json", *at)[1]) == FakeView().graph_json()
        assert run("graph", "--dot", *at)[1] == FakeView().graph_dot()
        assert run("graph", "--svg", "-", *at)[1] == FakeView().graph_svg()
        assert "text.classify_intent" in run("graph", *at)[1]


def test_the_graph_is_shown_in_one_way_at_a_time() -> None:
    assert run("graph", "--dot", "--json")[0] == 2


def test_the_graph_needs_a_gateway() -> None:
    status, _, said = run("graph", "--url", "tcp://127.0.0.1:9")
    assert status == 2
    assert "http://" in said
