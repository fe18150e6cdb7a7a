"""The demo from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live

from hive.client import AsyncClient
from hive.config_source import find_source
from simulation.demo.faults import Breaker
from simulation.demo.screen import screen, summary
from simulation.demo.story import Story
from simulation.demo.stream import Stream
from simulation.mesh import LocalMesh, moved_to_free_ports

_REFRESH_S: Final = 0.2
_KILL_AT: Final = 0.2
_FREEZE_AT: Final = 0.5


def run_demo(config: Path | None, seconds: float, rate: float, seed: int, *, as_json: bool) -> int:
    """Run the demo and return its exit status: 1 if a task was lost or a node did not come back."""
    console = Console(stderr=as_json)
    with tempfile.TemporaryDirectory(prefix="hive-demo-") as folder:
        source = find_source(config or "factory")
        copy, ports = moved_to_free_ports(source, Path(folder))
        console.print(
            f"[bold]{source.stem}[/bold]: starting every process of {source.name}, found over mDNS …"
        )
        with LocalMesh(copy, Path(folder) / "home"):
            wire = next(iter(ports.values()))[0]
            story = asyncio.run(_play(f"tcp://127.0.0.1:{wire}", seconds, rate, seed, console))
    said = story.as_json()
    if as_json:
        sys.stdout.write(json.dumps(said) + "\n")
    else:
        console.print(summary(story))
        for task in story.lost()[:5]:
            console.print(f"[red]lost[/red] {task.capability} {task.about!r}: {task.state} {task.error}")
    faults: Any = said["faults"]
    back = all(fault["back_s"] is not None for fault in faults)
    return 0 if not said["lost"] and back else 1


async def _play(url: str, seconds: float, rate: float, seed: int, console: Console) -> Story:
    story = Story()
    async with AsyncClient(url) as client:
        stream = Stream(client, story, rate, seed)
        breaker = Breaker(client, story, stream)
        began_s = time.monotonic()
        breaking = asyncio.create_task(_break(breaker, began_s, seconds))
        showing = asyncio.create_task(_show(client, story, began_s, seconds, console))
        try:
            await stream.run(lambda: time.monotonic() - began_s >= seconds and breaking.done())
            await breaking
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


async def _show(client: AsyncClient, story: Story, began_s: float, seconds: float, console: Console) -> None:
    """Draw the picture again and again; on something that is not a terminal say only what happens."""
    if not console.is_terminal:
        await _tell(story, console)
        return
    with Live(console=console, auto_refresh=False, screen=False, transient=True) as live:
        while True:
            live.update(screen(story, await client.nodes(), began_s, seconds), refresh=True)
            await asyncio.sleep(_REFRESH_S)


async def _tell(story: Story, console: Console) -> None:
    told = 0
    while True:
        for line in story.lines[told:]:
            console.print(line)
        told = len(story.lines)
        await asyncio.sleep(_REFRESH_S)
