"""The dispatcher's loop: frames in, frames out, in the order in which they were decided."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

from conductor.core.machine import Conductor
from conductor.core.peers import LinkSpec
from conductor.core.settings import Settings
from conductor.dispatcher.dialled import Dialled
from conductor.dispatcher.loop import Dispatcher
from conductor.store.base import Store
from conductor.store.memory import MemoryStore
from conductor.store.sql.sqlite import SqliteDatabase
from conductor.store.sql.store import SqlStore
from hive.errors import HiveError
from hive.ids import TaskId
from hive.wire.auth import LoopbackOnly
from hive.wire.codec import decode, encode
from hive.wire.messages import (
    EMPTY,
    Ack,
    Answer,
    Beat,
    Bye,
    Flag,
    Generation,
    Hello,
    Message,
    Offer,
    Outcome,
    Plan,
    PlanWanted,
    Query,
    Receipt,
    Refuse,
    Reply,
    Seen,
    Submit,
    Verdict,
    Welcome,
    Work,
)
from tests.fakes.waiting import until

CONTROL, CLIENT, A, B = 1, 9, 3, 4


class Wire:
    """A listener whose peers are lists. Sessions in `full` take nothing."""

    endpoint = "tcp://127.0.0.1:1"

    def __init__(self) -> None:
        self.arrived: deque[tuple[int, list[bytes]]] = deque()
        self.sent: list[tuple[int, Message]] = []
        self.full: set[int] = set()
        self.ended: list[int] = []

    def put(self, session: int, *messages: Message) -> None:
        self.arrived.extend((session, encode(message)) for message in messages)

    def to(self, session: int) -> list[type]:
        return [type(message) for peer, message in self.sent if peer == session]

    def receive(self) -> tuple[int, list[bytes]] | None:
        return self.arrived.popleft() if self.arrived else None

    def send(self, session: int, frames: Sequence[bytes]) -> bool:
        if session in self.full:
            return False
        self.sent.append((session, decode(frames)))
        return True

    def lost(self) -> list[int]:
        ended, self.ended = self.ended, []
        return ended

    def drop(self, session: int) -> None:
        self.full.add(session)

    def peer_address(self, _: int) -> str:
        return "127.0.0.1"

    def fileno(self) -> int:
        return 0

    def close(self) -> None: ...


class Line:
    """A connection whose other side is a list."""

    def __init__(self) -> None:
        self.arrived: deque[list[bytes]] = deque()
        self.sent: list[Message] = []
        self.alive = True
        self.closed = False

    def receive(self) -> list[bytes] | None:
        return self.arrived.popleft() if self.arrived else None

    def send(self, frames: Sequence[bytes]) -> bool:
        self.sent.append(decode(frames))
        return True

    def close(self) -> None:
        self.closed = True


class Dials:
    """A transport that connects to anything that looks like an address."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def connect(self, endpoint: str) -> Line:
        if not endpoint.startswith("tcp://"):
            raise HiveError("bad_request", f"{endpoint} is no address.")
        self.lines.append(Line())
        return self.lines[-1]


class Never:
    """A poller that is never asked to wait."""

    def add(self, _: object) -> None: ...
    def add_fd(self, _: int) -> None: ...
    def remove(self, _: object) -> None: ...
    def wait(self, _: int) -> bool:
        return True


class Clock:
    now = 1_000_000

    def now_us(self) -> int:
        return self.now


