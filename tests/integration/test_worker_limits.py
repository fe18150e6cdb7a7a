"""What hostile models can take of a device: a worker's own bound of memory and of time, and nothing of its life."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hive.errors import CATALOGUE
from specialists.agent_spec import NodeSpec
from specialists.limits import bound_memory, give_way, used_mb
from tests.integration.test_node_processes import (
    AgentSpec,
    FakeSite,
    Running,
    Start,
    echo,
    site,
    spec,
    start,
    transport,
)

__all__ = ["site", "spec", "start", "transport"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def hostile(folder: Path, **changes: object) -> str:
    """Write the manifest of the hostile specialist; return its directory."""
    fields: dict[str, object] = {
        "manifest_version": 1,
        "name": "hostile",
        "version": "1.0.0",
        "capability": "mesh.echo",
        "inputs": {"text": "text"},
        "output": "text",
        "kind": "hostile",
        "engine": "none",
        "files": {},
        "batch": {"max_size": 1, "why": "each input is a world of its own"},
        "run_bound_ms": 400,
        "memory_mb": 256,
        "licence": "Apache-2.0",
    }
    directory = folder / "hostile"
    directory.mkdir()
    (directory / "manifest.json").write_text(json.dumps(fields | changes))
    return str(directory)


def started(spec: AgentSpec, start: Start, specialist: str, **more: int) -> Running:
    """Start an agent whose one node runs that specialist, by a worker that knows its kind."""
    node = NodeSpec("press-1/hostile", specialist, 8, **more)
    return start(replace(spec, nodes=(node,)), HIVE_WORKER="tests.fakes.hostile")


@pytest.mark.parametrize(
    ("text", "code"),
    [("greedy", "worker_memory"), ("python", "worker_memory"), ("endless", "inference_failed")],
)
def test_a_model_that_takes_what_it_can_get_is_stopped_and_its_worker_serves_on(
    site: FakeSite, spec: AgentSpec, start: Start, tmp_path: Path, text: str, code: str
) -> None:
    started(spec, start, hostile(tmp_path))
    session = site.joined()
    site.give(session, text)
    site.until(lambda: bool(session.refusals))
    assert [refusal.code for refusal in session.refusals] == [code]
    echo(site, session, "still there")


def test_a_worker_that_needs_more_than_it_may_take_is_not_started_again_and_again(
    site: FakeSite, spec: AgentSpec, start: Start, tmp_path: Path
) -> None:
    agent = started(spec, start, hostile(tmp_path), memory_mb=16)
    site.until(agent.over)
    assert agent.status() == CATALOGUE["worker_memory"].exit_status
    assert "`memory_mb` is 16" in agent.said()


def test_a_bound_is_set_on_another_process_and_never_raised() -> None:
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # now it is Python, which has some memory
        bound_memory(64, process.pid)
        bound_memory(128, process.pid)
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        give_way(7, process.pid)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 7
        assert 0 < used_mb(process.pid) < 64
        process.communicate(b"\n", timeout=10)
    (line,) = [line for line in limits.splitlines() if line.startswith("Max data size")]
    assert line.split()[3:5] == [str(64 << 20)] * 2


def test_a_worker_gives_way_to_others(site: FakeSite, spec: AgentSpec, start: Start, tmp_path: Path) -> None:
    started(spec, start, hostile(tmp_path), nice=5)
    session = site.joined()
    assert os.getpriority(os.PRIO_PROCESS, session.hello.pid) == 5
