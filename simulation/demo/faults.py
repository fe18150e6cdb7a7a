"""What the demo breaks, on purpose: one node is killed, another frozen, each while it has work."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any, Final

from hive.client import AsyncClient
from simulation.demo.story import Fault, Story
from simulation.demo.stream import CLASSIFY, DETECT, Stream

_BURST: Final = 40
_LOOK_S: Final = 0.1
_BACK_S: Final = 30.0


class Breaker:
    """Kills and freezes nodes while the stream runs, and waits until they are back."""

    def __init__(self, client: AsyncClient, story: Story, stream: Stream) -> None:
        """Prepare; nothing is broken yet."""
        self._client = client
        self._story = story
        self._stream = stream

    async def kill_one(self) -> None:
        """Give the intent nodes plenty to do, then SIGKILL one of them."""
        victim = await self._victim(CLASSIFY)
        self._stream.burst(CLASSIFY, _BURST)
        await asyncio.sleep(0)  # let the burst leave before the blow falls
        self._strike("SIGKILL", victim, signal.SIGKILL)
        await self._until_back(victim)

    async def freeze_one(self) -> None:
        """SIGSTOP a sensor node: its process stays and its connection too, only its work loop stands still."""
        victim = await self._victim(DETECT)
        self._strike("SIGSTOP", victim, signal.SIGSTOP)
        self._stream.burst(DETECT, _BURST // 4)
        await self._until_back(victim)

    def _strike(self, kind: str, victim: dict[str, Any], number: int) -> None:
        os.kill(victim["pid"], number)
        self._story.faults.append(Fault(kind, victim["id"], victim["pid"], time.monotonic()))
        self._story.lines.append(f"[bold red]{kind}[/bold red]  {victim['id']} (process {victim['pid']})")

    async def _victim(self, capability: str) -> dict[str, Any]:
        rows = [
            n for n in await self._client.nodes() if n["capability"] == capability and n["state"] == "ready"
        ]
        return max(rows, key=lambda row: row["inflight"])

    async def _until_back(self, victim: dict[str, Any]) -> None:
        """Wait until the node's device has started it again and it is given work again."""
        end = time.monotonic() + _BACK_S
        gone = False
        while time.monotonic() < end:
            row = next((n for n in await self._client.nodes() if n["id"] == victim["id"]), None)
            reborn = row is not None and row["incarnation"] != victim["incarnation"]
            state = row["state"] if row is not None else "lost"
            if state != "ready" and not gone:
                gone = True
                self._story.lines.append(f"[yellow]{state}[/yellow]  {victim['id']}: its work goes elsewhere")
            if reborn and state == "ready":
                self._story.back_s[victim["id"]] = time.monotonic()
                self._story.lines.append(
                    f"[green]back[/green]  {victim['id']} as process {row['pid'] if row else '?'}"
                )
                return
            await asyncio.sleep(_LOOK_S)
