"""The worker's loop over the in-memory transport, with a clock that the test moves."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence

import pytest

from hive.clock import ManualClock
from hive.errors import HiveError
from hive.transport.memory import MemoryTransport
from hive.wire.codec import encode
from hive.wire.messages import EMPTY, Kind, Refuse, Work
from specialists.core.admission import NodeLimits
from specialists.core.machine import NodeCore
from specialists.kinds.base import Answer
from specialists.load import find
from specialists.manifest import Manifest, read_manifest
from specialists.worker_loop import Identity, Worker
from specialists.worker_pipe import AgentPipe
from specialists.worker_run import Inputs, Runner, offer_of
from specialists.worker_spec import WorkerSpec, endpoints_line
from tests.fakes.site import FakeSite

ENDPOINT = "memory://plant-a"


class Upper:
    """A model of the echo's manifest that answers in capitals."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    @property
    def manifest(self) -> Manifest:
        return read_manifest(find("mesh-echo"))

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        self.batches.append(len(batch))
        return [Answer(str(item["text"]).upper(), 0.5) for item in batch]


class Bench:
    """A worker, the site that it belongs to, and its agent's end of the pipes."""

    def __init__(self, endpoints: tuple[str, ...]) -> None:
        self.transport = MemoryTransport()
        self.site = FakeSite(self.transport, ENDPOINT)
        self.clock = ManualClock()
        self.model = Upper()
        worker_reads, self.agent_writes = os.pipe()
        self.agent_reads, worker_writes = os.pipe()
        os.set_blocking(self.agent_reads, False)
        pipe = AgentPipe(worker_reads, worker_writes)
        self.descriptors = [worker_reads, worker_writes, self.agent_reads, self.agent_writes]
        offer = offer_of(self.model.manifest)
        self.worker = Worker(
            Identity(WorkerSpec("press-1/up", "factory", "plant-a", "up", endpoints), 42, offer),
            Runner(self.model),
            NodeCore(offer.capability, NodeLimits(offer.run_bound_us, self.model.manifest.batch_max)),
            transport=self.transport,
            pipe=pipe,
            clock=self.clock,
            rng=random.Random(1),
        )
        self.worker.start()

    def turn(self, count: int = 1, after_us: int = 1000) -> None:
        for _ in range(count):
            self.clock.advance(after_us)
            self.worker.turn()
            self.site.pump()

    def said(self) -> str:
        try:
            return os.read(self.agent_reads, 65_536).decode()
        except BlockingIOError:
            return ""


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(getattr(request, "param", (ENDPOINT,)))
    yield made
    made.transport.close()
    for descriptor in made.descriptors:
        os.close(descriptor)


def test_what_is_queued_together_runs_together(bench: Bench) -> None:
    bench.turn(2)
    session = bench.site.sessions[0]
    given = [bench.site.give(session, text) for text in ("a", "b", "c")]
    bench.turn()
    assert bench.model.batches == [3]
    assert [session.answers[n].body for n in given] == [(b"A",), (b"B",), (b"C",)]


def test_the_agent_hears_of_connections_and_turns(bench: Bench) -> None:
    bench.turn(2)
    assert '"event":"connected"' in bench.said()
    bench.turn(1, after_us=500_000)
    assert '"event":"beat"' in bench.said()


def test_an_agent_that_does_not_read_holds_nothing_up(bench: Bench) -> None:
    bench.turn(3000, after_us=500_000)
    session = bench.site.sessions[-1]
    attempt = bench.site.give(session, "x")
    bench.turn()
    assert session.answers[attempt].body == (b"X",)


@pytest.mark.parametrize("bench", [()], indirect=True)
def test_an_endpoint_that_the_agent_finds_is_dialled(bench: Bench) -> None:
    bench.turn(2)
    assert bench.site.sessions == []
    os.write(bench.agent_writes, endpoints_line((ENDPOINT,)))
    bench.turn(3)
    assert len(bench.site.sessions) == 1


def test_a_session_that_the_conductor_refuses_is_reported(bench: Bench) -> None:
    bench.turn(2)
    bench.site.send(bench.site.sessions[0], Refuse(EMPTY, "claim_refused", "No rule.", int(Kind.HELLO)))
    bench.turn()
    assert '"event":"refused","code":"claim_refused"' in bench.said()


def test_malformed_frames_are_refused_and_the_loop_goes_on(bench: Bench) -> None:
    bench.turn(2)
    session = bench.site.sessions[0]
    bench.site.send_frames(session, [b"junk"])
    work = encode(Work(EMPTY._replace(capability=1, epoch=1, attempt=9), (), (b"x",)))
    bench.site.send_frames(session, [work[0], b"\xc1", *work[2:]])
    bench.turn()
    assert [(r.code, r.about, r.header.attempt) for r in session.refusals] == [
        ("frame_malformed", ord("j"), 0),
        ("frame_malformed", Kind.WORK, 9),
    ]


def test_the_end_of_the_agents_pipe_ends_the_worker(bench: Bench) -> None:
    bench.turn(2)
    os.close(bench.agent_writes)
    bench.descriptors.remove(bench.agent_writes)
    bench.turn(1, after_us=500_000)
    assert bench.worker.orphaned