class Ticking(Never):
    """A poller that lets time pass instead of waiting."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.calls: list[Callable[[], None]] = []  # one for each wait, the last one first

    def wait(self, timeout_us: int) -> bool:
        self.clock.now += timeout_us
        if self.calls:
            self.calls.pop()()
        return True


class Site:
    """A dispatcher with a control process that grants everything, one turn at a time."""

    def __init__(self, store: Store | None = None) -> None:
        self.public, self.private = Wire(), Wire()
        dials = [LinkSpec("cloud", "tcp://cloud:1"), LinkSpec("region", "no address")]
        self.core = Conductor("m", "plant", "plant", 7, Settings(), lambda: 0.5, dials)
        self.dials = Dials()
        self.dialled = Dialled(self.dials, Never())
        parts = (self.core, store or MemoryStore(), self.public, self.private)
        self.clock = Clock()
        self.poller = Ticking(self.clock)
        self.loop = Dispatcher(*parts, self.poller, self.clock, LoopbackOnly(), self.dialled)
        self.private.put(CONTROL, Hello(EMPTY, "control", "control", "m"), Generation(EMPTY, 1, 6, "r"))
        self.public.put(CLIENT, Hello(EMPTY, "client", "local", "m"))
        self.turn()

    def turn(self) -> None:
        self.loop.turn(0)
        while self.private.sent:
            asked, self.private.sent = self.private.sent, []
            for _, message in asked:
                if isinstance(message, Seen):
                    grant: dict[str, object] = {"capability": "c", "pool": "p", "rule": "r", "removes": 0}
                    self.private.put(CONTROL, Verdict(EMPTY, message.ask, message.name, 6, (grant,)))
                elif isinstance(message, PlanWanted):
                    step = {"capability": "c", "output": "o", "inputs": [["text", "text", -1]], "labels": 2}
                    self.private.put(CONTROL, Plan(EMPTY, message.ask, 1, (step,), default_labels=2))
            self.loop.turn(0)


def hello(name: str) -> Hello:
    offer = Offer("c", "1", (("text", "text"),), "o", "sha", "x", run_bound_us=50_000)
    return Hello(EMPTY, "node", name, "m", "plant", 1, credit=1, offers=(offer,))


class StuckDisk(SqliteDatabase):
    """A database whose commits return only while `works` is set."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.works = Event()
        self.works.set()

    def commit(self) -> None:
        self.works.wait()
        super().commit()


def submit(number: int, *flags: Flag) -> Submit:
    task = TaskId(number.to_bytes(16, "big"))
    header = EMPTY._replace(
        flags=sum(flags or (Flag.WAIT,)), task=task, labels=2, remaining_us=60_000_000, sent_us=Clock.now
    )
    return Submit(header, "c", body=(b"x",))


def test_what_follows_from_a_loss_does_not_overtake_what_was_decided_before_it() -> None:
    site = Site()
    site.public.put(2, hello("b"))
    site.turn()
    site.public.ended = [2]
    site.public.put(A, hello("a"))
    site.turn()
    site.public.put(CLIENT, submit(1))
    site.turn()
    site.public.sent.clear()
    site.public.full.add(A)  # gone, and nobody has said so yet
    site.public.put(CLIENT, Query(EMPTY, 1, "status"))
    site.public.put(
        A, Beat(EMPTY)
    )  # its ACK cannot be sent: the task moves to b, which greets in the same burst
    site.public.put(B, hello("b"))
    site.turn()
    assert site.public.to(B) == [Welcome, Welcome, Work]


def test_frames_that_are_no_message_are_refused_after_what_came_before_them() -> None:
    site = Site()
    site.public.put(A, Hello(EMPTY, "client", "line-3", "m"))
    site.public.put(A, Query(EMPTY, 1, "status"))
    site.public.arrived.append((A, [b"rubbish", b""]))
    site.turn()
    assert site.public.to(A) == [Welcome, Reply, Refuse]


def test_a_peer_that_takes_nothing_is_dropped_and_others_are_served() -> None:
    site = Site()
    site.public.put(A, hello("a"))
    site.turn()
    site.public.full.add(CLIENT)
    site.public.put(CLIENT, Query(EMPTY, 1, "status"))
    site.public.put(B, Hello(EMPTY, "client", "line-3", "m"), Query(EMPTY, 1, "nodes"))
    site.turn()
    assert CLIENT << 2 not in site.core.state.sessions
    assert site.public.to(B) == [Welcome, Reply]


def test_a_linked_conductor_is_dialled_and_greeted_and_one_without_an_address_is_tried_again_later() -> None:
    site = Site()
    assert [[type(message) for message in line.sent] for line in site.dials.lines] == [[Hello]]
    greeting = site.dials.lines[0].sent[0]
    assert isinstance(greeting, Hello)
    assert (greeting.role, greeting.site) == ("peer", "plant")
    states = {name: peer.shown() for name, peer in site.core.state.peers.items()}
    assert states == {"cloud": "connecting", "region": "down"}


def test_a_link_is_emptied_before_it_is_lost() -> None:
    site = Site()
    line = site.dials.lines[0]
    line.arrived.append(encode(Welcome(EMPTY, 1, "cloud", "cloud", "plant", "ready")))
    line.alive = False
    site.loop.turn(0)
    assert site.core.state.peers["cloud"].session is None
    assert site.core.state.counts["links_lost"] == 1  # it was up, and then it was lost
    assert line.closed
    assert not site.dialled.lost()


