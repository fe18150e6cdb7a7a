"""Linked conductors: real cores over links of virtual time."""

from __future__ import annotations

from conductor.core.actions import Received, Tick
from conductor.core.settings import Settings
from conductor.core.states import NodeState
from hive.wire.codec import pack_document
from hive.wire.messages import EMPTY, Answer, Outcome, Refuse, Work
from tests.fakes.world import MS, S, World, mesh, provenance

TWO = """
mesh: m
sites:
  plant:
    conductor: {upstream: {site: cloud}}
  cloud: {conductor: {bind: "tcp://127.0.0.1:9001", http: null}}
policy:
  sites:
    - {rule: plant-data, site: plant, labels: [public, internal, pii], default_label: internal}
    - {rule: cloud-data, site: cloud, labels: [public, internal], default_label: internal}
  principals:
    - {rule: all, principal: "*", capabilities: ["*"], labels: [public, internal, pii, phi]}
  nodes:
    - {rule: p, node: "*", site: plant, capabilities: ["*"]}
    - {rule: c, node: "*", site: cloud, capabilities: ["*"]}
  removals:
    - {rule: redact, capability: text.redact, digests: ["sha256:ZZ"], labels: [pii]}
  links:
    - {rule: up, from: plant, to: cloud, capabilities: ["text.*"], labels: [public, internal], escalate: true}
""".replace("ZZ", "0" * 64)
CLASSIFY = "text.classify_intent"


def linked(text: str = TWO, settings: Settings | None = None) -> World:
    world = World(mesh(text), settings=settings)
    world.until(lambda: all(p.up for site in world.sites.values() for p in site.core.state.peers.values()))
    return world


def done(world: World, site: str, task: bytes) -> Outcome:
    world.until(lambda: world[site].outcome(task))  # type: ignore[arg-type]
    outcome = world[site].outcome(task)  # type: ignore[arg-type]
    assert isinstance(outcome, Outcome), outcome
    return outcome


def refused(world: World, site: str, task: bytes) -> Refuse:
    world.until(lambda: world[site].outcome(task))  # type: ignore[arg-type]
    outcome = world[site].outcome(task)  # type: ignore[arg-type]
    assert isinstance(outcome, Refuse), outcome
    return outcome


def test_a_capability_of_the_cloud_can_be_asked_for_at_the_plant() -> None:
    world = linked()
    world["cloud"].node("gpu/x", CLASSIFY)
    world.run(S)
    outcome = done(world, "plant", world["plant"].submit(CLASSIFY, b"from the plant"))
    assert (outcome.state, outcome.body) == ("done", (b"FROM THE PLANT",))
    said = provenance(outcome)
    assert [(row[2], row[3], row[5]) for row in said["attempts"]] == [
        (f"cloud/{CLASSIFY}", "cloud", "answered"),
        ("gpu/x", "cloud", "answered"),
    ]
    assert said["crossings"] == [
        ["plant", "cloud", ["internal"], 14, "up"],
        ["cloud", "plant", ["internal"], 14, "plant-data"],
    ]


def test_home_comes_first() -> None:
    world = linked()
    world["cloud"].node("gpu/x", CLASSIFY)
    world["plant"].node("press/x", CLASSIFY)
    world.run(S)
    for _ in range(20):
        world["plant"].submit(CLASSIFY)
    world.run(2 * S)
    assert not [m for _, _, m in world.carried if isinstance(m, Work)]


def test_a_silent_link_keeps_nobody_busy_who_waits_for_less_than_its_silence() -> None:
    world = linked(settings=Settings(lost_after_us=S))
    world["cloud"].node("gpu/x", CLASSIFY)
    plant = world["plant"]
    world.until(lambda: plant.core.state.nodes)
    world.run(S)
    world.cut("plant", "cloud")
    world.run(3 * S)
    assert {node.state for node in plant.core.state.nodes.values()} == {NodeState.SUSPECT}
    plant.feed(Tick())
    assert plant.core.next_us() > world.now, (
        "a timer in the past would be asked for again at once, for seconds"
    )
    world.heal()
    world.run(3 * S)
    assert done(world, "plant", plant.submit(CLASSIFY)).state == "done"


def test_what_may_not_leave_is_refused_with_the_rule_and_stays() -> None:
    world = linked()
    world["cloud"].node("gpu/x", CLASSIFY)
    world.run(S)
    answer = refused(world, "plant", world["plant"].submit(CLASSIFY, b"anna", labels=("pii",)))
    assert (answer.code, answer.context["rule"], answer.context["site"], answer.context["labels"]) == (
        "label_forbidden",
        "cloud-data",
        "cloud",
        ["pii"],
    )
    assert b"anna" not in list(world.bodies("plant", "cloud"))


