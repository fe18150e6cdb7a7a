"""The client for asyncio: `AsyncClient`, `Client` with coroutines for methods."""

# ruff: noqa: A002 - `input` is the API's own name for what a task works on
from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from hive.clients.many import bar, gather
from hive.clients.options import MapOptions, Options
from hive.clients.ports import CONNECT_TIMEOUT_S, async_port, has_outbox, keeping_async, kept_in
from hive.clients.request import DEFAULT_DEADLINE_MS, Wish, page_of
from hive.clients.result import Result, Task
from hive.clients.session import Greeting
from hive.errors import HiveError

if TYPE_CHECKING:
    from hive.clients.courier import Delivery
    from hive.clients.outbox import Outbox
    from hive.transport.base import Transport

Rows = list[dict[str, Any]]


class AsyncClient:
    """The same for asyncio: every method is a coroutine, any number may be under way at once."""

    def __init__(
        self,
        url: str,
        principal: str = "local",
        token: str | None = None,
        mesh: str = "",
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        transport: Transport | None = None,
        outbox: Outbox | str | os.PathLike[str] | None = None,
    ) -> None:
        """Make a client for `url`; arguments and errors as for `Client`."""
        greeting = Greeting("client", principal, mesh, token or "")
        kept = kept_in(outbox, principal, connect_timeout_s)
        port = async_port(url, greeting, connect_timeout_s, transport)
        self._keeping = keeping_async(port, kept)
        self._port = self._keeping or port
        self.url = url

    async def run(
        self, capability: str | None = None, input: object = None, **options: Unpack[Options]
    ) -> Result:
        """Submit a task and wait for its outcome, as `Client.run` does."""
        return await self._port.run(Wish(capability, input, **options))

    async def submit(
        self,
        capability: str | None = None,
        input: object = None,
        *,
        expires_ms: int | None = None,
        **options: Unpack[Options],
    ) -> Task:
        """Submit a task and return its handle at once; see `Client.submit`."""
        wish = Wish(capability, input, **options)
        if expires_ms is None:
            return await self._port.submit(wish)
        return await has_outbox(self._keeping).submit(wish, expires_ms)

    async def flush(self, timeout_s: float | None = None) -> Delivery:
        """Deliver what the outbox keeps; see `Client.flush`."""
        return await has_outbox(self._keeping).flush(timeout_s)

    @property
    def outbox(self) -> Outbox:
        """The outbox; its methods wait for the disk. Raises HiveError(bad_request) without one."""
        return has_outbox(self._keeping).outbox

    async def result(self, task: Task | str, timeout_s: float | None = None) -> Result:
        """Wait for a task's outcome. Raises HiveError: task_unknown, or expired after `timeout_s` seconds."""
        return await self._port.result(task, timeout_s)

    async def task(self, task: Task | str) -> Result:
        """Return where a task stands now. Raises HiveError(task_unknown)."""
        return await self._port.task(task)

    async def cancel(self, task: Task | str) -> Result:
        """Cancel a task; return its outcome, which is another one if it had ended."""
        return await self._port.cancel(task)

    async def map(
        self,
        capability: str | None,
        inputs: Iterable[object],
        *,
        concurrency: int = 64,
        progress: bool = True,
        **options: Unpack[MapOptions],
    ) -> list[Result]:
        """Run one task per input, as `Client.map` does."""
        if concurrency < 1:
            raise HiveError("bad_request", f"`concurrency` is {concurrency}: it must be at least 1.")
        wishes = (Wish(capability, value, **options) for value in inputs)
        total = len(inputs) if isinstance(inputs, Sequence) else None
        found: dict[int, Result] = {}
        with bar(capability or str(options.get("want")), total, show=progress) as advance:
            async for position, result in gather(self._port, wishes, concurrency):
                found[position] = result
                advance()
        return [found[position] for position in range(len(found))]

    async def explain(
        self, capability: str | None = None, input: object = None, **options: Unpack[Options]
    ) -> dict[str, Any]:
        """Return what would become of a task, without running it."""
        return cast("dict[str, Any]", await self._port.explain(Wish(capability, input, **options)))

    async def tasks(self, states: Sequence[str] = (), limit: int = 100, before: int = 0) -> Rows:
        """Return your tasks; see `Client.tasks`."""
        return cast("Rows", await self._port.query("tasks", page_of(states, limit, before)))

    async def retry(self, task: Task | str, deadline_ms: int = DEFAULT_DEADLINE_MS) -> Task:
        """Try a task again; see `Client.retry`."""
        return await self._port.retry(task, deadline_ms)

    async def nodes(self) -> Rows:
        """Return the nodes of the site."""
        return cast("Rows", await self._port.query("nodes"))

    async def capabilities(self) -> Rows:
        """Return what the mesh can do."""
        return cast("Rows", await self._port.query("capabilities"))

    async def sites(self) -> Rows:
        """Return the site that is asked, with its links to others."""
        return cast("Rows", await self._port.query("sites"))

    async def close(self) -> None:
        """Close the connection. Safe to call twice."""
        await self._port.close()

    async def __aenter__(self) -> Self:
        """Return the client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        await self.close()
