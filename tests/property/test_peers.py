"""Peers that speak the protocol and mean no good: any message in any session, and neither core ever raises."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive.wire.codec import decode, encode
from hive.wire.messages import (
    EMPTY,
    Answer,
    Beat,
    Cancel,
    Credit,
    Generation,
    Header,
    Hello,
    Journal,
    Message,
    Plan,
    Query,
    Refuse,
    Submit,
    Verdict,
    Watch,
    Welcome,
    Work,
)
from specialists.core.admission import NodeLimits
from specialists.core.events import Done, Joined, Ran, Received, Run, Send, Turned
from specialists.core.machine import NodeCore
from tests.property.test_wire import any_message, headers, messages_of
from tests.unit.conductor.core.bench import CLASSIFY, CLIENT, MS, Bench

NODE, OTHER, STRANGER, GATEWAY = 10, 11, 50, 60
OURS = (
    Plan,
    Verdict,
    Generation,
    Journal,
)  # only our own control process says these, over the private socket
said = st.one_of(
    any_message,
    *(messages_of(cls) for cls in (Submit, Answer, Refuse, Query, Watch, Cancel, Beat, Credit, Hello)),
)
likely = st.builds(
    lambda header, number, task, labels, remaining: header._replace(
        epoch=7,
        attempt=number,
        task=task.to_bytes(16, "big"),
        labels=labels,
        remaining_us=remaining,
        priority=5,
    ),
    headers,
    st.integers(0, 4),
    st.integers(0, 3),
    st.sampled_from([0, 2, 4, 2**63]),
    st.sampled_from([-1, 0, 1, 10**6, 2**63 - 1]),
)


def aimed(message: Message, header: Header) -> Message:
    """Return the message about something that exists: tasks 1 to 3, attempts 1 to 4, the capability that is served."""
    about = replace(message, header=header)
    if isinstance(about, Submit):
        return replace(about, capability=CLASSIFY, inputs=(), want="")
    if isinstance(about, Query):
        return replace(
            about, what=("explain", "task", "nodes", "tasks", "capabilities", "status")[about.ask % 6]
        )
    return about


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([NODE, OTHER, CLIENT, STRANGER, GATEWAY]),
            st.one_of(said, st.builds(aimed, said, likely)),
            st.integers(0, 400),
        ),
        max_size=15,
    )
)
def test_no_peer_can_make_the_conductor_raise(story: list[tuple[int, Message, int]]) -> None:
    bench = Bench()
    bench.node(NODE, "a")
    bench.node(OTHER, "b")
    bench.send(GATEWAY, Hello(EMPTY, "gateway", "gateway", "m"), trusted=True)
    bench.submit()
    bench.submit(durable=True)
    for session, message, pause_ms in story:
        if isinstance(message, OURS):
            continue
        bench.send(session, message, trusted=session == GATEWAY)
        bench.tick(pause_ms * MS)
    for _, message in bench.sent:
        assert encode(decode(encode(message))) == encode(message), "what it says is what the protocol allows"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(said, st.builds(aimed, said | messages_of(Work) | messages_of(Welcome), likely)),
        max_size=15,
    )
)
def test_no_conductor_can_make_a_node_raise(story: list[Message]) -> None:
    core = NodeCore(CLASSIFY, NodeLimits(max_batch=4))
    now_us = 1_000_000
    sent: list[Message] = []
    core.handle(
        Joined(0, 2, Welcome(EMPTY, 1, "c", "plant", "a", "ready", labels=("public", "internal"))), now_us
    )
    for message in story:
        now_us += 5_000
        actions = core.handle(Received(0, message), now_us) + core.handle(Turned(), now_us)
        for action in actions:
            if isinstance(action, Run):
                done = tuple(Done((b"x",), 0.5, unsure=False, removes=()) for _ in action.works)
                actions += core.handle(Ran(done), now_us + 1_000)
        sent += [action.message for action in actions if isinstance(action, Send)]
        core.validate_state()
    for message in sent:
        assert encode(decode(encode(message))) == encode(message)
