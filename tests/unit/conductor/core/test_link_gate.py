"""What a linked conductor may not do: a forged peer against the core of a site that knows better."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conductor.core.actions import Received
from hive.ids import TaskId
from hive.wire.messages import (
    EMPTY,
    Ack,
    Answer,
    Beat,
    Bye,
    Hello,
    Message,
    Offer,
    Offers,
    Outcome,
    Refuse,
    Revoke,
    Running,
    Welcome,
    Work,
)
from tests.fakes.world import MS, S, Site, World, mesh

POLICY = """
mesh: m
sites:
  plant: {conductor: {upstream: {site: cloud}}}
  shop: {conductor: {bind: "tcp://127.0.0.1:9000", http: null}}
  cloud: {conductor: {bind: "tcp://127.0.0.1:9001", http: null}}
policy:
  sites:
    - {rule: plant-data, site: plant, labels: [public, internal, pii], default_label: internal}
    - {rule: cloud-data, site: cloud, labels: [public, internal], default_label: internal}
    - {rule: shop-data, site: shop, labels: [public], default_label: public}
  principals:
    - {rule: all, principal: "*", capabilities: ["*"], labels: [public, internal, pii]}
  nodes:
    - {rule: c, node: "*", site: cloud, capabilities: ["*"]}
    - {rule: p, node: "*", site: plant, capabilities: ["*"]}
  links:
    - {rule: up, from: plant, to: cloud, capabilities: ["text.*"], labels: [public, internal], principals: ["line-*"]}
    - {rule: public-echo, from: shop, to: cloud, capabilities: [text.echo], labels: [public]}
