"""Linked sites under random faults: nothing is lost, nothing counts twice, and no body is where it may not be."""

from __future__ import annotations

import random
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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

capabilities = st.sampled_from(["text.echo", "text.route", "text.redact"])
submits = st.fixed_dictionaries(
    {
        "what": st.just("submit"),
        "site": st.sampled_from(SITES),
        "capability": capabilities,
        "label": st.sampled_from(["public", "internal", "pii"]),
        "hold": st.booleans(),
        "durable": st.booleans(),
        "unsure": st.booleans(),
        "count": st.integers(1, 8),
    }
)
others = st.one_of(
    st.fixed_dictionaries(
        {
            "what": st.just("cut"),
            "from": st.sampled_from(SITES),
            "to": st.sampled_from(SITES),
            "one_way": st.booleans(),
        }
    ),
    st.fixed_dictionaries({"what": st.just("heal")}),
    st.fixed_dictionaries(
        {"what": st.just("restart"), "sites": st.sets(st.sampled_from(SITES), min_size=1, max_size=2)}
    ),
    st.fixed_dictionaries(
        {"what": st.just("reload"), "site": st.sampled_from(SITES), "narrow": st.booleans()}
    ),
    st.fixed_dictionaries({"what": st.just("die"), "site": st.sampled_from(SITES)}),
    st.fixed_dictionaries({"what": st.just("hang"), "site": st.sampled_from(SITES), "hang": st.booleans()}),
    st.fixed_dictionaries({"what": st.just("slow"), "ms": st.sampled_from([1, 20, 200])}),
    st.fixed_dictionaries({"what": st.just("run"), "ms": st.sampled_from([5, 50, 500, 3_000, 12_000])}),
)


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

    def _slow(self, op: dict[str, Any]) -> None:
        self.world.delay_us = op["ms"] * MS

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
                assert told.code in ("label_forbidden", "forbidden", "no_route", "capability_unknown"), told
        for site in self.world.sites.values():
            state = site.core.state
            assert (state.open_count, len(state.attempts)) == (0, 0)
            for peer in state.peers.values():
                assert peer.up
                assert (len(peer.held), len(peer.outbox)) == (0, 0)
                assert all(node.inflight == 0 for node in peer.nodes.values())


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(submits, others), min_size=3, max_size=25), st.integers(0, 1_000))
def test_nothing_is_lost_doubled_or_misplaced_whatever_happens_to_sites_and_links(
    program: list[dict[str, Any]], seed: int
) -> None:
    story = Story(seed)
    for op in program:
        story.do(op)
    story.settle()
    story.check()
