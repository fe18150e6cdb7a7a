"""The control process is asked so many questions at a time."""

from __future__ import annotations

from conductor.core.actions import Lost, Received, Send
from conductor.core.machine import Conductor
from conductor.core.settings import Settings
from hive.wire.messages import EMPTY, Generation, Hello, Offer, Seen, Verdict

CONTROL, FIRST = 1, 10


class Site:
    """A conductor whose control process answers when it is told to."""

    def __init__(self) -> None:
        self.core = Conductor("m", "plant", "plant", 7, Settings(), lambda: 0.5)
        self.asked: list[Seen] = []
        self.control()

    def control(self) -> None:
        self.asked.clear()
        self.core.handle(Lost(CONTROL), 1_000_000)
        self.feed(Received(CONTROL, Hello(EMPTY, "control", "control", "m"), trusted=True))
        self.feed(Received(CONTROL, Generation(EMPTY, 1, 6, "r"), trusted=True))

    def feed(self, event: Received) -> None:
        for action in self.core.handle(event, 1_000_000):
            if isinstance(action, Send) and isinstance(action.message, Seen):
                self.asked.append(action.message)

    def node(self, number: int) -> None:
        offer = Offer("c", "1", (("text", "text"),), "o", "sha", "x", run_bound_us=50_000)
        hello = Hello(EMPTY, "node", f"n{number}", "m", "plant", 1, credit=1, offers=(offer,))
        self.feed(Received(FIRST + number, hello))

    def answer(self, seen: Seen) -> None:
        grant: dict[str, object] = {"capability": "c", "pool": "p", "rule": "r", "removes": 0}
        self.feed(Received(CONTROL, Verdict(EMPTY, seen.ask, seen.name, 6, (grant,)), trusted=True))


def test_of_a_thousand_nodes_that_come_at_once_so_many_are_asked_about_at_a_time() -> None:
    site = Site()
    for number in range(1_000):
        site.node(number)
    assert len(site.asked) == 256
    answered = 0
    while answered < len(site.asked):
        site.answer(site.asked[answered])
        answered += 1
        assert len(site.asked) - answered <= 256
    assert [seen.name for seen in site.asked] == [f"n{number}" for number in range(1_000)]
    assert {node.state.value for node in site.core.state.nodes.values()} == {"ready"}


def test_a_control_process_that_comes_anew_is_asked_everything_again_so_many_at_a_time() -> None:
    site = Site()
    for number in range(600):
        site.node(number)
    for seen in site.asked[:100]:
        site.answer(seen)
    site.control()
    assert len(site.asked) == 256
    for seen in site.asked:
        site.answer(seen)
    assert len({seen.name for seen in site.asked}) == len(site.asked) == 600
    assert {node.state.value for node in site.core.state.nodes.values()} == {"ready"}


def test_who_has_left_is_not_asked_about_any_more() -> None:
    site = Site()
    for number in range(300):
        site.node(number)

    site.core.handle(Lost(FIRST + 299), 1_000_000)
    for seen in site.asked:
        site.answer(seen)
    assert "n299" not in {seen.name for seen in site.asked}
    assert len(site.asked) == 299
