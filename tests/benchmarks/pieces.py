"""Where a task's time goes in Python: client, dispatcher and worker alone, over connections that answer at once.

`python -m tests.benchmarks.pieces [--profile client|dispatcher|worker]` prints microseconds per task, the best of
several short runs. What `hive bench dispatch` shows beyond this is the operating system's and ZeroMQ's share.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import sys
import timeit
from collections.abc import Callable
from typing import Final

from conductor.core.machine import Conductor
from conductor.core.settings import Settings
from conductor.dispatcher.dialled import Dialled
from conductor.dispatcher.loop import Dispatcher
from conductor.store.memory import MemoryStore
from hive.client import Client
from hive.clock import SystemClock
from hive.ids import TaskId
from hive.wire.auth import LoopbackOnly
from hive.wire.codec import decode, encode, pack_document, peek_header
from hive.wire.messages import (
    EMPTY,
    Ack,
    Answer,
    Generation,
    Header,
    Hello,
    Offer,
    Outcome,
    Plan,
    PlanWanted,
    Query,
    Reply,
    Seen,
    Submit,
    Verdict,
    Welcome,
    Work,
)
from specialists.core.admission import NodeLimits
from specialists.core.machine import NodeCore
from specialists.load import load
from specialists.worker_loop import Identity, Worker
from specialists.worker_run import Runner, offer_of
from specialists.worker_spec import WorkerSpec

RUNS: Final = 9
COUNT: Final = 3_000
BODY: Final = b"x" * 64
LABELS: Final = ("public", "internal", "pii", "phi")
WAIT: Final = Header(1, 5, 0, 0, 0, 1, 0, 0, 0, 0, 30_000_000, 0, 2, TaskId(b"1" * 16))
WELCOME: Final = Welcome(
    EMPTY, 1, "c", "home", "local", "ready", capabilities={"mesh.echo": 1}, labels=LABELS
)
OFFER: Final = Offer("mesh.echo", "1", (("text", "text"),), "text", "sha256:" + "0" * 64, "mesh-echo")
PROVENANCE: Final = pack_document(
    {
        "plan": ["mesh.echo"],
        "attempts": [[0, 1, "desk/mesh-echo", "home", OFFER.digest, "answered", 100, 200]],
    }
)


class Instant:
    """Transport, poller, connection and listener in one: what is sent is answered before `send` returns."""

    alive = True
    endpoint = "tcp://127.0.0.1:1"

    def __init__(self, answer: Callable[[Instant, list[bytes]], None] | None = None) -> None:
        self.arrived: list[object] = []
        self.sent: list[tuple[int, list[bytes]]] = []
        self._answer = answer

    def connect(self, _: str) -> Instant:
        return self

    def poller(self) -> Instant:
        return self

    def add(self, _: object) -> None: ...
    def add_fd(self, _: int) -> None: ...
    def remove(self, _: object) -> None: ...
    def drop(self, _: int) -> None: ...
    def close(self) -> None: ...

    def wait(self, _: int) -> bool:
        return True

    def fileno(self) -> int:
        return 0

    def lost(self) -> list[int]:
        return []

    def peer_address(self, _: int) -> str:
        return "127.0.0.1"

    def receive(self) -> object:
        return self.arrived.pop(0) if self.arrived else None

    def send(self, *words: object) -> bool:
        if self._answer is not None:
            self._answer(self, list(words[-1]))  # type: ignore[call-overload]
        else:
            self.sent.append((words[0], words[1]))  # type: ignore[arg-type]
        return True


def client() -> tuple[Callable[[], object], Callable[[], object]]:
    """Return one task through the synchronous client, and the part of it that is this script's."""

    def answer(instant: Instant, frames: list[bytes]) -> None:
        message = decode(frames)
        if isinstance(message, Hello):
            instant.arrived.append(encode(WELCOME))
        elif isinstance(message, Query):
            row = {"capability": "mesh.echo", "inputs": {"text": "text"}, "output": "text"}
            instant.arrived.append(encode(Reply(message.header, message.ask, [row])))
        elif isinstance(message, Submit):
            header = message.header._replace(labels=2)
            done = Outcome(header, "done", "mesh.echo", "text", 1.0, {}, PROVENANCE, message.body)
            instant.arrived.append(encode(done))

    caller = Client("tcp://127.0.0.1:1", transport=Instant(answer))  # type: ignore[arg-type]
    frames = encode(Submit(WAIT, body=(BODY,)))
    aside = Instant(answer)
    return lambda: caller.run("mesh.echo", BODY.decode()), lambda: (
        answer(aside, frames),
        aside.arrived.pop(),
    )


