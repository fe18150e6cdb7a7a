"""A conductor's core with any number of nodes, at its own site or behind links, without sockets or processes.

What a dispatcher does for each task, join, leave and beat is one call of the core with messages in; encoding and
sockets cost the same however many nodes there are, and are measured by `hive bench dispatch`.
"""

from __future__ import annotations

import random
from typing import Final

from conductor.core.actions import Action, Committed, Lost, Persist, Received, Send
from conductor.core.machine import Conductor
from conductor.core.settings import Settings
from hive.gate import LinkPass
from hive.ids import TaskId
from hive.wire.messages import (
    EMPTY,
    Answer,
    Beat,
    Flag,
    Generation,
    Hello,
    Offer,
    Plan,
    PlanWanted,
    Seen,
    Submit,
    Verdict,
    Welcome,
    Work,
)

CAPABILITIES: Final = 10
CREDIT: Final = 8
_INTERNAL: Final = 2
_CONTROL, _CLIENT, _FIRST = 1, 2, 10
_LABELS: Final = ("public", "internal", "pii", "phi")


class Town:
    """A site whose conductor knows `nodes` nodes: its own, or those of as many linked `sites` as are given.

    A linked site offers in sum what its nodes can do, so its conductor is one session with one virtual node for each
    capability, however many nodes are behind it.
    """

    def __init__(self, nodes: int, sites: int = 0, seed: int = 1, settings: Settings | None = None) -> None:
        """Connect everything; `sites` 0 means that all nodes are this site's own."""
        self.now_us = 1_000_000
        self.chance = random.Random(seed)
        chosen = settings or Settings(deviation_floor_us=10**9)
        self.core = Conductor("bench", "here", "here", 1, chosen, self.chance.random)
        self._number = 0
        self.sessions: dict[int, int] = {}  # session -> number of the node or site
        self._begin(sites)
        if sites:
            for site in range(sites):
                self._link(site, nodes // sites)
        else:
            for node in range(nodes):
                self.join(node)
        self._routes()

    def submission(self) -> Received:
        """Return the next task as it arrives; handing it to the core is what a decision is."""
        self._number += 1
        name = f"bench.c{self._number % CAPABILITIES}"
        header = EMPTY._replace(
            flags=Flag.WAIT, priority=5, attempt=self._number, remaining_us=60_000_000, sent_us=self.now_us,
            labels=_INTERNAL, task=TaskId(self._number.to_bytes(16, "big")),
        )  # fmt: skip
        return Received(_CLIENT, Submit(header, name, body=(b"x",)))

    def work_of(self, actions: list[Action]) -> tuple[int, Work]:
        """Return (session, WORK) among the actions of a decision."""
        for action in actions:
            if isinstance(action, Send) and isinstance(action.message, Work):
                return action.session, action.message
        raise LookupError("the task was not placed")

    def answer(self, session: int, work: Work) -> Received:
        """Return the answer of a node, or of a linked site, as it arrives."""
        header = work.header._replace(flags=0, sent_us=self.now_us, labels=_INTERNAL)
        return Received(session, Answer(header, 0.9, 0, 0, 500, (b"y",)))

    def hello(self, number: int) -> Hello:
        """Return what a node of this site says when it comes."""
        capability = f"bench.c{number % CAPABILITIES}"
        offer = Offer(
            capability, "1.0.0", (("text", "text"),), "text", f"sha256:{number % CAPABILITIES:064x}", "tiny@1.0.0",
            run_bound_us=50_000,
        )  # fmt: skip
        return Hello(
            EMPTY, "node", f"device-{number}/tiny", "bench", "here", 1, credit=CREDIT, offers=(offer,)
        )

    def join(self, number: int) -> None:
        """Let a node come, with the verdict of the control process."""
        session = _FIRST + number
        self.handle(Received(session, self.hello(number)))
        self.sessions[session] = number

    def leave(self, number: int) -> None:
        """Close a node's connection."""
        self.handle(Lost(_FIRST + number))
        self.sessions.pop(_FIRST + number, None)

    def beat(self, session: int) -> Received:
        """Return the beat of a node as it arrives."""
        return Received(session, Beat(EMPTY._replace(sent_us=self.now_us), 1))

    def handle(self, event: Received | Lost | Committed) -> list[Action]:
        """Hand the core an event, and answer for the control process and the store."""
        actions = self.core.handle(event, self.now_us)
        for action in actions:
            if isinstance(action, Persist):
                actions = actions + self.handle(Committed((action.token,)))
            elif isinstance(action, Send) and action.session == _CONTROL:
                actions = actions + self._control(action.message)
        return actions

    def _control(self, message: object) -> list[Action]:
        if isinstance(message, Seen):
            capability = message.offers[0].capability
            away = message.role == "peer"
            grant: dict[str, object] = {
                "capability": capability, "removes": 0, "rule": "bench", "pool": message.site if away else capability,
            }  # fmt: skip
            reply: Verdict | Plan = Verdict(EMPTY, message.ask, message.name, _INTERNAL, (grant,))
        elif isinstance(message, PlanWanted):
            step: dict[str, object] = {
                "capability": message.capability, "output": "text", "inputs": [["text", "text", -1]],
                "labels": _INTERNAL,
            }  # fmt: skip
            reply = Plan(EMPTY, message.ask, 1, (step,), default_labels=_INTERNAL)
        else:
            return []
        return self.handle(Received(_CONTROL, reply, trusted=True))

    def _begin(self, sites: int) -> None:
        names = [("here", _INTERNAL, "here"), *((f"site-{n}", _INTERNAL, "there") for n in range(sites))]
        rule = LinkPass("links", "here", "site-*", ("bench.*",), _INTERNAL, ("*",), (), escalate=False)
        self.handle(Received(_CONTROL, Hello(EMPTY, "control", "control", "bench"), trusted=True))
        policy = Generation(EMPTY, 1, _INTERNAL, "bench", _LABELS, (("*", 10**6),), tuple(names), (rule,))
        self.handle(Received(_CONTROL, policy, trusted=True))
        self.handle(Received(_CLIENT, Hello(EMPTY, "client", "local", "bench"), principal="local"))

    def _link(self, site: int, nodes: int) -> None:
        name, session = f"site-{site}", _FIRST + site
        offers = tuple(
            Offer(
                f"bench.c{n}", "1.0.0", (("text", "text"),), "text", "", "", run_bound_us=50_000, path=(name,),
                labels=("internal",), credit=max(1, CREDIT * nodes // CAPABILITIES), latency_us=512,
            )
            for n in range(min(CAPABILITIES, nodes))
        )  # fmt: skip
        hello = Hello(
            EMPTY, "peer", name, "bench", name, 1, offers=offers, labels=_LABELS, accepts=("internal",),
        )  # fmt: skip
        self.handle(Received(session, hello))
        self.handle(Received(session, Welcome(EMPTY, 1, name, name, "here", "ready")))
        self.sessions[session] = site

    def _routes(self) -> None:
        """Let every capability be planned once, so that a decision finds its route."""
        for _ in range(CAPABILITIES):
            session, work = self.work_of(self.handle(self.submission()))
            self.handle(self.answer(session, work))
