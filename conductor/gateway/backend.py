"""The gateway's one connection to the dispatcher, shared by all callers; each message states its principal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final

from fastapi import Request

from conductor.gateway.settings import GatewaySettings
from conductor.gateway.values import CheckedCatalog
from hive.clients.aio import AsyncPort
from hive.clients.asker import Asker
from hive.clients.request import Wish
from hive.clients.result import Result, Task
from hive.core.client_events import Answer, Ask
from hive.errors import HiveError
from hive.ids import parse_task_id
from hive.wire.messages import Event, Outcome

_LOOK_AFTER_S: Final = 0.25
"""A caller that waits longer than this is watched for leaving."""
_LEARN_AGAIN_S: Final = 0.5


class CallerLeftError(Exception):
    """The caller closed its connection; nobody reads the answer. Its task goes on."""


class Backend:
    """Asks the dispatcher on behalf of callers."""

    def __init__(self, port: AsyncPort, catalog: CheckedCatalog, settings: GatewaySettings) -> None:
        """Use `port`, which whoever owns it starts and stops."""
        self.port = port
        self.catalog = catalog
        self._settings = settings
        self._asker = Asker(port.session, port.clock, catalog, patient=False)
        self._waiting = 0
        self._streams = 0
        self._waits: set[asyncio.Future[Answer]] = set()
        self.draining = asyncio.Event()
        """Set when this process stops and nobody may wait for it any longer."""
        self._learnt_s = -_LEARN_AGAIN_S

    @property
    def waiting(self) -> int:
        """Callers that wait for an outcome now."""
        return self._waiting

    def drain(self) -> None:
        """Tell everybody who waits that this process stops. Their tasks are not ended by that."""
        self.draining.set()
        for future in self._waits:
            if not future.done():
                future.set_exception(draining())

    async def submit(self, wish: Wish, ident: str | None, principal: str) -> Task:
        """Submit a task and return its receipt. Raises HiveError where it is not accepted."""
        ask = await self._submission(wish, ident, principal, wait=False)
        return self._asker.receipt(await self.port.call(ask))

    async def run(self, wish: Wish, ident: str | None, principal: str, request: Request | None) -> Result:
        """Submit a task and wait for its outcome, unless the caller leaves (CallerLeftError)."""
        ask = await self._submission(wish, ident, principal, wait=True)
        return self.result(await self._wait(ask, request))

    async def read(self, task: str, principal: str, wait_ms: int, request: Request) -> Result:
        """Return where a task stands, or its outcome if that comes within `wait_ms`."""
        if wait_ms > 0:
            ask = self._asker.watch(task, wait_ms / 1000, principal)
            answer = await self._wait(ask, request)
            if isinstance(answer, Outcome):
                return self.result(answer)
            if not (isinstance(answer, HiveError) and answer.code == "expired"):
                return self.result(answer)
        return self.result(await self.port.call(self._asker.query("task", task=task, principal=principal)))

    async def cancel(self, task: str, principal: str) -> Result:
        """Cancel a task and return its outcome."""
        return self.result(await self.port.call(self._asker.cancel(task, principal)))

    async def retry(self, task: str, principal: str, deadline_ms: int) -> Task:
        """Try a task again and return the receipt of the one that does."""
        return self._asker.receipt(await self.port.call(self._asker.retry(task, deadline_ms, principal)))

    async def watch(self, task: str, principal: str) -> AsyncGenerator[Event | Result, None]:
        """Yield what happens to a task and at last its outcome. Raises HiveError: task_unknown, queue_full."""
        if self._streams >= self._settings.max_streams:
            detail = f"{self._streams} event streams are open; try again later."
            raise HiveError("queue_full", detail, retry_after_ms=1000)
        self._streams += 1
        try:
            async with aclosing(self.port.watch(self._asker.watch(task, None, principal))) as items:
                async for item in items:
                    yield item if isinstance(item, Event) else self.result(item)
        finally:
            self._streams -= 1

    async def explain(self, wish: Wish, principal: str) -> object:
        """Return what would become of a task."""
        await self._learn(wish)
        return self._asker.reply(await self.port.call(self._asker.explain(wish, principal)))

    async def query(self, what: str, principal: str, args: Mapping[str, object] | None = None) -> object:
        """Return the answer to a question about the mesh."""
        return self._asker.reply(await self.port.call(self._asker.query(what, args, principal=principal)))

    def result(self, answer: Answer) -> Result:
        """Return the result that an answer carries; raise the HiveError that it is."""
        try:
            return self._asker.result(answer)
        except HiveError as error:
            if error is answer or error.code != "type_unknown":
                raise
        self.catalog.refresh()  # a manifest has added the type since
        return self._asker.result(answer)

    async def _submission(self, wish: Wish, ident: str | None, principal: str, *, wait: bool) -> Ask:
        if not self._asker.knows(wish) or wish.input_type is not None:
            wish.check()
            await self._learn(wish)
        task = parse_task_id(ident) if ident else None
        return self._asker.submit(wish, wait=wait, task=task, principal=principal)

    async def _learn(self, wish: Wish) -> None:
        """Find out what the wish's capability takes, at most twice a second whatever callers invent."""
        if self.port.session.welcome is None:
            detail = "The gateway has not reached the dispatcher yet; try again."
            raise HiveError("unreachable", detail, retry_after_ms=500)
        now_s = asyncio.get_running_loop().time()
        if self._asker.knows(wish) or now_s - self._learnt_s < _LEARN_AGAIN_S:
            return
        self._learnt_s = now_s
        self.catalog.refresh()
        if not self._asker.knows(wish):
            self._asker.learn(await self.port.call(self._asker.query("capabilities")))

    async def _wait(self, ask: Ask, request: Request | None) -> Answer:
        if self._waiting >= self._settings.max_waiting:
            detail = f"{self._waiting} callers wait for an outcome already; try again later."
            raise HiveError("queue_full", detail, retry_after_ms=500)
        if self.draining.is_set():
            raise draining()
        self._waiting += 1
        future = self.port.open(ask)
        self._waits.add(future)
        try:
            if request is None:
                return await future
            return await _unless_left(future, request)
        finally:
            self._waits.discard(future)
            self._waiting -= 1
            self.port.forget(ask)


def draining() -> HiveError:
    """Return what callers are told whose answer this process will not see any more."""
    detail = "The gateway is stopping. Ask again, by the task's id if you have one."
    return HiveError("draining", detail, retry_after_ms=1000)


async def _unless_left(future: asyncio.Future[Answer], request: Request) -> Answer:
    """Await an answer; raise CallerLeftError as soon as the caller's connection is closed."""
    watcher: asyncio.Task[None] | None = None

    async def look() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            continue
        if not future.done():
            future.set_exception(CallerLeftError())

    def start() -> None:
        nonlocal watcher
        watcher = asyncio.ensure_future(look())

    timer = asyncio.get_running_loop().call_later(_LOOK_AFTER_S, start)
    try:
        return await future
    finally:
        timer.cancel()
        if watcher is not None:
            watcher.cancel()