def test_the_plan_goes_through_a_redaction_at_home() -> None:
    world = linked()
    world["cloud"].node("gpu/x", "text.route", output="intent")
    world["plant"].node("office/redact", "text.redact", output="text.redacted", removes=("pii",))
    world.run(S)
    outcome = done(world, "plant", world["plant"].submit("text.route", b"anna", labels=("pii",)))
    assert (outcome.state, provenance(outcome)["plan"]) == ("done", ["text.redact", "text.route"])
    assert list(world.bodies("plant", "cloud")) == [b"ANNA"]


def test_an_unsure_answer_is_asked_for_again_upstream_and_the_surer_one_counts() -> None:
    world = linked()
    big = world["cloud"].node("gpu/x", CLASSIFY)
    small = world["plant"].node("press/x", CLASSIFY)
    small.confidence, big.confidence = 0.4, 0.95
    world.run(S)
    sure = done(world, "plant", world["plant"].submit(CLASSIFY, min_confidence=0.3))
    assert (round(sure.confidence, 2), len(provenance(sure)["attempts"])) == (0.4, 1)
    better = done(world, "plant", world["plant"].submit(CLASSIFY, min_confidence=0.8))
    assert (round(better.confidence, 2), better.header.flags) == (0.95, 0)
    kept = done(world, "plant", world["plant"].submit(CLASSIFY, min_confidence=0.8, labels=("pii",)))
    assert (round(kept.confidence, 2), bool(kept.header.flags & 8)) == (0.4, True)
    assert [row[3] for row in provenance(kept)["attempts"]] == ["plant"]


def test_alone_a_site_answers_what_it_can_and_says_so() -> None:
    world = linked()
    world["cloud"].node("gpu/x", CLASSIFY)
    world["cloud"].node("gpu/y", "text.route")
    small = world["plant"].node("press/x", CLASSIFY)
    small.confidence = 0.4
    world.run(S)
    world.cut("plant", "cloud")
    world.run(15 * S)
    outcome = done(world, "plant", world["plant"].submit(CLASSIFY, min_confidence=0.8))
    assert (outcome.state, bool(outcome.header.flags & 8), provenance(outcome)["alone"]) == (
        "done",
        True,
        ["cloud"],
    )
    interactive = world["plant"].submit("text.route")
    world.run(100 * MS)
    told = world["plant"].outcome(interactive)
    assert isinstance(told, Outcome)
    assert (told.state, told.error["code"], told.error["site"]) == ("failed", "link_down", "cloud")


def test_what_waits_for_a_slot_over_there_is_refused_when_the_link_is_lost_unless_it_wishes_to_wait() -> None:
    world = linked()
    gpu = world["cloud"].node("gpu/y", "text.route", credit=1)
    world["plant"].node("plant/r", "text.redact", removes=("pii",), output="text.redacted")
    gpu.answering = False
    world.run(S)
    plant = world["plant"]
    out = [plant.submit("text.route", deadline_us=40 * S) for _ in range(64)]
    waiting = plant.submit("text.route", deadline_us=40 * S)
    held = plant.submit("text.route", hold=True, deadline_us=40 * S)
    world.cut("plant", "cloud")
    world.run(15 * S)
    told = plant.outcome(waiting)
    assert isinstance(told, Outcome)
    assert (told.state, told.error["code"]) == ("failed", "link_down")
    assert [plant.outcome(task) for task in (*out, held)] == [None] * 65
    later = plant.submit("text.route", labels=("pii",))
    world.run(S)
    told = plant.outcome(later)
    assert isinstance(told, Outcome)
    assert (told.state, told.error["code"]) == (
        "failed",
        "link_down",
    )  # although a step at home had been done
    world.run(30 * S)
    told = plant.outcome(held)
    assert isinstance(told, Outcome)
    assert told.state == "expired"
    assert "cloud could not be reached" in str(told.error["detail"])


def test_what_may_wait_is_delivered_once_in_order_when_the_link_is_back() -> None:
    world = linked()
    gpu = world["cloud"].node("gpu/y", "text.route", credit=4)
    world.run(S)
    world.cut("plant", "cloud")
    tasks = [
        world["plant"].submit("text.route", b"%d" % i, hold=True, deadline_us=120 * S) for i in range(200)
    ]
    world.run(20 * S)
    world.heal()
    world.until(lambda: all(world["plant"].outcome(t) for t in tasks))
    outcomes = [world["plant"].outcome(t) for t in tasks]
    assert {o.state for o in outcomes if isinstance(o, Outcome)} == {"done"}
    assert [int(work.body[0]) for work in gpu.works] == sorted(int(work.body[0]) for work in gpu.works)
    assert len({work.body for work in gpu.works}) == 200


