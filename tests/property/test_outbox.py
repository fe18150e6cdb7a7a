"""An outbox through crashes, losses and repeats on its way: each entry is one task, and they arrive in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from hive.core.forward import (
    EntryState,
    Forwarder,
    ForwardTuning,
    Go,
    Item,
    Load,
    Loaded,
    Mark,
    NoteSent,
    Received,
    Refused,
    Transmit,
)
from hive.errors import HiveError
from hive.ids import TaskId

SENDS = (
    "request lost",
    "receipt lost",
    "request late",
    "queue_full",
    "store_unavailable",
    "crash",
    "crash after",
)
MARKS = ("crash",)
TUNING = ForwardTuning(base_us=10, cap_us=100, patience_us=1_000)


class CrashedError(Exception):
    """The client's process died."""


class World:
    """A client with a disk, a conductor that remembers, and a network that does what `fates` say, then behaves."""

    def __init__(self, bad: Sequence[bool], fates: Iterator[str]) -> None:
        self.bad = bad
        self.fates = fates
        self.states = [EntryState.KEPT for _ in bad]  # what a process sees
        self.sent = [False for _ in bad]
        self.disk = (list(self.states), list(self.sent))  # what a crash leaves
        self.arrived: list[int] = []  # at the conductor, each once, in the order of their first arrival
        self.late: list[int] = []
        self.now_us = 0
        self.core = Forwarder(Random(0), TUNING)

    def sync(self) -> None:
        self.disk = (list(self.states), list(self.sent))

    def crash(self) -> None:
        self.states, self.sent = list(self.disk[0]), list(self.disk[1])
        self.core = Forwarder(Random(0), TUNING)

    def arrive(self, number: int) -> HiveError | None:
        if self.bad[number]:
            return HiveError("label_forbidden", "Not there.")
        if number not in self.arrived:
            self.arrived.append(number)
        return None

    def item(self) -> Item | None:
        kept = [n for n, state in enumerate(self.states) if state is EntryState.KEPT]
        if not kept:
            return None
        return Item(kept[0], TaskId(kept[0].to_bytes(16, "big")), self.sent[kept[0]])

    def transmit(self, number: int) -> Received | Refused:
        assert self.disk[1][number], "it is on the disk that it may have been sent, before it is"
        fate = next(self.fates, "")
        if fate == "crash":
            raise CrashedError
        if fate in ("queue_full", "store_unavailable"):
            return Refused(number, HiveError(fate, "Not now."))
        if fate == "request late":
            self.late.append(number)
        if fate in ("request lost", "request late"):
            return Refused(number, HiveError("unreachable", "Nothing came back."))
        error = self.arrive(number)
        if fate == "crash after":
            raise CrashedError
        if fate == "receipt lost":
            return Refused(number, HiveError("unreachable", "Nothing came back."))
        return Received(number) if error is None else Refused(number, error)

    def deliver(self) -> None:
        actions = self.core.handle(Go(), self.now_us)
        while actions:
            action = actions.pop(0)
            match action:
                case Load():
                    actions += self.core.handle(Loaded(self.item()), self.now_us)
                case NoteSent(number):
                    self.sent[number] = True
                    self.sync()
                case Transmit(item):
                    actions += self.core.handle(self.transmit(item.number), self.now_us)
                case Mark(number, state, _):
                    if next(self.fates, "") in MARKS:
                        raise CrashedError
                    self.states[number] = state  # not synced: a crash may forget it
                case _:
                    raise AssertionError(action)

    def run(self) -> None:
        for _ in range(10_000):
            try:
                self.deliver()
            except CrashedError:
                self.crash()
            for number in self.late:
                self.arrive(number)
            self.late.clear()
            if EntryState.KEPT not in self.states:
                return
            self.now_us = max(self.now_us + 1, self.core.next_us())
        raise AssertionError("it never came to an end")


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.booleans(), max_size=8),
    st.lists(st.sampled_from(("", *SENDS)), max_size=60),
)
def test_each_entry_is_one_task_and_in_order(bad: list[bool], fates: list[str]) -> None:
    world = World(bad, iter(fates))
    world.run()
    assert world.arrived == [number for number, refused in enumerate(bad) if not refused]
    assert world.states == [EntryState.REFUSED if refused else EntryState.ACCEPTED for refused in bad]