def worker() -> tuple[Callable[[], object], Callable[[], object]]:
    """Return one work through a worker's loop with mesh.echo, and the part of it that is this script's."""

    class Pipe:
        open = True
        read_fd = 0

        def say(self, *_: object, **__: object) -> None: ...
        def line(self) -> None: ...

    def answer(instant: Instant, frames: list[bytes]) -> None:
        if isinstance(decode(frames), Hello):
            instant.arrived.append(encode(WELCOME))

    instant = Instant(lambda self, frames: None if frames[0][0] != 1 else answer(self, frames))
    specialist = load("mesh-echo")
    spec = WorkerSpec("n", "m", "home", "mesh-echo", ("tcp://127.0.0.1:1",), 64)
    loop = Worker(
        Identity(spec, 1, offer_of(specialist.manifest)),
        Runner(specialist),
        NodeCore("mesh.echo", NodeLimits(max_batch=64, run_bound_us=100_000)),
        transport=instant,  # type: ignore[arg-type]
        pipe=Pipe(),  # type: ignore[arg-type]
        clock=SystemClock(),
        rng=random.Random(1),
    )
    loop.start()
    loop.turn()
    loop.turn()
    numbers = iter(range(1, sys.maxsize))

    def make(number: int) -> list[bytes]:
        header = WAIT._replace(epoch=7, attempt=number & 0xFFFFFFFF, sent_us=SystemClock().now_us())
        return encode(Work(header, (), (BODY,)))

    def once() -> None:
        number = next(numbers)
        instant.arrived.append(make(number))
        if number % 64 == 0:
            instant.arrived.append(encode(Ack(EMPTY, number - 1)))
        loop.turn()

    return once, lambda: make(1)


def dispatcher() -> tuple[Callable[[], object], Callable[[], object]]:
    """Return one task through the dispatcher's loop and core, and the part of it that is this script's."""
    public, private = Instant(), Instant()
    core = Conductor("m", "home", "home", 7, Settings(deviation_floor_us=10**9), lambda: 0.5)
    parts = (core, MemoryStore(), public, private, Instant(), SystemClock(), LoopbackOnly())
    loop = Dispatcher(*parts, Dialled(Instant(), Instant()))  # type: ignore[arg-type]

    def hear(listener: Instant, session: int, *messages: object) -> None:
        listener.arrived += [(session, encode(message)) for message in messages]  # type: ignore[arg-type]
        loop.turn(-1)
        for _, frames in private.sent:
            message = decode(frames)
            if isinstance(message, Seen):
                grant = {"capability": "mesh.echo", "pool": "p", "removes": 0, "rule": "r"}
                hear_later.append(Verdict(EMPTY, message.ask, message.name, 6, (grant,)))
            elif isinstance(message, PlanWanted):
                step = {
                    "capability": "mesh.echo",
                    "output": "text",
                    "inputs": [["text", "text", -1]],
                    "labels": 2,
                }
                hear_later.append(Plan(EMPTY, message.ask, 1, (step,), default_labels=2))
        private.sent.clear()
        while hear_later:
            hear(private, 1, hear_later.pop())

    hear_later: list[object] = []
    hear(private, 1, Hello(EMPTY, "control", "control", "m"), Generation(EMPTY, 1, 6, "r"))
    hear(public, 1, Hello(EMPTY, "client", "local", "m"))
    hear(public, 2, Hello(EMPTY, "node", "n", "m", "home", 1, credit=64, offers=(OFFER,)))
    numbers = iter(range(1, sys.maxsize))

    def ask() -> list[bytes]:
        task = TaskId(next(numbers).to_bytes(16, "big"))
        return encode(Submit(WAIT._replace(task=task, sent_us=SystemClock().now_us()), body=(BODY,)))

    def answer(frames: list[bytes]) -> list[bytes]:
        return encode(Answer(peek_header(frames), 1.0, 0, 10, 20, (BODY,)))

    hear(public, 1, decode(ask()))
    public.sent = public.sent[-1:]

    def once() -> None:
        public.arrived.append((1, ask()))
        loop.turn(-1)
        public.arrived.append((2, answer(public.sent[-1][1])))
        loop.turn(-1)
        public.sent.clear()

    hear(public, 2, decode(answer(public.sent[-1][1])))
    return once, lambda: answer(ask())


def cost_us(once: Callable[[], object], ours: Callable[[], object]) -> float:
    """Return microseconds per task without this script's own share; the quietest run counts."""
    best = [min(timeit.repeat(part, number=COUNT, repeat=RUNS)) / COUNT * 1e6 for part in (once, ours)]
    return best[0] - best[1]


def main() -> None:
    """Print the three costs, or the profile of one."""
    pieces = {"client": client, "dispatcher": dispatcher, "worker": worker}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=pieces)
    chosen = parser.parse_args().profile
    if chosen:
        once, _ = pieces[chosen]()
        profile = cProfile.Profile()
        profile.enable()
        for _ in range(COUNT):
            once()
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
        return
    for name, make in pieces.items():
        sys.stdout.write(f"{name:12} {cost_us(*make()):6.1f} us a task\n")


if __name__ == "__main__":
    main()