def test_work_under_way_when_the_link_breaks_is_reconciled_and_runs_once() -> None:
    world = linked()
    gpu = world["cloud"].node("gpu/y", "text.route")
    gpu.run_us = 3 * S
    world.run(S)
    task = world["plant"].submit("text.route", deadline_us=60 * S)
    world.run(S)
    world.cut("plant", "cloud")
    world.run(20 * S)
    world.heal()
    assert done(world, "plant", task).state == "done"
    assert len(gpu.works) == 1


def test_both_conductors_die_and_come_back() -> None:
    world = linked()
    world["cloud"].node("gpu/y", "text.route")
    world.run(S)
    for name in ("plant", "cloud"):
        world[name].kill()
    world.run(S)
    for name in ("plant", "cloud"):
        world[name].start()
    world["cloud"].node("gpu/y", "text.route")
    world.run(5 * S)
    assert done(world, "plant", world["plant"].submit("text.route")).state == "done"


def test_a_site_with_an_old_policy_is_told_what_the_other_takes_and_sends_nothing_else() -> None:
    world = linked()
    world["cloud"].node("gpu/y", "text.route")
    old = TWO.replace(
        "site: cloud, labels: [public, internal]", "site: cloud, labels: [public, internal, pii]"
    )
    old = old.replace("labels: [public, internal], escalate", "labels: [public, internal, pii], escalate")
    world["plant"].reload(mesh(old))
    world.run(S)
    task = world["plant"].submit("text.route", b"anna", labels=("pii",))
    world.run(S)
    assert isinstance(world["plant"].outcome(task), Outcome | Refuse)
    assert b"anna" not in list(world.bodies("plant", "cloud"))


def test_a_loop_of_three_sites_ends() -> None:
    text = """
mesh: m
sites:
  a: {conductor: {upstream: {site: b}, bind: "tcp://127.0.0.1:9001", http: null}}
  b: {conductor: {upstream: {site: c}, bind: "tcp://127.0.0.1:9002", http: null}}
  c: {conductor: {upstream: {site: a}, bind: "tcp://127.0.0.1:9003", http: null}}
policy:
  sites:
    - {rule: a, site: a, labels: [internal], default_label: internal}
    - {rule: b, site: b, labels: [internal], default_label: internal}
    - {rule: c, site: c, labels: [internal], default_label: internal}
  principals: [{rule: all, principal: "*", capabilities: ["*"], labels: [internal]}]
  nodes:
    - {rule: na, node: "*", site: a, capabilities: ["*"]}
    - {rule: nb, node: "*", site: b, capabilities: ["*"]}
    - {rule: nc, node: "*", site: c, capabilities: ["*"]}
  links: [{rule: any, from: "*", to: "*", capabilities: ["*"], labels: [internal], origins: ["*"]}]
"""
    world = linked(text)
    node = world["c"].node("gpu/y", "text.route")
    world.run(2 * S)
    outcome = done(world, "a", world["a"].submit("text.route"))
    assert [row[3] for row in provenance(outcome)["attempts"]] in (["c", "c"], ["b", "c", "c"])
    node.die()
    world.run(2 * S)
    task = world["a"].submit("text.route", deadline_us=2 * S, hold=True)
    world.run(3 * S)
    told = world["a"].outcome(task)
    assert isinstance(told, Outcome)
    assert told.state == "expired"
    assert len([m for _, _, m in world.carried if isinstance(m, Work)]) <= 6


def test_a_conductor_that_was_restarted_while_the_link_is_cut_still_knows_who_may_do_a_step() -> None:
    world = linked()
    world["cloud"].node("gpu/y", "text.route")
    world.run(S)
    plant = world["plant"]
    world.cut("plant", "cloud")
    plant.kill()
    plant.start(planner=plant.planner)
    now, later = (
        plant.submit("text.route"),
        plant.submit("text.route", b"kept", hold=True, deadline_us=60 * S),
    )
    world.run(S)
    told = plant.outcome(now)
    assert isinstance(told, Outcome)
    assert (told.error["code"], told.error["site"]) == ("link_down", "cloud")
    assert plant.outcome(later) is None
    world.heal()
    assert done(world, "plant", later).body == (b"KEPT",)


