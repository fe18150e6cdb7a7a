"""Asking over the wire, with Hive's own client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from hive.client import AsyncClient, Result, Task
from hive.errors import HiveError
from simulation.chaos.line import Order, Told, ended, refused

_TIMEOUT_S: Final = 30.0


class WireLine:
    """One conductor."""

    def __init__(self, url: str) -> None:
        """Prepare; nothing is sent yet."""
        self._client = AsyncClient(url)

    async def submit(self, order: Order) -> Told:
        """SUBMIT, waiting for the outcome unless it is to be durable."""
        ask = self._client.submit if order.durable else self._client.run
        return await _told(
            ask(
                order.capability,
                order.payload,
                labels=[order.label],
                deadline_ms=order.deadline_ms,
                hold=order.hold,
                idempotency_key=order.key or None,
                durable=order.durable,
            ),
            durable=order.durable,
        )

    async def read(self, task: str, wait_s: float) -> Told:
        """Wait for the task's outcome."""
        told = await _told(self._client.result(task, wait_s))
        return Told("unknown", code=told.code) if told.code == "expired" and told.kind != "ok" else told

    async def cancel(self, task: str) -> Told:
        """Cancel a task."""
        return await _told(self._client.cancel(task))

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()


async def _told(asked: Awaitable[Task | Result], *, durable: bool = True) -> Told:
    try:
        answer = await asyncio.wait_for(asked, _TIMEOUT_S)
    except TimeoutError:
        return Told("unknown", code="no answer")
    except HiveError as error:
        after = error.context.get("retry_after_ms")
        again_s = float(after) / 1000 if isinstance(after, int | float) else 0.0
        return refused(error.code, again_s, durable=durable)
    if isinstance(answer, Task):
        return Told("ok", answer.id, answer.state)
    if answer.state == "refused":
        return refused(str((answer.error or {}).get("code", "")), durable=durable)
    return ended(answer.id, answer.state, answer.output, answer.error)