"""
PEER = 900
LABELS = ("public", "internal", "pii", "phi", "made-up")
PUBLIC, INTERNAL, PII, MADE_UP = 1, 2, 4, 16


class Forger:
    """Speaks for a site whose conductor is dead."""

    def __init__(self, name: str = "plant") -> None:
        self.world = World(mesh(POLICY))
        self.world["plant"].kill()
        self.world["shop"].kill()
        self.cloud: Site = self.world["cloud"]
        self.node = self.cloud.node("gpu/x", "text.echo", output="text")
        self.world.run(S)
        self.name = name
        self.attempts = 0
        self.cloud.raw[PEER] = []

    def say(self, message: Message, **facts: Any) -> list[Message]:
        """Send a message and return what the cloud says to it, its own beats aside."""
        self.cloud.raw[PEER].clear()
        self.cloud.feed(Received(PEER, message, **facts))
        self.world.run(20 * MS)
        return [m for m in self.cloud.raw[PEER] if not isinstance(m, Beat | Ack)]

    def hello(self, principal: str | None = None, **facts: Any) -> list[Message]:
        known: dict[str, Any] = {
            "site": self.name,
            "incarnation": 7,
            "labels": LABELS,
            "accepts": ("public",),
        }
        hello = Hello(
            EMPTY, "peer", facts.pop("name", self.name), facts.pop("mesh", "m"), **{**known, **facts}
        )
        return self.say(hello, principal=self.name if principal is None else principal)

    def up(self) -> Forger:
        said = self.hello()
        assert [type(m) for m in said] == [Welcome, Hello]
        self.say(Welcome(EMPTY, 1, self.name, self.name, "cloud", "ready"))
        return self

    def work(self, **facts: Any) -> Work:
        self.attempts += 1
        header = EMPTY._replace(
            priority=facts.pop("priority", 5), epoch=3, attempt=facts.pop("attempt", self.attempts),
            labels=facts.pop("labels", INTERNAL), remaining_us=facts.pop("remaining_us", 5 * S),
            sent_us=self.world.now, task=TaskId(bytes(16)), hops=1,
        )  # fmt: skip
        known: dict[str, Any] = {
            "capability": "text.echo", "principal": "line-3", "via": (self.name,), "body": (b"forged",),
        }  # fmt: skip
        return Work(header, **{**known, **facts})

    @property
    def peer(self) -> Any:
        return self.cloud.core.state.peers[self.name]


def test_what_policy_lets_in_is_done() -> None:
    shop = Forger("shop").up()
    answers = [m for m in shop.say(shop.work(labels=PUBLIC)) if isinstance(m, Answer)]
    assert [m.body for m in answers] == [(b"FORGED",)]


@pytest.mark.parametrize(
    ("facts", "code", "rule", "labels"),
    [
        ({"labels": PII}, "label_forbidden", "cloud-data", ["pii"]),
        ({"labels": INTERNAL | PII}, "label_forbidden", "cloud-data", ["pii"]),
        ({"labels": MADE_UP}, "label_forbidden", "policy.sites", []),
        ({"labels": 1 << 40}, "label_forbidden", "policy.sites", []),
        ({"labels": 0}, "label_forbidden", "cloud-data", []),
        ({"principal": "office"}, "forbidden", "up", ["internal"]),
        ({"capability": "sensor.read"}, "forbidden", "up", ["internal"]),
        ({"via": ("shop", "plant")}, "forbidden", "up", ["internal"]),
        ({"unsure": True}, "forbidden", "up", ["internal"]),
        ({"via": ()}, "bad_request", None, None),
        ({"via": ("shop",)}, "bad_request", None, None),
        ({"via": ("plant", "plant")}, "bad_request", None, None),
        ({"capability": ""}, "bad_request", None, None),
        ({"capability": "text." + "x" * 5_000}, "bad_request", None, None),
        ({"principal": "p" * 300}, "bad_request", None, None),
        ({"priority": 10}, "bad_request", None, None),
        ({"inputs": (("text", "text", 2),)}, "bad_request", None, None),
        ({"via": ("cloud", "plant")}, "loop", "loop", None),
        ({"via": (*(f"s{n}" for n in range(8)), "plant")}, "loop", "loop", None),
        ({"remaining_us": 0}, "expired", None, None),
    ],
)
def test_what_policy_does_not_let_in_is_refused_with_the_rule_and_neither_kept_nor_run(
    facts: dict[str, Any], code: str, rule: str | None, labels: list[str] | None
) -> None:
    forger = Forger().up()
    (refuse,) = [m for m in forger.say(forger.work(**facts)) if isinstance(m, Refuse)]
    assert (refuse.code, refuse.context.get("rule")) == (code, rule)
    if labels is not None:
        assert (refuse.context["site"], refuse.context["labels"]) == ("cloud", labels)
    assert forger.node.works == []
    assert (len(forger.peer.held), forger.cloud.core.state.open_count) == (0, 0)


def test_a_refusal_is_kept_until_it_is_acknowledged_and_said_again_in_the_next_session() -> None:
    forger = Forger().up()
    forger.say(forger.work(labels=PII))
    assert forger.peer.outbox.refs() == ((3, 1),)
    assert not [
        m for m in forger.say(forger.work(attempt=1)) if isinstance(m, Answer | Refuse)
    ]  # said already
    forger.say(Bye(EMPTY))
    assert [type(m) for m in forger.hello()] == [Welcome, Hello]
    said = forger.say(Welcome(EMPTY, 1, "plant", "plant", "cloud", "ready"))
    assert [m.code for m in said if isinstance(m, Refuse)] == ["label_forbidden"]
    forger.say(Ack(EMPTY, 1))
    assert len(forger.peer.outbox) == 0


@pytest.mark.parametrize(
    ("facts", "principal", "code", "rule"),
    [
        ({}, "shop", "claim_refused", "own-site"),  # the token of another
        ({"name": "press-1"}, "press-1", "claim_refused", "own-site"),
        ({"site": "cloud", "name": "cloud"}, "cloud", "claim_refused", "own-site"),
        ({"site": "", "name": ""}, "", "claim_refused", "own-site"),
        ({"site": "elsewhere", "name": "elsewhere"}, "elsewhere", "claim_refused", "policy.links"),
        ({"mesh": "other"}, "plant", "mesh_mismatch", None),
        ({"mesh": ""}, "plant", "mesh_mismatch", None),
        ({"site": "s" * 300, "name": "s" * 300}, "s" * 300, "bad_request", None),
    ],
)
def test_who_is_not_let_in(facts: dict[str, Any], principal: str, code: str, rule: str | None) -> None:
    forger = Forger()
    (refuse,) = forger.hello(principal, **facts)
    assert isinstance(refuse, Refuse)
    assert (refuse.code, refuse.context.get("rule")) == (code, rule)
    assert PEER not in forger.cloud.core.state.sessions
    # Whoever is not let in is no session, and what it says then is not heard.
    assert [m.code for m in forger.say(forger.work()) if isinstance(m, Refuse)] == ["hello_required"]


def test_what_one_site_may_is_nothing_for_another() -> None:
    shop = Forger("shop").up()
    said = shop.say(shop.work(labels=INTERNAL))
    (refuse,) = [m for m in said if isinstance(m, Refuse)]
    told = (refuse.code, refuse.context["rule"], refuse.context["labels"])
    assert told == ("label_forbidden", "public-echo", ["internal"])


def test_an_answer_whose_labels_may_not_go_back_is_refused_instead() -> None:
    shop = Forger("shop").up()
    shop.node.answering = False
    shop.say(shop.work(labels=PUBLIC))
    (work,) = shop.node.works
    task = next(task for task in shop.cloud.core.state.tasks.values() if not task.settled)
    task.labels = INTERNAL  # as after a step whose output had got this label
    shop.cloud.raw[PEER].clear()
    shop.node.answer(work)
    (refuse,) = [m for m in shop.cloud.raw[PEER] if isinstance(m, Refuse)]
    told = (refuse.code, refuse.context["rule"], refuse.context["site"], refuse.context["labels"])
    assert told == ("label_forbidden", "shop-data", "shop", ["internal"])
    assert not [m for m in shop.cloud.raw[PEER] if isinstance(m, Answer)]


def test_nonsense_of_a_linked_conductor_ends_nothing_and_is_bounded() -> None:
    forger = Forger().up()
    state = forger.cloud.core.state
    header = EMPTY._replace(epoch=1, attempt=77, labels=(1 << 64) - 1)
    types = (("text", "text"),)
    loop = Offer("text.x", "1", types, "text", "", "", path=("plant", "cloud"), labels=("public",), credit=9)
    liar = Offer("text.y", "1", types, "text", "", "", path=("shop",), labels=("nope",), credit=65_535)
    odd = Offer("", "", (), "", "", "", path=(), labels=(), credit=0)
    for message in (
        Ack(EMPTY, 1 << 62),
        Answer(header, 9e9, (1 << 64) - 1, 0, 0, (b"x",), b"\xff\xff"),
        Refuse(header, "no such", "", 32),
        Revoke(header),
        Running(EMPTY, 1 << 40),
        Offers(EMPTY, (loop, liar, odd)),
        Offers(EMPTY, ()),
        Beat(EMPTY, 1 << 40, 1 << 30, 1 << 40),
        Welcome(EMPTY, 1, "plant", "plant", "cloud", "ready", drop=((1, 1),) * 50),
        Hello(EMPTY, "peer", "plant", "m", site="plant", incarnation=7),
        Outcome(EMPTY, "done"),
    ):
        forger.say(message)
    assert not state.nodes.keys() - {"gpu/x"}
    assert state.attempts == {}
    many = tuple((1, n) for n in range(4_000))
    forger.say(Bye(EMPTY))
    said = forger.hello(held=many, unacked=many)
    assert len(next(m for m in said if isinstance(m, Welcome)).drop) == 4_096  # the rest, when it comes again
    assert len(state.peers) == 1


def test_work_without_end_is_refused_before_it_fills_the_memory() -> None:
    shop = Forger("shop").up()
    shop.node.answering = False
    for _ in range(3_000):
        event = Received(PEER, shop.work(labels=PUBLIC))
        shop.cloud.perform(shop.cloud.core.handle(event, shop.world.now))
    assert len(shop.peer.held) == shop.cloud.core.state.open_count == 2_048
    refused = [m for m in shop.cloud.raw[PEER] if isinstance(m, Refuse)]
    assert {m.code for m in refused} <= {"credit_exceeded", "queue_full", "quota_exceeded"}
    assert len(refused) == 3_000 - 2_048


def test_a_site_that_no_rule_joins_any_more_is_shown_out() -> None:
    forger = Forger().up()
    forger.cloud.raw[PEER].clear()
    forger.cloud.reload(mesh(POLICY[: POLICY.index("  links:")]))
    assert [m.reason for m in forger.cloud.raw[PEER] if isinstance(m, Bye)] == ["policy"]
    assert PEER not in forger.cloud.core.state.sessions
    (refuse,) = forger.hello()
    assert isinstance(refuse, Refuse)
    assert (refuse.code, refuse.context["rule"]) == ("claim_refused", "policy.links")


def test_how_much_one_caller_may_have_open_does_not_bound_a_site() -> None:
    policy = POLICY.replace(
        "labels: [public, internal, pii]}\n  nodes",
        "labels: [public], max_open_tasks: 1}\n  nodes",
    )
    shop = Forger("shop").up()
    shop.cloud.reload(mesh(policy))
    shop.node.answering = False
    for _ in range(5):
        shop.say(shop.work(labels=PUBLIC))
    assert len(shop.peer.held) == 5


def _answer_in_the_outbox(shop: Forger) -> None:
    """Let the shop go away while its work is done, so that the answer is kept."""
    shop.say(Welcome(EMPTY, 1, "shop", "shop", "cloud", "ready"))
    shop.node.answering = False
    shop.say(shop.work(labels=INTERNAL))
    (work,) = shop.node.works
    shop.say(Bye(EMPTY))
    shop.node.answer(work)
    assert shop.peer.outbox.refs() == ((3, 1),)


@pytest.mark.parametrize(
    ("policy", "site", "rule"),
    [
        (POLICY, "shop", "shop-data"),
        (
            POLICY.replace(
                "site: cloud, labels: [public, internal]", "site: cloud, labels: [public]"
            ).replace(
                "default_label: internal}\n    - {rule: shop", "default_label: public}\n    - {rule: shop"
            ),
            "cloud",
            "cloud-data",
        ),
    ],
)
def test_an_answer_that_waits_for_a_link_is_held_against_the_policy_of_the_day(
    policy: str, site: str, rule: str
) -> None:
    shop = Forger("shop")
    shop.cloud.reload(
        mesh(
            POLICY.replace("site: shop, labels: [public]", "site: shop, labels: [public, internal]").replace(
                "capabilities: [text.echo], labels: [public]}",
                "capabilities: [text.echo], labels: [public, internal]}",
            )
        )
    )
    shop.world.run(S)
    shop.hello(accepts=("public", "internal"))
    _answer_in_the_outbox(shop)
    shop.cloud.reload(mesh(policy))
    assert shop.peer.outbox.labels() == 0
    shop.hello(accepts=("public", "internal"))
    (refuse,) = shop.say(Welcome(EMPTY, 1, "shop", "shop", "cloud", "ready"))
    assert isinstance(refuse, Refuse)
    assert (refuse.code, refuse.context) == (
        "label_forbidden",
        {"rule": rule, "site": site, "labels": ["internal"]},
    )


def test_work_that_is_said_again_after_its_answer_was_acknowledged_does_not_run_again() -> None:
    shop = Forger("shop").up()
    work = shop.work(labels=PUBLIC)
    (answer,) = shop.say(work)
    assert isinstance(answer, Answer)
    shop.say(Ack(EMPTY, 1))
    (refuse,) = shop.say(work)
    assert isinstance(refuse, Refuse)
    assert refuse.code == "bad_request"
    assert len(shop.node.works) == 1
    shop.world.run(700 * S)  # the books are pruned
    assert not shop.cloud.core.state.finished


def test_a_second_process_does_not_take_the_link_of_one_that_beats() -> None:
    forger = Forger().up()
    forger.say(Beat(EMPTY, 1))
    forger.cloud.raw[PEER + 1] = []
    hello = next(m for m in (forger.peer.hello,) if m is not None)
    forger.cloud.feed(Received(PEER + 1, replace(hello, incarnation=99), principal=forger.name))
    forger.world.run(20 * MS)
    (refuse,) = [m for m in forger.cloud.raw[PEER + 1] if not isinstance(m, Beat | Ack)]
    assert isinstance(refuse, Refuse)
    assert refuse.code == "id_in_use"
    assert forger.peer.session is not None
    assert forger.peer.session.id == PEER


@pytest.mark.parametrize("path", [(), ("cloud",), ("shop",), ("plant", "cloud")])
def test_an_offer_that_hides_its_way_or_leads_back_is_not_used(path: tuple[str, ...]) -> None:
    offer = Offer(
        "text.new", "1", (("text", "text"),), "text", "", "", path=path, labels=("public",), credit=4
    )
    down = '    - {rule: down, from: cloud, to: plant, capabilities: ["text.*"], labels: [public]}\n'
    forger = Forger().up()
    forger.cloud.reload(mesh(POLICY + down))
    forger.say(Offers(EMPTY, (replace(offer, path=("plant",)),)))
    assert list(forger.peer.nodes) == ["text.new"]
    forger.say(Offers(EMPTY, (offer,)))
    assert not forger.peer.nodes
    other = Forger()
    other.cloud.reload(mesh(POLICY + down))
    other.hello(offers=(offer,))
    assert not other.peer.nodes


def test_an_escalation_that_policy_permits_no_longer_is_let_go() -> None:
    forger = Forger()
    forger.cloud.reload(
        mesh(POLICY.replace('principals: ["line-*"]}', 'principals: ["line-*"], escalate: true}'))
    )
    forger.world.run(S)
    forger.up()
    forger.node.answering = False
    forger.say(forger.work(unsure=True))
    forger.say(forger.work())
    assert len(forger.peer.held) == 2
    forger.cloud.raw[PEER].clear()
    forger.cloud.reload(mesh(POLICY))
    forger.world.run(20 * MS)
    assert [m.code for m in forger.cloud.raw[PEER] if isinstance(m, Refuse)] == ["forbidden"]
    assert len(forger.peer.held) == 1


def test_an_offer_does_not_take_the_place_of_a_node_of_this_site_that_has_its_name() -> None:
    shop = Forger("shop").up()
    node = shop.cloud.node("shop/text-echo", "text.echo", output="text")
    shop.world.run(S)
    offer = Offer(
        "text-echo", "1", (("text", "text"),), "text", "", "", path=("shop",), labels=("public",), credit=9
    )
    shop.say(Offers(EMPTY, (offer,)))
    assert shop.cloud.core.state.nodes["shop/text-echo"].session == node.session
    assert not shop.peer.nodes