CHAIN = """
mesh: m
sites:
  shop: {conductor: {upstream: {site: region}}}
  region: {conductor: {bind: "tcp://127.0.0.1:9001", http: null, upstream: {site: head}}}
  head: {conductor: {bind: "tcp://127.0.0.1:9002", http: null}}
policy:
  sites:
    - {rule: s, site: shop, labels: [public, internal], default_label: internal}
    - {rule: r, site: region, labels: [public, internal], default_label: internal}
    - {rule: h, site: head, labels: [public, internal], default_label: internal}
  principals:
    - {rule: all, principal: "*", capabilities: ["*"], labels: [public, internal]}
  nodes:
    - {rule: n, node: "*", site: head, capabilities: ["*"]}
  links:
    - {rule: up, from: shop, to: region, capabilities: ["*"], labels: [public, internal]}
    - {rule: onward, from: region, to: head, capabilities: ["*"], labels: [public, internal], origins: [shop]}
"""


def test_a_task_that_may_wait_waits_at_the_site_before_a_cut_and_one_that_may_not_is_refused_there() -> None:
    world = linked(CHAIN)
    head = world["head"].node("hall/x", "text.route")
    world.run(2 * S)
    shop = world["shop"]
    first = done(world, "shop", shop.submit("text.route"))
    assert [(row[0], row[1]) for row in provenance(first)["crossings"]] == [
        ("shop", "region"), ("region", "head"), ("head", "region"), ("region", "shop"),
    ]  # fmt: skip
    world.cut("region", "head")
    world.run(500 * MS)  # nobody has noticed yet
    now = shop.submit("text.route", deadline_us=30 * S)
    later = shop.submit("text.route", b"kept", hold=True, deadline_us=60 * S)
    world.run(12 * S)
    after = shop.submit("text.route")
    world.run(S)
    for task in (after,):
        told = shop.outcome(task)
        assert isinstance(told, Outcome)
        assert (told.state, told.error["code"]) == ("failed", "link_down")
    assert shop.outcome(later) is None
    world.heal()
    assert done(world, "shop", later).body == (b"KEPT",)
    assert done(world, "shop", now).state == "done"  # it was out already, and so it waited for the answer
    assert len(head.works) == 3


def test_the_caller_s_trace_goes_with_the_task_to_the_node_that_does_it() -> None:
    world = linked(CHAIN)
    head = world["head"].node("hall/x", "text.route")
    world.run(2 * S)
    trace, span = bytes(range(16)), bytes(range(8))
    shop = world["shop"]
    task = shop.submit("text.route", header={"trace_id": trace, "span_id": span, "trace_flags": 1})
    outcome = done(world, "shop", task)
    (work,) = head.works
    assert (work.header.trace_id, work.header.span_id, work.header.trace_flags) == (trace, span, 1)
    assert (outcome.header.trace_id, provenance(outcome)["trace"]) == (trace, trace.hex())
    assert "trace" not in provenance(done(world, "shop", shop.submit("text.route")))


BOTH_WAYS = """
mesh: m
sites:
  plant: {conductor: {upstream: {site: cloud}}}
  cloud: {conductor: {bind: "tcp://127.0.0.1:9001", http: null}}
policy:
  sites:
    - {rule: p, site: plant, labels: [public, internal], default_label: internal}
    - {rule: c, site: cloud, labels: [public, internal], default_label: internal}
  principals:
    - {rule: all, principal: "*", capabilities: ["*"], labels: [public, internal]}
  nodes:
    - {rule: np, node: "*", site: plant, capabilities: ["*"]}
    - {rule: nc, node: "*", site: cloud, capabilities: ["*"]}
  links:
    - {rule: up, from: plant, to: cloud, capabilities: ["*"], labels: [public, internal]}
    - {rule: down, from: cloud, to: plant, capabilities: ["*"], labels: [public, internal]}
"""


def test_work_does_not_overtake_the_greeting_that_says_what_its_labels_mean() -> None:
    world = linked(BOTH_WAYS)
    plant, cloud = world["plant"], world["cloud"]
    plant.node("p/x", "text.down")
    world.run(3 * S)
    done(world, "cloud", cloud.submit("text.down", deadline_us=60 * S))
    plant.kill()
    world.run(S)
    later = cloud.submit("text.down", hold=True, deadline_us=60 * S)
    world.run(S)
    assert cloud.outcome(later) is None
    plant.start()
    plant.node("p/x", "text.down")
    assert done(world, "cloud", later).state == "done"


