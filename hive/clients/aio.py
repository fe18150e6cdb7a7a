"""The session on an asyncio loop: used by the asynchronous client and by the HTTP gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Final

from hive.clients.asker import Asker, never_reached, not_yet, unanswered
from hive.clients.request import Wish
from hive.clients.result import Result, Task
from hive.clients.session import Greeting, Observer, Session
from hive.clock import Clock, SystemClock
from hive.core.client import ClientTuning
from hive.core.client_events import Answer, Ask
from hive.errors import HiveError
from hive.ids import TaskId
from hive.transport.base import Connection, Transport
from hive.wire.messages import Event, Welcome

_NAP_S: Final = 0.25
"""Longest time between two looks at an open session; a safety net, every event comes earlier."""


class AsyncPort(Observer):
    """Many requests in flight on one connection. Must be used from one event loop."""

    def __init__(
        self,
        transport: Transport,
        endpoints: Iterable[str],
        greeting: Greeting,
        clock: Clock | None = None,
        tuning: ClientTuning | None = None,
    ) -> None:
        """Make an idle port; `start` it inside the loop."""
        self.clock = clock or SystemClock()
        self.session = Session(transport, endpoints, greeting, self.clock, self, tuning)
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._events: dict[int, asyncio.Queue[Event]] = {}
        self._welcomed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to dial, and go on for ever."""
        self._loop = asyncio.get_running_loop()
        self.session.start()
        self._pump()

    def stop(self) -> None:
        """Close the connection; whoever waits gets HiveError(unreachable)."""
        if self._loop is not None:
            self.session.stop(HiveError("unreachable", "This client was closed."))
            self._loop = None
        if self._timer is not None:
            self._timer.cancel()

    async def ready(self, timeout_s: float) -> bool:
        """Wait until a first session works; False if that takes too long or is refused."""
        assert self._loop is not None, "start comes first"
        until = self._loop.time() + timeout_s
        while not self._welcomed.is_set():
            error = self.session.error
            left_s = until - self._loop.time()
            if left_s <= 0 or (error is not None and error.code != "unreachable"):
                return False
            try:
                await asyncio.wait_for(self._welcomed.wait(), min(left_s, 0.05))
            except TimeoutError:
                continue
        return True

    async def call(self, ask: Ask) -> Answer:
        """Send a request and wait for its answer; cancelling the wait leaves the task alone.

        Raises HiveError(queue_full) where too many requests are open; a refusal is returned, not raised.
        """
        future = self.open(ask)
        try:
            return await future
        finally:
            if not future.done() or future.cancelled():
                self.forget(ask)

    def open(self, ask: Ask) -> asyncio.Future[Answer]:
        """Send a request and return the future of its answer. Raises HiveError(queue_full)."""
        if self._loop is None:
            raise HiveError("unreachable", "This client is closed.")
        number = ask.request.header.attempt
        future = self._answers[number] = self._loop.create_future()
        try:
            self.session.ask(ask)
        except HiveError:
            del self._answers[number]
            raise
        self._pump()  # the transport may have taken messages in while it sent, and will not say so again
        return future

    def forget(self, ask: Ask) -> None:
        """Stop to wait for a request."""
        number = ask.request.header.attempt
        self._answers.pop(number, None)
        self._events.pop(number, None)
        self.session.withdraw(number)

    async def watch(self, ask: Ask) -> AsyncGenerator[Event | Answer, None]:
        """Yield each event of a watched task and at last its answer."""
        number = ask.request.header.attempt
        queue: asyncio.Queue[Event] = asyncio.Queue(1000)
        self._events[number] = queue
        future = self.open(ask)
        getter: asyncio.Task[Event] | None = None
        try:
            while not future.done() or not queue.empty():
                getter = asyncio.ensure_future(queue.get())
                await asyncio.wait((getter, future), return_when=asyncio.FIRST_COMPLETED)
                if getter.done():
                    yield getter.result()
                else:
                    getter.cancel()
            yield future.result()
        finally:
            if getter is not None:
                getter.cancel()
            self.forget(ask)

    def connected(self, connection: Connection) -> None:
        """Let the loop watch the new connection."""
        assert self._loop is not None, "only a started port dials"
        self._loop.add_reader(connection.fileno(), self._pump)

    def disconnected(self, connection: Connection) -> None:
        """Let the loop forget the old connection."""
        if self._loop is not None:
            self._loop.remove_reader(connection.fileno())

    def welcomed(self, welcome: Welcome) -> None:  # noqa: ARG002 - an observer's method
        """Wake those who wait for the first session."""
        self._welcomed.set()

    def finished(self, number: int, answer: Answer) -> None:
        """Hand an answer to whoever waits for it."""
        future = self._answers.pop(number, None)
        if future is not None and not future.done():
            future.set_result(answer)

    def progress(self, number: int, event: Event) -> None:
        """Queue an event; a reader that is a thousand behind loses some, never the outcome."""
        queue = self._events.get(number)
        if queue is not None and not queue.full():
            queue.put_nowait(event)

    def _pump(self) -> None:
        if self._loop is None:
            return
        while self.session.pump():
            if not len(self.session):
                break
        due_us = self.session.next_us()
        delay_s = max(0.001, (due_us - self.clock.now_us()) / 1e6) if due_us >= 0 else _NAP_S
        when = self._loop.time() + min(delay_s, _NAP_S)
        timer = self._timer
        if timer is None or timer.cancelled() or not self._loop.time() < timer.when() <= when:
            if timer is not None:
                timer.cancel()
            self._timer = self._loop.call_at(when, self._pump)


