"""Killing things at random under load: every task has one outcome, and it is the right one.

`HIVE_FAULT_TASKS=2000` is the large size; CI runs 600.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hive.client import AsyncClient, Result
from hive.config_source import find_source
from simulation.demo.story import moves_of
from simulation.mesh import LocalMesh, moved_to_free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

TASKS = int(os.environ.get("HIVE_FAULT_TASKS", "600"))
IN_FLIGHT = 24
PAUSE_S = 0.8
ASKED = ("mesh.echo", "text.classify_intent")
STRIKES = ("kill", "stop", "term", "agent", "control")


class Storm:
    """Strikes a random process again and again until it is told to stop."""

    def __init__(self, mesh: LocalMesh, seed: int) -> None:
        self._mesh = mesh
        self._chance = random.Random(seed)
        self.strikes: list[tuple[str, str, float]] = []
        self.over = asyncio.Event()

    async def rage(self, client: AsyncClient) -> None:
        while not self.over.is_set():
            await self._strike(client, STRIKES[len(self.strikes) % len(STRIKES)])
            await asyncio.wait([asyncio.ensure_future(self.over.wait())], timeout=PAUSE_S)

    async def _strike(self, client: AsyncClient, what: str) -> None:
        if what in ("agent", "control"):
            victims = [(row.name, row.pid) for row in await asyncio.to_thread(self._mesh.rows, what)]
        else:
            victims = [
                (row["id"], row["pid"])
                for row in await client.nodes()
                if row["state"] == "ready" and row["capability"] in ASKED
            ]
        if not victims:
            return
        name, pid = self._chance.choice(victims)
        number = {"stop": signal.SIGSTOP, "term": signal.SIGTERM}.get(what, signal.SIGKILL)
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        self.strikes.append((what, name, time.monotonic()))


async def _one(client: AsyncClient, number: int, gate: asyncio.Semaphore) -> tuple[int, Result]:
    async with gate:
        if number % 3:
            return number, await client.run(ASKED[0], f"task {number}", deadline_ms=60_000)
        return number, await client.run(ASKED[1], "what is my balance", deadline_ms=60_000)


async def _storm(mesh: LocalMesh, url: str) -> tuple[list[tuple[int, Result]], Storm]:
    gate = asyncio.Semaphore(IN_FLIGHT)
    async with AsyncClient(url) as client, AsyncClient(url) as watcher:
        storm = Storm(mesh, seed=11)
        raging = asyncio.create_task(storm.rage(watcher))
        answers: list[tuple[int, Result]] = []
        for batch in range(0, TASKS, TASKS // 10):
            answers += await asyncio.gather(
                *(_one(client, n, gate) for n in range(batch, batch + TASKS // 10))
            )
            await asyncio.sleep(PAUSE_S)
        storm.over.set()
        await raging
        again = [await watcher.task(result.id) for _, result in answers[-50:]]
        assert [r.output for r in again] == [r.output for _, r in answers[-50:]], (
            "an outcome changed afterwards"
        )
    return answers, storm


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[tuple[LocalMesh, str]]:
    config, ports = moved_to_free_ports(find_source("one-site"), tmp_path)
    with LocalMesh(config, tmp_path / "h") as mesh:
        yield mesh, f"tcp://127.0.0.1:{ports['plant'][0]}"


def test_no_task_is_lost_or_answered_twice_while_processes_are_killed(factory: tuple[LocalMesh, str]) -> None:
    mesh, url = factory
    answers, storm = asyncio.run(_storm(mesh, url))
    assert len(answers) == len({result.id for _, result in answers}) == TASKS
    assert [(n, r.state, r.error) for n, r in answers if not r.ok] == []
    assert [r.output for n, r in answers if n % 3] == [f"task {n}" for n, _ in answers if n % 3]
    assert {r.output["intent"] for n, r in answers if not n % 3} == {"balance"}
    assert {what for what, _, _ in storm.strikes} == set(STRIKES)
    moved = [r for _, r in answers if moves_of(r.provenance["attempts"])]
    assert moved, "nothing was hit: the storm proves nothing"


def test_the_mesh_is_whole_again_after_every_kind_of_death(factory: tuple[LocalMesh, str]) -> None:
    mesh, url = factory

    async def strike_and_wait() -> None:
        async with AsyncClient(url) as client:
            before = {row["id"]: row["incarnation"] for row in await client.nodes()}
            for role in ("control", "agent"):
                os.kill((await asyncio.to_thread(mesh.rows, role))[0].pid, signal.SIGKILL)
            end = time.monotonic() + 60
            while time.monotonic() < end:
                rows = await client.nodes()
                whole = len(rows) == len(before) and all(row["state"] == "ready" for row in rows)
                if whole and any(row["incarnation"] != before[row["id"]] for row in rows):
                    return
                await asyncio.sleep(0.1)
            raise AssertionError(f"not whole after 60 s: {rows}")

    asyncio.run(strike_and_wait())
    assert {row["role"] for row in mesh.hive("status")} == {
        "dispatcher",
        "control",
        "gateway",
        "agent",
        "node",
    }