def test_an_answer_counts_although_nobody_is_left_there_who_could_do_more() -> None:
    world = linked(BOTH_WAYS)
    plant, cloud = world["plant"], world["cloud"]
    node = cloud.node("c/x", "text.up")
    node.run_us = 3 * S
    world.run(3 * S)
    task = plant.submit("text.up", hold=True, deadline_us=60 * S)
    world.run(S)
    world.cut("plant", "cloud")
    world.run(4 * S)
    node.die()
    world.run(6 * S)
    world.heal()
    assert done(world, "plant", task).state == "done"
    assert len(node.works) == 1


def test_what_a_linked_site_says_of_its_attempts_is_left_out_where_it_makes_no_sense() -> None:
    good = [0, 1, "c/x", "cloud", "sha", "answered", 1, 2, "text.up", "cloud"]
    way = ["cloud", "head", ["public"], 3, "r"]
    for rows in (
        {"attempts": [good, [None] * 10, good[:9], "row", [*good[:6], "x", *good[7:]]], "crossings": [way]},
        {"attempts": [good], "crossings": [way, [*way[:2], [1], *way[3:]], [*way[:2], "pii", *way[3:]], 7]},
    ):
        world = linked(BOTH_WAYS)
        plant, cloud = world["plant"], world["cloud"]
        cloud.node("c/x", "text.up").answering = False
        world.run(3 * S)
        task = plant.submit("text.up")
        world.run(S)
        (attempt,) = plant.core.state.attempts.values()
        session = plant.core.state.peers["cloud"].session
        assert session is not None
        header = EMPTY._replace(task=task, epoch=plant.core.state.epoch, attempt=attempt.number, labels=2)
        plant.feed(Received(session.id, Answer(header, 0.9, 0, 0, 5, (b"X",), pack_document(rows))))
        said = provenance(done(world, "plant", task))
        assert said["attempts"][1:] == [good]
        assert [row for row in said["crossings"] if row[1] == "head"] == [way]


def test_an_answer_that_is_kept_while_a_surer_one_is_asked_for_goes_when_policy_forbids_it_here() -> None:
    digest = "sha256:" + "0" * 64
    removals = f'  removals:\n    - {{rule: rm, capability: text.up, digests: ["{digest}"], labels: [pii]}}\n  links:\n'
    before = (
        BOTH_WAYS.replace("labels: [public, internal]", "labels: [public, internal, pii]")
        .replace("  links:\n", removals)
        .replace("internal, pii]}\n    - {rule: down", "internal, pii], escalate: true}\n    - {rule: down")
    )
    after = before.replace(
        "site: plant, labels: [public, internal, pii], default_label: internal",
        "site: plant, labels: [public, pii], default_label: public",
    )
    world = linked(before)
    plant, cloud = world["plant"], world["cloud"]
    surer = cloud.node("c/x", "text.up")
    surer.answering = False
    plant.node("p/x", "text.up", removes=("pii",)).confidence = 0.4
    world.run(3 * S)
    task = plant.submit("text.up", labels=("pii",), min_confidence=0.9, deadline_us=20 * S)
    world.run(S)
    assert (len(surer.works), plant.outcome(task)) == (1, None)
    plant.reload(mesh(after))
    world.run(S)
    told = plant.outcome(task)
    assert isinstance(told, Outcome)
    assert (told.error["code"], told.body) == ("label_forbidden", ())


NARROW = TWO[: TWO.index("  links:")]


def test_what_policy_withdraws_for_a_while_is_asked_for_again_when_it_is_back() -> None:
    world = linked()
    world["cloud"].node("gpu/x", CLASSIFY)
    plant = world["plant"]
    world.run(S)
    assert done(world, "plant", plant.submit(CLASSIFY)).state == "done"
    plant.reload(mesh(NARROW))
    world.run(S)
    assert refused(world, "plant", plant.submit(CLASSIFY)).code == "capability_unknown"
    plant.reload(mesh(TWO))
    world.run(S)
    assert done(world, "plant", plant.submit(CLASSIFY)).state == "done"


def test_what_a_site_still_holds_when_its_link_is_back_is_revoked_if_policy_forbids_it_by_now() -> None:
    world = linked()
    world["cloud"].node("gpu/x", CLASSIFY).answering = False
    plant, cloud = world["plant"], world["cloud"]
    world.run(S)
    plant.submit(CLASSIFY, durable=True, deadline_us=60 * S)
    held = cloud.core.state.peers["plant"].held
    world.until(lambda: held)
    world.cut("plant", "cloud")
    world.until(lambda: not plant.core.state.peers["cloud"].up)
    plant.reload(mesh(NARROW))
    world.heal()
    world.until(lambda: plant.core.state.peers["cloud"].up)
    world.run(S)
    assert held == {}, "the cloud works for nobody"