def test_who_was_dialled_and_says_goodbye_is_nobody_else_afterwards() -> None:
    site = Site()
    line = site.dials.lines[0]
    words = (
        Welcome(EMPTY, 1, "cloud", "cloud", "plant", "ready"),
        Bye(EMPTY),
        Hello(EMPTY, "client", "boss", "m"),
        submit(7),
    )
    line.arrived.extend(encode(message) for message in words)
    site.turn()
    assert not site.core.state.tasks
    assert not any(session.name == "boss" for session in site.core.state.sessions.values())


def test_links_take_turns() -> None:
    dials = Dials()
    dialled = Dialled(dials, Never())
    numbers = [dialled.dial("tcp://a:1"), dialled.dial("tcp://b:1")]
    for line in dials.lines:
        line.arrived.extend([[b"x"]] * 2)
    heard = [dialled.receive() for _ in range(4)]
    assert [item[0] for item in heard if item] == [*numbers, *numbers]
    assert dialled.receive() is None


def test_the_core_knows_that_the_loop_stood_still_before_it_hears_what_came_meanwhile() -> None:
    site = Site()
    site.public.put(A, hello("a"))
    site.public.put(A, Beat(EMPTY))
    site.turn()
    beats = site.core.state.nodes["a"].beats
    before = (beats.mean_us, beats.variance)
    Clock.now += 5_000_000
    site.public.put(A, Beat(EMPTY), Beat(EMPTY), Beat(EMPTY))
    site.loop.turn(4_950_000)
    Clock.now -= 5_000_000
    assert site.core.state.counts["stood_still_ms"] == 4_950
    assert (beats.mean_us, beats.variance) == before
    assert site.core.state.nodes["a"].state.value == "ready"


def test_while_a_disk_hangs_beats_are_acknowledged_and_what_is_not_durable_is_served(tmp_path: Path) -> None:
    disk, now_s, pauses = StuckDisk(tmp_path / "s.db"), [1.0], [0]

    def paused(seconds: float) -> None:
        pauses[0] += 1
        now_s[0] += seconds

    store = SqlStore(disk, clock=lambda: now_s[0], pause=paused)
    store.open()
    site = Site(store)
    site.public.put(A, hello("a"))
    site.turn()
    until(lambda: (site.turn(), not site.core.state.ledger.insisted)[1])
    disk.works.clear()
    site.public.put(CLIENT, submit(1, Flag.DURABLE))
    site.turn()
    pauses[0] = 0
    site.public.sent.clear()
    for number in range(2, 600):  # each takes 100 ms of the store's caller: a minute
        now_s[0] += 0.1
        site.public.put(A, Beat(EMPTY))
        site.public.put(CLIENT, submit(number))
        site.turn()
        (work,) = [m for _, m in site.public.sent if isinstance(m, Work)]
        site.public.put(A, Answer(work.header, 0.9, 0, 10, 20, (b"ok",)))
        site.turn()
        assert (site.public.to(A), site.public.to(CLIENT)) == ([Ack, Work], [Outcome])
        site.public.sent.clear()
    assert pauses[0] <= 40  # two turns' worth, before it was clear that the disk hangs
    disk.works.set()
    until(lambda: (site.turn(), Receipt in site.public.to(CLIENT))[1])
    store.close()


def test_a_drain_waits_for_what_the_store_is_to_be_told_again() -> None:
    store = MemoryStore()
    site = Site(store)
    site.public.put(A, hello("a"))
    site.public.put(CLIENT, submit(1, Flag.DURABLE))
    site.turn()
    (work,) = [m for _, m in site.public.sent if isinstance(m, Work)]
    store.failing = "no space"
    site.public.put(A, Answer(work.header, 0.9, 0, 10, 20, (b"ok",)))
    site.turn()
    assert list(site.core.state.ledger.closing) == list(site.core.state.tasks.values())

    def mended() -> None:
        store.failing = ""

    site.poller.calls = [mended, *[lambda: None] * 20]
    site.loop.run(lambda: True)
    (stored,) = store.tables.tasks.values()
    assert (stored.finished is not None, site.core.state.ledger.closing) == (True, {})
