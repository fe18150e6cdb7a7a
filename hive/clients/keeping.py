"""A port with an outbox in front of it: a durable submission is on this machine's disk before anything is sent."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from hive.clients.asker import not_yet
from hive.clients.base import AsyncPort, SyncPort
from hive.clients.courier import Courier, Delivery
from hive.clients.outbox import Entry, Outbox
from hive.clients.request import Wish
from hive.clients.result import Result, Task, task_id_of
from hive.core.forward import EntryState
from hive.errors import HiveError, error_of
from hive.ids import TaskId, parse_task_id

_KEPT: Final = EntryState.KEPT.value
_REFUSED: Final = EntryState.REFUSED.value
_DAMAGED: Final = frozenset({"outbox_invalid", "internal"})
_LOOK_S: Final = 0.1


class Kept:
    """What both ports share: the entry of a submission, and what may be said of it without asking anybody."""

    def __init__(self, outbox: Outbox, principal: str, connect_timeout_s: float) -> None:
        """Keep in `outbox` what `principal` asks for; a try to deliver takes as long as one to connect."""
        self.outbox = outbox
        self.courier = Courier(outbox)
        self._principal = principal
        self.patience_s = connect_timeout_s

    def add(self, wish: Wish, expires_ms: int | None) -> Entry:
        """Put a submission on the disk; it is durable from now on."""
        return self.outbox.add(replace(wish, durable=True), self._principal, expires_ms)

    def handle(self, entry: Entry) -> Task:
        """Return the handle of an entry after a try to deliver it; raise if the mesh refused it in that try."""
        state = self.courier.receipts.get(entry.task)
        if state is not None:
            return Task(entry.task, state)
        now = self.outbox.find(parse_task_id(entry.task))
        if now is None or now.state == EntryState.ACCEPTED.value:
            return Task(entry.task)  # another process has delivered it meanwhile
        if now.state == _REFUSED and entry.state == _KEPT:
            self.outbox.drop(parse_task_id(entry.task))  # its caller hears it, so nobody has to look for it
            why = dict(now.error or {})
            raise error_of(str(why.pop("code", "internal")), str(why.pop("detail", "")), why)
        return Task(entry.task, now.state)

    def known(self, task: TaskId) -> Result | None:
        """Return where a task stands that is kept or was refused; None for one that a mesh has, or may have."""
        entry = self.outbox.find(task)
        if entry is None or entry.state == EntryState.ACCEPTED.value:
            return None
        return Result(entry.task, entry.state, entry.what, error=entry.error)

    def withdrawn(self, task: TaskId) -> Result | None:
        """Take back an entry that was never sent, or was refused; return its outcome, None where the mesh decides."""
        entry = self.outbox.find(task)
        if entry is not None and entry.state == _REFUSED:
            return Result(entry.task, _REFUSED, entry.what, error=entry.error)
        if entry is not None and self.outbox.drop(task, unsent=True):
            error: dict[str, object] = {"code": "cancelled", "detail": "It was cancelled before it was sent."}
            return Result(entry.task, "cancelled", entry.what, error=error)
        return None

    def cancelled(self, result: Result) -> Result:
        """Return the mesh's answer to a cancellation, and do not deliver any more what it has."""
        entry = self.outbox.find(parse_task_id(result.id))
        if entry is not None:
            self.outbox.mark(entry.number, EntryState.ACCEPTED)
        return result

    def unhindered(self, error: HiveError) -> None:
        """Let a submission pass whose delivery did not even begin: it is kept. Raise what is no reason for that."""
        if error.code in _DAMAGED:
            raise error


