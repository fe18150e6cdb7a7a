"""The demo from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live

from hive.client import AsyncClient
from hive.config import MeshConfig, load_config
from hive.config_source import find_source
from simulation.demo.faults import Breaker
from simulation.demo.links import LinkBreaker
from simulation.demo.screen import screen, summary
from simulation.demo.story import Plan, Story
from simulation.demo.stream import Notes, Stream
from simulation.mesh import LocalMesh, moved_to_free_ports

_REFRESH_S: Final = 0.2
_KILL_AT: Final = 0.2
_FREEZE_AT: Final = 0.5
_CUT_AT: Final = 0.3


def run_demo(config: Path | None, plan: Plan, *, as_json: bool) -> int:
    """Run the demo and return its exit status: 1 if a task was lost or a node did not come back."""
    console = Console(stderr=as_json)
    with tempfile.TemporaryDirectory(prefix="hive-demo-") as folder:
        source = find_source(config or "factory")
        copy, ports = moved_to_free_ports(source, Path(folder))
        console.print(
            f"[bold]{source.stem}[/bold]: starting every process of {source.name}, found over mDNS …"
        )
        meshed = load_config(copy)
        with LocalMesh(copy, Path(folder) / "home") as mesh:
            demo = Demo(
                mesh.folder(meshed.mesh),
                meshed,
                {site: f"tcp://127.0.0.1:{wire}" for site, (wire, _) in ports.items()},
            )
            story = asyncio.run(demo.play(plan, console))
    said = story.as_json()
    if as_json:
        sys.stdout.write(json.dumps(said) + "\n")
    else:
        console.print(summary(story))
        for task in story.lost()[:5]:
            console.print(f"[red]lost[/red] {task.capability} {task.about!r}: {task.state} {task.error}")
    faults: Any = said["faults"]
    link: Any = said["link"]
    back = all(fault["back_s"] is not None for fault in faults)
    drained = link is None or link["drained_s"] is not None
    return 0 if not said["lost"] and back and drained else 1


class Demo:
    """Work at the first site, whose nodes are broken, and at one more, whose link is cut, if the file has one."""

    def __init__(self, folder: Path, config: MeshConfig, urls: Mapping[str, str]) -> None:
        """Choose the sites. `folder` is the state directory of the mesh."""
        self._links = folder / "links"
        self._urls = urls
        self._first = next(iter(config.sites))
        linked = sorted(pair for pair in config.linked_sites() if pair[0] != self._first)
        self._linked = linked[0] if linked else None
        self._story = Story()

    async def play(self, plan: Plan, console: Console) -> Story:
        """Stream, break, and count."""
        story, seconds = self._story, plan.seconds
        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(AsyncClient(self._urls[self._first]))
            stream = Stream(client, story, plan, self._first)
            breaker = Breaker(client, story, stream)
            began_s = time.monotonic()
            breaking = [_break(breaker, began_s, seconds)]
            streams, clients, links = [stream], [client], None
            if self._linked is not None:
                site, other = self._linked
                far = await stack.enter_async_context(AsyncClient(self._urls[site]))
                links = LinkBreaker(self._links, far, story, site, other)
                streams.append(
                    Notes(far, story, replace(plan, rate=plan.rate / 3, seed=plan.seed + 10), site)
                )
                clients.append(far)
                breaking.append(_cut(links, began_s, plan))
            broken = asyncio.gather(*breaking)
            over = lambda: time.monotonic() - began_s >= seconds and broken.done()  # noqa: E731
            showing = asyncio.create_task(_show(clients, links, story, (began_s, seconds), console))
            try:
                await asyncio.gather(*(one.run(over) for one in streams))
                await broken
            finally:
                showing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await showing
        return story


async def _break(breaker: Breaker, began_s: float, seconds: float) -> None:
    await asyncio.sleep(max(0.0, began_s + _KILL_AT * seconds - time.monotonic()))
    await breaker.kill_one()
    await asyncio.sleep(max(0.0, began_s + _FREEZE_AT * seconds - time.monotonic()))
    await breaker.freeze_one()


async def _cut(links: LinkBreaker, began_s: float, plan: Plan) -> None:
    await links.show_redaction()
    await asyncio.sleep(max(0.0, began_s + _CUT_AT * plan.seconds - time.monotonic()))
    await links.cut(plan.cut_s)


async def _show(
    clients: list[AsyncClient],
    links: LinkBreaker | None,
    story: Story,
    when: tuple[float, float],
    console: Console,
) -> None:
    """Draw the picture again and again; on something that is not a terminal say only what happens."""
    if not console.is_terminal:
        await _tell(story, console)
        return
    with Live(console=console, auto_refresh=False, screen=False, transient=True) as live:
        while True:
            nodes = [row for client in clients for row in await client.nodes()]
            linked = await links.links() if links is not None else []
            live.update(screen(story, nodes, linked, *when), refresh=True)
            await asyncio.sleep(_REFRESH_S)


async def _tell(story: Story, console: Console) -> None:
    told = 0
    try:
        while True:
            for line in story.lines[told:]:
                console.print(line)
            told = len(story.lines)
            await asyncio.sleep(_REFRESH_S)
    finally:
        for line in story.lines[told:]:
            console.print(line)
