"""Linked sites under random faults: nothing is lost, nothing counts twice, and no body is where it may not be.

`HIVE_LINK_SEEDS=1000` is the large size; CI runs 40 seeds. A seed replays exactly.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from hive.config import MeshConfig
from hive.ids import TaskId
from hive.wire.messages import Answer, Message, Outcome, Refuse, Work
from tests.fakes.world import MS, Node, S, Site, World, mesh

SITES = ("a", "b", "cloud")
POLICY = """
mesh: m
sites:
  a: {conductor: {upstream: {site: cloud}, peers: [{site: b}]}}
  b: {conductor: {bind: "tcp://127.0.0.1:9001", http: null, upstream: {site: cloud}}}
  cloud: {conductor: {bind: "tcp://127.0.0.1:9002", http: null}}
policy:
  sites:
    - {rule: a-data, site: a, labels: [public, internal, pii], default_label: internal}
    - {rule: b-data, site: b, labels: [public, internal, pii], default_label: internal}
    - {rule: cloud-data, site: cloud, labels: [CLOUD], default_label: public}
  principals:
    - {rule: all, principal: "*", capabilities: ["*"], labels: [public, internal, pii]}
  nodes:
    - {rule: na, node: "*", site: a, capabilities: ["*"]}
    - {rule: nb, node: "*", site: b, capabilities: ["*"]}
    - {rule: nc, node: "*", site: cloud, capabilities: ["*"]}
  removals:
    - {rule: redact, capability: text.redact, digests: ["sha256:ZZ"], labels: [pii]}
  links:
    - rule: up
      from: "[ab]"
      to: cloud
      capabilities: ["text.*"]
      labels: [public, internal]
      origins: [a, b]
      escalate: true
    - {rule: over, from: a, to: b, capabilities: [text.echo], labels: [public]}
    - {rule: back, from: cloud, to: a, capabilities: [text.redact], labels: [public]}