class KeepingPort:
    """A synchronous port with an outbox."""

    def __init__(self, port: SyncPort, kept: Kept) -> None:
        """Keep in the outbox of `kept` what `port` is to submit."""
        self._port = port
        self._kept = kept
        self._lock = threading.Lock()
        self.outbox = kept.outbox

    def submit(self, wish: Wish, expires_ms: int | None = None) -> Task:
        """Put it on the disk, try once to deliver what is there, and return its handle whatever came of that."""
        if wish.durable is False:
            return self._port.submit(wish)
        entry = self._kept.add(wish, expires_ms)
        with self._lock:
            try:
                self._kept.courier.deliver(self._port, self._kept.patience_s, patient=False)
            except HiveError as error:
                self._kept.unhindered(error)
            return self._kept.handle(entry)

    def flush(self, timeout_s: float | None) -> Delivery:
        """Deliver what is kept; see `Courier.deliver`."""
        with self._lock:
            return self._kept.courier.deliver(self._port, timeout_s)

    def deliver(self, wish: Wish, task: TaskId, timeout_s: float) -> Task:
        """Submit past the outbox."""
        return self._port.deliver(wish, task, timeout_s)

    def run(self, wish: Wish) -> Result:
        """Submit past the outbox, since its caller waits, and wait for the outcome."""
        return self._port.run(wish)

    def result(self, task: Task | str, timeout_s: float | None) -> Result:
        """Deliver the task, if it is kept, and wait for its outcome."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while (known := self._kept.known(task_id_of(task))) is not None:
            if known.final:
                return known
            try:
                self.flush(_left(until))
            except HiveError as error:
                if error.code != "outbox_in_use":
                    raise
                time.sleep(_LOOK_S)  # whoever delivers it now will be done with it
            if until is not None and time.monotonic() >= until:
                raise not_yet(task, timeout_s)
        return self._port.result(task, _left(until))

    def task(self, task: Task | str) -> Result:
        """Return where a task stands, `kept` while it is not delivered."""
        return self._kept.known(task_id_of(task)) or self._port.task(task)

    def cancel(self, task: Task | str) -> Result:
        """Take a task back, or cancel it where it is."""
        known = self._kept.withdrawn(task_id_of(task))
        return known or self._kept.cancelled(self._port.cancel(task))

    def explain(self, wish: Wish) -> object:
        """Return what would become of a task."""
        return self._port.explain(wish)

    def retry(self, task: Task | str, deadline_ms: int) -> Task:
        """Try a task again and return the handle of the one that does."""
        return self._port.retry(task, deadline_ms)

    def query(self, what: str, args: Mapping[str, object] | None = None) -> object:
        """Return the answer to a question about the mesh."""
        return self._port.query(what, args)

    def run_all(self, wishes: Iterable[Wish], concurrency: int) -> Iterator[tuple[int, Result]]:
        """Yield (position, result) of each wish as it ends, past the outbox."""
        return self._port.run_all(wishes, concurrency)

    def close(self) -> None:
        """Release everything; what is kept stays on the disk."""
        self._port.close()
        self._kept.outbox.close()


class AsyncKeepingPort:
    """An asynchronous port with an outbox. Threads of asyncio's pool wait for the disk."""

    def __init__(self, port: AsyncPort, kept: Kept) -> None:
        """Keep in the outbox of `kept` what `port` is to submit."""
        self._port = port
        self._kept = kept
        self._lock = asyncio.Lock()
        self.outbox = kept.outbox

    async def submit(self, wish: Wish, expires_ms: int | None = None) -> Task:
        """Put it on the disk, try once to deliver what is there, and return its handle whatever came of that."""
        if wish.durable is False:
            return await self._port.submit(wish)
        entry = await asyncio.to_thread(self._kept.add, wish, expires_ms)
        async with self._lock:
            try:
                await self._kept.courier.deliver_async(self._port, self._kept.patience_s, patient=False)
            except HiveError as error:
                self._kept.unhindered(error)
            return await asyncio.to_thread(self._kept.handle, entry)

    async def flush(self, timeout_s: float | None) -> Delivery:
        """Deliver what is kept; see `Courier.deliver`."""
        async with self._lock:
            return await self._kept.courier.deliver_async(self._port, timeout_s)

    async def deliver(self, wish: Wish, task: TaskId, timeout_s: float) -> Task:
        """Submit past the outbox."""
        return await self._port.deliver(wish, task, timeout_s)

    async def run(self, wish: Wish) -> Result:
        """Submit past the outbox, since its caller waits, and wait for the outcome."""
        return await self._port.run(wish)

    async def result(self, task: Task | str, timeout_s: float | None) -> Result:
        """Deliver the task, if it is kept, and wait for its outcome."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while (known := self._kept.known(task_id_of(task))) is not None:
            if known.final:
                return known
            try:
                await self.flush(_left(until))
            except HiveError as error:
                if error.code != "outbox_in_use":
                    raise
                await asyncio.sleep(_LOOK_S)  # whoever delivers it now will be done with it
            if until is not None and time.monotonic() >= until:
                raise not_yet(task, timeout_s)
        return await self._port.result(task, _left(until))

    async def task(self, task: Task | str) -> Result:
        """Return where a task stands, `kept` while it is not delivered."""
        return self._kept.known(task_id_of(task)) or await self._port.task(task)

    async def cancel(self, task: Task | str) -> Result:
        """Take a task back, or cancel it where it is."""
        known = await asyncio.to_thread(self._kept.withdrawn, task_id_of(task))
        return known or self._kept.cancelled(await self._port.cancel(task))

    async def explain(self, wish: Wish) -> object:
        """Return what would become of a task."""
        return await self._port.explain(wish)

    async def retry(self, task: Task | str, deadline_ms: int) -> Task:
        """Try a task again and return the handle of the one that does."""
        return await self._port.retry(task, deadline_ms)

    async def query(self, what: str, args: Mapping[str, object] | None = None) -> object:
        """Return the answer to a question about the mesh."""
        return await self._port.query(what, args)

    async def close(self) -> None:
        """Release everything; what is kept stays on the disk."""
        await self._port.close()
        self._kept.outbox.close()


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())
