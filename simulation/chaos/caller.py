"""A caller: `python -m simulation.chaos.caller SPEC`, a process outside of the mesh that asks one site.

It submits until SIGTERM, then waits until everything that it was promised has its outcome, or its patience is over. It
writes down every call before it is made and when it has ended; a caller that is killed leaves calls without an end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hive.supervise import die_with_parent
from simulation.chaos.errands import Errand
from simulation.chaos.http_line import HttpLine
from simulation.chaos.line import Line, Order, Told
from simulation.chaos.payloads import POISONS, marker
from simulation.chaos.wire_line import WireLine
from simulation.history.events import FINAL, Call, Writer

_DURABLE_MS: Final = 24 * 3600 * 1000
_WAITED_MS: Final = 20_000
_OPEN_MAX: Final = 96
_POLL_S: Final = 2.0
_KEYED, _CANCELLED, _NAMED, _DURABLE = 0.25, 0.28, 0.5, 0.8
"""Of all submissions: up to here with a key, then cancelled, then with an id of our own, then plain; the rest waits."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a caller is told: who it is, how it asks (`http` or `wire`), where, what and how often.

    `poisons_s` are instants of the monotonic clock at which it sends a poisoned payload.
    """

    name: str
    way: str
    url: str
    folder: str
    errands: tuple[Errand, ...]
    rate: float
    seed: int
    patience_s: float
    poisons_s: tuple[float, ...] = ()

    def as_json(self) -> str:
        """Return the spec as the process's argument."""
        return json.dumps(asdict(self))


def parse_spec(text: str) -> Spec:
    """Return the spec in an argument."""
    raw = json.loads(text)
    errands = tuple(Errand(*errand) for errand in raw.pop("errands"))
    return Spec(errands=errands, poisons_s=tuple(raw.pop("poisons_s")), **raw)


class Diary:
    """The caller's own history."""

    def __init__(self, name: str, folder: Path) -> None:
        """Open the file `<name>.jsonl`."""
        self._name = name
        self._calls = 0
        self._writer = Writer(folder / f"{name.replace('/', '.')}.jsonl")

    def invoke(self, op: str, order: Order, task: str = "") -> int:
        """Write that something is about to be asked; return the call's number."""
        self._calls += 1
        self._write("invoke", self._calls, op, order, Told("", task or order.task))
        return self._calls

    def end(self, call: int, op: str, order: Order, told: Told) -> None:
        """Write how a call ended."""
        self._write(told.kind, call, op, order, told)

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _write(self, kind: str, call: int, op: str, order: Order, told: Told) -> None:
        self._writer.write(
            Call(
                time.monotonic_ns() // 1000, self._name, call, kind, op, order.payload, told.task, order.key,
                order.label, order.durable, told.state, told.digest, told.code,
            )
        )  # fmt: skip


class Caller:
    """Asks at its rate, with so many open at once at most."""

    def __init__(self, spec: Spec, line: Line, diary: Diary) -> None:
        """Prepare; nothing is asked yet."""
        self._spec = spec
        self._line = line
        self._diary = diary
        self._chance = random.Random(spec.seed)
        self._number = 0
        self._open: set[asyncio.Task[None]] = set()
        self._late_s = float("inf")
        self.over = asyncio.Event()

    async def run(self) -> None:
        """Ask until `over` is set, then wait for what is open, for as long as the patience lasts."""
        poisons = list(self._spec.poisons_s)
        next_s = time.monotonic()
        while not self.over.is_set():
            now_s = time.monotonic()
            if poisons and now_s >= poisons[0]:
                poisons.pop(0)
                self._begin(self._promised(self._order(poison=self._chance.choice(POISONS))))
            if self._spec.rate and now_s >= next_s and len(self._open) < _OPEN_MAX:
                next_s = max(next_s + self._chance.expovariate(self._spec.rate), now_s - 1.0)
                self._begin(self._errand())
                continue
            pause_s = min(max(next_s - now_s, 0.002), 0.05)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), pause_s)
        self._late_s = time.monotonic() + self._spec.patience_s
        if self._open:
            await asyncio.wait(self._open, timeout=self._spec.patience_s)

    def _begin(self, errand: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(errand)
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _errand(self) -> None:
        """Ask one thing in one of the ways that there are."""
        dice = self._chance.random()
        if dice < _KEYED:
            await self._repeated()
        elif dice < _CANCELLED:
            await self._cancelled()
        elif dice < _NAMED:
            await self._promised(self._order(named=True))
        elif dice < _DURABLE:
            await self._promised(self._order())
        else:
            await self._call("submit", self._order(durable=False))

    def _order(
        self, *, durable: bool = True, keyed: bool = False, named: bool = False, poison: str = ""
    ) -> Order:
        self._number += 1
        errands = self._spec.errands
        (errand,) = self._chance.choices(errands, [one.weight for one in errands])
        payload = marker(self._spec.name, self._number, poison)
        hold = errand.away and durable
        deadline_ms = _DURABLE_MS if durable else _WAITED_MS
        task = self._chance.randbytes(16).hex() if named and self._spec.way == "http" else ""
        key = f"key {payload}" if keyed else ""
        return Order(payload, errand.capability, errand.label, deadline_ms, durable, hold, key, task)

    async def _promised(self, order: Order) -> None:
        """Submit a durable task and read it until it has its outcome."""
        told = await self._submitted(order)
        if told.kind == "ok":
            await self._read(order, told.task)

    async def _submitted(self, order: Order) -> Told:
        """Submit; what may be asked again without harm is, until it is known what became of it."""
        while True:
            told = await self._call("submit", order)
            again = told.kind == "unknown" and bool(order.key or order.task)
            if not again or time.monotonic() > self._late_s:
                return told
            await asyncio.sleep(self._chance.uniform(0.1, 0.6) + told.again_s)

    async def _repeated(self) -> None:
        """Submit with a key, at the same time and later again: it is one task."""
        order = self._order(keyed=True)
        await asyncio.gather(self._promised(order), self._later(order, 0.0), self._later(order, 1.5))

    async def _later(self, order: Order, within_s: float) -> None:
        await asyncio.sleep(self._chance.uniform(0.0, within_s))
        await self._submitted(order)

    async def _cancelled(self) -> None:
        """Submit, cancel at once, and read what it came to."""
        order = self._order()
        told = await self._submitted(order)
        if told.kind == "ok":
            await self._call("cancel", order, told.task)
            await self._read(order, told.task)

    async def _read(self, order: Order, task: str) -> None:
        while time.monotonic() < self._late_s:
            told = await self._call("read", order, task)
            if told.kind == "ok" and told.state in FINAL:
                return
            if told.kind != "ok":
                await asyncio.sleep(self._chance.uniform(0.1, 0.5) + told.again_s)

    async def _call(self, op: str, order: Order, task: str = "") -> Told:
        number = self._diary.invoke(op, order, task)
        if op == "submit":
            told = await self._line.submit(order)
        elif op == "cancel":
            told = await self._line.cancel(task)
        else:
            told = await self._line.read(task, _POLL_S)
        self._diary.end(number, op, order, told)
        return told


async def _main(spec: Spec) -> None:
    line: Line = HttpLine(spec.url) if spec.way == "http" else WireLine(spec.url)
    diary = Diary(spec.name, Path(spec.folder))
    caller = Caller(spec, line, diary)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, caller.over.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C is for whoever started this
    await caller.run()
    await line.close()
    diary.close()


def main(arguments: list[str]) -> int:
    """Ask as the spec says; end at once when the parent does."""
    die_with_parent(signal.SIGKILL)
    asyncio.run(_main(parse_spec(arguments[0])))
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