""".replace("ZZ", "0" * 64)
WIDE = mesh(POLICY.replace("CLOUD", "public, internal"))
NARROW = mesh(POLICY.replace("CLOUD", "public"))
MARK = re.compile(rb"(?i)<(\d+)>")
CREDIT = 4
SEEDS = int(os.environ.get("HIVE_LINK_SEEDS", "40"))
WEIGHTS = {
    "submit": 16, "run": 10, "cut": 3, "heal": 2, "restart": 1, "reload": 3, "die": 1, "rejoin": 1,
    "hang": 1, "slow": 1,
}  # fmt: skip


def program(chance: random.Random, steps: int = 45) -> Iterator[dict[str, Any]]:
    """Yield what happens, at random: much work, and every kind of fault."""
    for _ in range(steps):
        what = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        yield {
            "what": what,
            "site": chance.choice(SITES),
            "from": chance.choice(SITES),
            "to": chance.choice(SITES),
            "one_way": chance.random() < 0.4,
            "sites": chance.sample(SITES, chance.choice((1, 1, 2))),
            "narrow": chance.random() < 0.6,
            "hang": chance.random() < 0.6,
            "capability": chance.choice(("text.echo", "text.route", "text.route", "text.redact")),
            "label": chance.choice(("public", "internal", "internal", "pii")),
            "hold": chance.random() < 0.7,
            "durable": chance.random() < 0.3,
            "unsure": chance.random() < 0.3,
            "count": chance.randint(1, 12),
            "ms": chance.choice((1, 5, 5, 20, 50, 500, 3_000, 12_000)),
        }


class Story:
    """A world, what its clients asked for, and a judge who looks at every body that moves or is run."""

    def __init__(self, seed: int) -> None:
        self.world = World(WIDE, seed)
        self.policies: dict[str, MeshConfig] = dict.fromkeys(SITES, WIDE)
        self.labels: dict[int, str] = {}
        self.asked: list[tuple[str, int, TaskId, dict[str, Any]]] = []
        self.chance = random.Random(seed)
        self.world.crossed = self.crossed
        self.world.ran = self.ran
        for name in SITES:
            self.join(name)
        self.world.run(S)

    def join(self, name: str) -> None:
        """Bring up the nodes of a site."""
        site = self.world[name]
        serves = {
            "a": ["text.echo", "text.redact"],
            "b": ["text.echo"],
            "cloud": ["text.echo", "text.route"],
        }[name]
        for capability in serves:
            redacts = capability == "text.redact"
            node = site.node(
                f"{name}/{capability}", capability, CREDIT,
                output="text.redacted" if redacts else "text", removes=("pii",) if redacts else (),
            )  # fmt: skip
            node.confidence = 0.4 if name == "a" else 0.9
            if redacts:
                node.makes = lambda work: (b"[%d bytes]" % sum(map(len, work.body)),)

    def crossed(self, source: Site, target: Site, message: Message) -> None:
        """Judge a body that goes over a link: by the policy of the site that sends it."""
        if isinstance(message, Work | Answer):
            for label in self.marks(message.body):
                self.permitted(label, target.name, self.policies[source.name])
                if isinstance(message, Work):
                    assert label != "pii", f"pii left {source.name}"
                    assert (source.name, target.name) != ("a", "b") or label == "public"
        if isinstance(message, Work):
            assert len(set(message.via)) == len(message.via) <= 3
            assert target.name not in message.via

    def ran(self, node: Node, work: Work) -> None:
        """Judge a body that a node is given: by the policy of its site."""
        for label in self.marks(work.body):
            self.permitted(label, node.site.name, self.policies[node.site.name])
        assert len([w for w in node.works if w.header.attempt == work.header.attempt]) == 1

    def permitted(self, label: str, site: str, policy: MeshConfig) -> None:
        assert label in policy.compiled_policy.allowed_labels(site), f"{label} at {site}"

    def marks(self, body: tuple[bytes, ...]) -> list[str]:
        return [self.labels[int(n)] for frame in body for n in MARK.findall(frame)]

    def _submit(self, op: dict[str, Any]) -> None:
        site = self.world[op["site"]]
        for _ in range(op["count"]):
            number = len(self.labels)
            self.labels[number] = op["label"]
            ident = site.submit(
                op["capability"], b"<%d>" % number, labels=(op["label"],), hold=op["hold"], durable=op["durable"],
                deadline_us=40 * S, min_confidence=0.8 if op["unsure"] else 0.0,
            )  # fmt: skip
            self.asked.append((op["site"], site.epoch, ident, op))

    def do(self, op: dict[str, Any]) -> None:
        """Do one thing."""
        getattr(self, f"_{op['what']}")(op)
        for site in self.world.sites.values():
            for peer in site.core.state.peers.values():
                assert len(peer.held) <= 64 * 3  # what was granted to it, for each capability

    def _cut(self, op: dict[str, Any]) -> None:
        if op["from"] != op["to"]:
            self.world.cut(op["from"], op["to"], one_way=op["one_way"])

    def _heal(self, _: dict[str, Any]) -> None:
        self.world.heal()

    def _restart(self, op: dict[str, Any]) -> None:
        for name in op["sites"]:
            self.world[name].kill()
        for name in op["sites"]:
            self.world[name].start()
            self.world[name].reload(self.policies[name])
            self.join(name)

    def _reload(self, op: dict[str, Any]) -> None:
        self.policies[op["site"]] = config = NARROW if op["narrow"] else WIDE
        self.world[op["site"]].reload(config)

    def _die(self, op: dict[str, Any]) -> None:
        nodes = list(self.world[op["site"]].nodes.values())
        if nodes:
            self.chance.choice(nodes).die()

    def _hang(self, op: dict[str, Any]) -> None:
        for node in self.world[op["site"]].nodes.values():
            node.answering = not op["hang"]

    def _rejoin(self, op: dict[str, Any]) -> None:
        for node in list(self.world[op["site"]].nodes.values()):
            node.die()
        self.join(op["site"])

    def _slow(self, op: dict[str, Any]) -> None:
        self.world.delay_us = min(op["ms"], 300) * MS

    def _run(self, op: dict[str, Any]) -> None:
        self.world.run(op["ms"] * MS)

    def settle(self) -> None:
        """End every fault and let time pass until nothing is open."""
        world = self.world
        for name in SITES:
            self.policies[name] = WIDE
            world[name].reload(WIDE)
            for node in list(world[name].nodes.values()):
                node.die()
            self.join(name)
        world.heal()
        world.delay_us = MS
        world.run(45 * S)

    def check(self) -> None:
        """Every task of a conductor that lived has one outcome, and both ends of each link owe each other nothing."""
        for name, epoch, ident, op in self.asked:
            site = self.world[name]
            told = site.outcome(ident)
            if epoch == site.epoch:
                assert told is not None, f"{op} at {name} has no outcome"
            if isinstance(told, Outcome) and told.state == "failed":
                assert told.error["code"] in (
                    "link_down",
                    "label_forbidden",
                    "label_kept",
                    "forbidden",
                    "no_route",
                ), told.error
            if isinstance(told, Refuse):
                assert told.code in (
                    "label_forbidden",
                    "result_withdrawn",
                    "forbidden",
                    "no_route",
                    "capability_unknown",
                ), told
        for site in self.world.sites.values():
            state = site.core.state
            assert (state.open_count, len(state.attempts)) == (0, 0)
            for peer in state.peers.values():
                assert peer.up
                assert (len(peer.held), len(peer.outbox)) == (0, 0)
                assert all(node.inflight == 0 for node in peer.nodes.values())


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_is_lost_doubled_or_misplaced_whatever_happens_to_sites_and_links(seed: int) -> None:
    story = Story(seed)
    for op in program(random.Random(seed)):
        story.do(op)
    story.settle()
    story.check()
