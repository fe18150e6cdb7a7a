"""Three sites in network namespaces: what is on the cloud's wire, real cuts, and what is left when all is killed."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from hive.client import AsyncClient, Client, Result
from hive.config_source import find_source
from hive.netns import NETNS_FILE, read_spaces
from simulation.mesh import LocalMesh
from tests.fakes.lan import possible
from tests.fakes.waiting import until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not possible(), reason="needs root, ip and iptables"),
]

CLASSIFY = "text.classify_intent"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMesh]:
    folder = tmp_path_factory.mktemp("netns")
    document = yaml.safe_load(find_source("factory").read_text(encoding="utf-8"))
    document["mesh"] = f"netns-{os.getpid()}"
    config = folder / "factory.yaml"
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    with LocalMesh(config, folder / "h", netns=True) as mesh:
        yield mesh


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def folder_of(mesh: LocalMesh) -> Path:
    return mesh.folder(f"netns-{os.getpid()}")


def url(mesh: LocalMesh, site: str) -> str:
    spaces = read_spaces(folder_of(mesh))
    assert spaces is not None
    ports = {"plant-a": 8421, "plant-b": 8431, "cloud": 8441}
    return f"tcp://{spaces.sites[site][1]}:{ports[site]}"


def link(mesh: LocalMesh, site: str) -> dict[str, Any]:
    with Client(url(mesh, site)) as client:
        found: dict[str, Any] = client.sites()[0]["links"][0]
        return found


@contextmanager
def captured(mesh: LocalMesh, site: str, target: Path) -> Iterator[None]:
    """Write down every byte on a site's interface."""
    spaces = read_spaces(folder_of(mesh))
    assert spaces is not None
    command = [
        "ip",
        "netns",
        "exec",
        spaces.sites[site][0],
        sys.executable,
        "-m",
        "tests.fakes.capture",
        str(target),
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield
    process.communicate(timeout=30)


async def _stream(mesh: LocalMesh) -> list[Result]:
    """Send notes with planted addresses from plant B, while nodes and conductors die and the link is cut."""
    numbers = itertools.count()
    results: list[Result] = []

    def strike(role: str, name: str, number: int) -> None:
        for row in mesh.rows(role):
            if row.name == name:
                os.kill(row.pid, number)

    async def break_things() -> None:
        for step in (
            lambda: strike("node", "press-3/text-redact", signal.SIGKILL),
            lambda: strike("node", "rack-1/text-classify-intent", signal.SIGKILL),
            lambda: mesh.hive("link", "cut", "plant-b", "cloud"),
            lambda: mesh.hive("link", "heal", "plant-b", "cloud"),
            lambda: strike("dispatcher", "cloud", signal.SIGKILL),
            lambda: strike("dispatcher", "plant-b", signal.SIGKILL),
            lambda: mesh.hive("link", "cut", "cloud", "plant-b", "--one-way"),
            lambda: mesh.hive("link", "heal"),
        ):
            await asyncio.sleep(0.5)
            await asyncio.to_thread(step)

    async def ask(client: AsyncClient, over: asyncio.Task[None]) -> None:
        while not over.done():
            text = f"what is my balance, write to secret{next(numbers):05}q@example.org"
            results.append(await client.run(CLASSIFY, text, labels=["pii"], deadline_ms=60_000, hold=True))
            await asyncio.sleep(0.02)

    async with AsyncClient(url(mesh, "plant-b")) as client:
        breaking = asyncio.create_task(break_things())
        await asyncio.gather(*(ask(client, breaking) for _ in range(16)))
        await breaking
    return results


def test_no_planted_byte_is_ever_on_the_cloud_s_wire(mesh: LocalMesh, tmp_path: Path) -> None:
    until(lambda: link(mesh, "plant-b")["state"] == "up", 40, "the link")
    heard = tmp_path / "heard"
    with captured(mesh, "cloud", heard):
        results = asyncio.run(_stream(mesh))
    assert [(r.state, r.error) for r in results if not r.ok] == []
    assert len({r.id for r in results}) == len(results) > 200
    wire = heard.read_bytes()
    assert wire.count(b"what is my balance, write to [EMAIL_1]") >= len(
        results
    )  # the capture hears what passes
    assert b"secret" not in wire


def test_a_site_whose_packets_are_dropped_goes_on_alone_and_catches_up(mesh: LocalMesh) -> None:
    until(lambda: link(mesh, "plant-b")["state"] == "up", 40, "the link")

    async def play() -> tuple[list[Result], list[Result]]:
        async with AsyncClient(url(mesh, "plant-b")) as client:
            await asyncio.to_thread(mesh.hive, "link", "cut", "plant-b", "cloud")
            held = [
                asyncio.create_task(client.run(CLASSIFY, "what is my balance", deadline_ms=60_000, hold=True))
                for _ in range(20)
            ]
            await asyncio.to_thread(until, lambda: link(mesh, "plant-b")["state"] != "up", 20, "the loss")
            here = [await client.run("text.redact", f"note {n}", labels=["pii"]) for n in range(20)]
            assert not any(task.done() for task in held)
            await asyncio.to_thread(mesh.hive, "link", "heal")
            return here, await asyncio.gather(*held)

    here, held = asyncio.run(play())
    assert [r.state for r in here] == ["done"] * 20
    assert [(r.state, r.output["intent"]) for r in held] == [("done", "balance")] * 20  # type: ignore[index]


def test_what_a_killed_supervisor_left_is_removed(mesh: LocalMesh) -> None:
    folder = folder_of(mesh)
    spaces = read_spaces(folder)
    assert spaces is not None
    supervisor = json.loads((folder / "mesh.json").read_text(encoding="utf-8"))["pid"]
    os.kill(supervisor, signal.SIGKILL)
    assert [row["state"] for row in mesh.hive("down")] == ["stopped"]
    assert not (folder / NETNS_FILE).exists()
    assert not [space for space, _ in spaces.sites.values() if space in said("ip", "netns")]
    assert spaces.bridge not in said("ip", "-o", "link")
    mesh.start()
