"""A stream of tasks in a process of its own: `python -m tests.fakes.stream URL`, until its stdin ends.

Prints one JSON object per line: `{"at_s", "task": {"capability", "state", "right", "took_s", "attempts"}}` when a task
has its outcome, and `{"at_s", "nodes": {id: state}}` whenever that changed. `at_s` is the machine's monotonic clock,
which all processes share.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from hive.client import AsyncClient

_CALLERS = 8
_PAUSE_S = 0.02
_LOOK_S = 0.05
_ASKED = {"mesh.echo": "hello", "text.classify_intent": "what is my balance"}


def _tell(**words: object) -> None:
    sys.stdout.write(json.dumps({"at_s": time.monotonic(), **words}) + "\n")
    sys.stdout.flush()


async def _ask(client: AsyncClient, over: asyncio.Event) -> None:
    while not over.is_set():
        for capability, text in _ASKED.items():
            began_s = time.monotonic()
            result = await client.run(capability, text, deadline_ms=30_000)
            right = (
                result.output == text if capability == "mesh.echo" else result.output["intent"] == "balance"
            )
            attempts = [[attempt["node"], attempt["ended"]] for attempt in result.provenance["attempts"]]
            took_s = time.monotonic() - began_s
            task = {"capability": capability, "state": result.state, "right": right, "took_s": took_s}
            _tell(task={**task, "attempts": attempts})
            await asyncio.sleep(_PAUSE_S)


async def _watch(client: AsyncClient, over: asyncio.Event) -> None:
    before: dict[str, str] = {}
    while not over.is_set():
        states = {row["id"]: row["state"] for row in await client.nodes()}
        if states != before:
            _tell(nodes=states)
            before = states
        await asyncio.sleep(_LOOK_S)


async def _main(url: str) -> None:
    over = asyncio.Event()
    async with AsyncClient(url) as client, AsyncClient(url) as watcher:
        jobs = [asyncio.create_task(_ask(client, over)) for _ in range(_CALLERS)]
        jobs.append(asyncio.create_task(_watch(watcher, over)))
        ending = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        await asyncio.wait([ending, *jobs], return_when=asyncio.FIRST_COMPLETED)
        over.set()
        await asyncio.gather(*jobs)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