class AsyncDirect:
    """The asynchronous client over the wire protocol."""

    def __init__(
        self, transport: Transport, endpoint: str, greeting: Greeting, connect_timeout_s: float
    ) -> None:
        """Connect at the first call."""
        self._transport = transport
        self._port = AsyncPort(transport, [endpoint], greeting)
        self._asker = Asker(self._port.session, self._port.clock)
        self._endpoint = endpoint
        self._connect_timeout_s = connect_timeout_s
        self._started = False
        self._closed = False

    async def run(self, wish: Wish) -> Result:
        """Submit and wait for the outcome."""
        await self._prepare(wish)
        return await self._result(await self._port.call(self._asker.submit(wish, wait=True)))

    async def submit(self, wish: Wish) -> Task:
        """Submit and wait for the receipt only."""
        await self._prepare(wish)
        return self._asker.receipt(await self._port.call(self._asker.submit(wish, wait=False)))

    async def deliver(self, wish: Wish, task: TaskId, timeout_s: float) -> Task:
        """Submit under this id, once, and wait for the receipt for so long."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._prepare(wish)
                return self._asker.receipt(await self._port.call(self._asker.delivery(wish, task)))
        except TimeoutError:
            raise unanswered(self._endpoint, timeout_s) from None

    async def result(self, task: Task | str, timeout_s: float | None) -> Result:
        """Wait for a task's outcome."""
        await self._connect()
        answer = await self._port.call(self._asker.watch(task, timeout_s))
        if isinstance(answer, HiveError) and answer.code == "expired":
            raise not_yet(task, timeout_s)
        return await self._result(answer)

    async def task(self, task: Task | str) -> Result:
        """Return where a task stands."""
        await self._connect()
        return await self._result(await self._port.call(self._asker.query("task", task=task)))

    async def cancel(self, task: Task | str) -> Result:
        """Cancel a task and return its outcome, whatever that is by now."""
        await self._connect()
        return await self._result(await self._port.call(self._asker.cancel(task)))

    async def explain(self, wish: Wish) -> object:
        """Return what would become of a task."""
        await self._prepare(wish)
        return self._asker.reply(await self._port.call(self._asker.explain(wish)))

    async def retry(self, task: Task | str, deadline_ms: int) -> Task:
        """Try a task again and return the handle of the one that does."""
        await self._connect()
        return self._asker.receipt(await self._port.call(self._asker.retry(task, deadline_ms)))

    async def query(self, what: str, args: Mapping[str, object] | None = None) -> object:
        """Return the answer to a question about the mesh."""
        await self._connect()
        return self._asker.reply(await self._port.call(self._asker.query(what, args)))

    async def close(self) -> None:
        """Close the connection and the transport. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._port.stop()
            self._transport.close()

    async def _connect(self) -> None:
        if not self._started:
            self._started = True
            self._port.start()
        if not await self._port.ready(self._connect_timeout_s):
            raise never_reached(self._endpoint, self._port.session.error)

    async def _prepare(self, wish: Wish) -> None:
        await self._connect()
        if not self._asker.knows(wish):
            self._asker.learn(await self._port.call(self._asker.query("capabilities")))

    async def _result(self, answer: Answer) -> Result:
        try:
            return self._asker.result(answer)
        except HiveError as error:
            if error is answer or error.code != "type_unknown":
                raise
        self._asker.learn(await self._port.call(self._asker.query("capabilities")))
        return self._asker.result(answer)
