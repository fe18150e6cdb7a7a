"""Carries what an outbox keeps to a mesh: performs what the Forwarder decides, over a port of either kind.

Nothing is sent behind the caller's back: a delivery runs while somebody calls `deliver`, and has no thread of its own.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final

from hive.clients.base import AsyncPort, SyncPort
from hive.clients.outbox import Entry, Outbox
from hive.clients.result import Task
from hive.clock import Clock, SystemClock
from hive.core.forward import (
    EntryState,
    ForwardAction,
    Forwarder,
    ForwardTuning,
    Go,
    Halt,
    Inquire,
    Load,
    Loaded,
    Mark,
    NoteSent,
    Received,
    Refused,
    Transmit,
)
from hive.errors import HiveError
from hive.ids import parse_task_id
from hive.record import record

NEVER_US: Final = 1 << 62
_LEAST_S: Final = 0.05
_ANSWER_S: Final = 5.0
"""How long one entry's receipt is waited for; a commit of a busy store takes a while."""


@dataclass(slots=True)
class Delivery:
    """What a delivery came to: how many entries were accepted and refused, how many still wait, and why if they do."""

    accepted: int = 0
    refused: int = 0
    kept: int = 0
    error: HiveError | None = None

    def as_json(self) -> dict[str, object]:
        """Return the JSON of `hive outbox deliver`."""
        why = {"code": self.error.code, "detail": self.error.detail} if self.error else None
        return {"accepted": self.accepted, "refused": self.refused, "kept": self.kept, "error": why}


@record
class Call:
    """What the shell is to ask the mesh: to take an entry, or with `inquire` whether it has it."""

    entry: Entry
    inquire: bool
    timeout_s: float


@record
class Pause:
    """What the shell is to do: nothing, for so long."""

    seconds: float


Reply = Task | HiveError | None
Told = Callable[[Entry, EntryState, HiveError | None], None]
Talk = Generator[Call | Pause, Reply, None]


class Courier:
    """Delivers one outbox. The pauses between tries go on from one `deliver` to the next."""

    def __init__(
        self, outbox: Outbox, tuning: ForwardTuning | None = None, clock: Clock | None = None
    ) -> None:
        """Deliver `outbox`."""
        self.outbox = outbox
        self._clock = clock or SystemClock()
        self._core = Forwarder(random.Random(os.urandom(8)), tuning)
        self._loaded: Entry | None = None
        self.receipts: dict[str, str] = {}
        """The states in which the entries of the last delivery were accepted, by task id."""
        self.delivery = Delivery()

    def deliver(
        self, port: SyncPort, timeout_s: float | None, *, patient: bool = True, told: Told | None = None
    ) -> Delivery:
        """Deliver until nothing is kept any more or `timeout_s` is over (None: as long as it takes).

        One that is not `patient` stops where it would have to pause. `told` is called with each entry that has come to
        an end. Raises HiveError: outbox_in_use, and what says that the sender is set up wrongly, such as
        unauthenticated.
        """
        with self.outbox.delivering():
            talk = self._talk(timeout_s, told)
            step = next(talk, None)
            while step is not None:
                if isinstance(step, Pause):
                    if not patient:
                        break
                    time.sleep(step.seconds)
                step = _next(talk, _ask(port, step) if isinstance(step, Call) else None)
            return self._sum()

    async def deliver_async(
        self, port: AsyncPort, timeout_s: float | None, *, patient: bool = True
    ) -> Delivery:
        """Deliver, as `deliver` does; the disk is waited for on threads of asyncio's pool."""
        with self.outbox.delivering():
            talk = self._talk(timeout_s, None)
            step = await asyncio.to_thread(next, talk, None)
            while step is not None:
                if isinstance(step, Pause):
                    if not patient:
                        break
                    await asyncio.sleep(step.seconds)
                reply = await _ask_async(port, step) if isinstance(step, Call) else None
                step = await asyncio.to_thread(_next, talk, reply)
            return await asyncio.to_thread(self._sum)

    def _sum(self) -> Delivery:
        self.delivery.kept = self.outbox.counts()["kept"]
        return self.delivery

    def _talk(self, timeout_s: float | None, told: Told | None) -> Talk:
        """Yield what is to be asked of the mesh and take the reply; everything about the disk is done in here."""
        until_us = NEVER_US if timeout_s is None else self._clock.now_us() + int(timeout_s * 1e6)
        self.delivery, self.receipts = Delivery(), {}
        while True:
            actions = deque(self._core.handle(Go(), self._clock.now_us()))
            while actions:
                action = actions.popleft()
                if isinstance(action, Transmit | Inquire):
                    actions += yield from self._call(action, until_us)
                else:
                    actions += self._perform(action, until_us, told)
            now_us, due_us = self._clock.now_us(), self._core.next_us()
            if due_us < 0 or now_us >= until_us:
                return
            yield Pause(max(0, min(due_us, until_us) - now_us) / 1e6)

    def _call(
        self, action: Transmit | Inquire, until_us: int
    ) -> Generator[Call | Pause, Reply, list[ForwardAction]]:
        entry, number = self._loaded, action.item.number
        assert entry is not None, "what is sent was loaded just before"
        left_s = max(_LEAST_S, (until_us - self._clock.now_us()) / 1e6)
        reply = yield Call(entry, isinstance(action, Inquire), min(_ANSWER_S, left_s))
        now_us = self._clock.now_us()
        if isinstance(reply, HiveError):
            return self._core.handle(Refused(number, reply), now_us)
        assert reply is not None, "a call is replied to"
        self.receipts[entry.task] = reply.state
        return self._core.handle(Received(number), now_us)

    def _perform(self, action: ForwardAction, until_us: int, told: Told | None) -> list[ForwardAction]:
        match action:
            case Load():
                now_us = self._clock.now_us()
                self._loaded = self.outbox.first() if now_us < until_us else None
                item = self._loaded.item() if self._loaded is not None else None
                return self._core.handle(Loaded(item), now_us)
            case NoteSent(number):
                self.outbox.note_sent(number)
            case Mark(number, state, error):
                self.outbox.mark(number, state, error)
                self._count(state, error)
                if told is not None and self._loaded is not None:
                    told(self._loaded, state, error)
            case Halt(error):
                raise error
        return []

    def _count(self, state: EntryState, error: HiveError | None) -> None:
        self.delivery.accepted += state is EntryState.ACCEPTED
        self.delivery.refused += state is EntryState.REFUSED
        self.delivery.error = error if state is EntryState.KEPT else None


def _next(talk: Talk, reply: Reply) -> Call | Pause | None:
    try:
        return talk.send(reply)
    except StopIteration:
        return None


def _ask(port: SyncPort, call: Call) -> Reply:
    task = parse_task_id(call.entry.task)
    try:
        if call.inquire:
            return Task(call.entry.task, port.task(call.entry.task).state)
        return port.deliver(call.entry.wish(), task, call.timeout_s)
    except HiveError as error:
        return error


async def _ask_async(port: AsyncPort, call: Call) -> Reply:
    task = parse_task_id(call.entry.task)
    try:
        if call.inquire:
            return Task(call.entry.task, (await port.task(call.entry.task)).state)
        return await port.deliver(call.entry.wish(), task, call.timeout_s)
    except HiveError as error:
        return error
