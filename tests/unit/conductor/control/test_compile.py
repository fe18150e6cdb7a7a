"""Wishes to plans or refusals: tables over frozen knowledge."""

from __future__ import annotations

import pytest

from conductor.control.compile import Knowledge, Wish, compile_wish
from conductor.control.graph import CapabilityGraph
from conductor.control.values import Served
from hive.labels import LabelTable
from hive.policy import Policy, PrincipalRule, SiteRule
from hive.types import TypeRegistry

LABELS = LabelTable()
INTERNAL, PII, PHI = LABELS.mask(["internal"]), LABELS.mask(["pii"]), LABELS.mask(["phi"])
HERE = INTERNAL | PII
POLICY = Policy(
    sites=(SiteRule("plant-data", "plant", ("internal", "pii"), "internal"),),
    principals=(
        PrincipalRule("people", "local", ("*",), ("internal", "pii")),
        PrincipalRule("sensors-only", "gauge", ("sensor.*",), ("internal",)),
    ),
)
SERVED = (
    Served("text.classify_intent", (("text", "text"),), "intent", 0, HERE, "nodes"),
    Served("text.redact", (("text", "text"),), "text.redacted", PII, HERE, "nodes"),
    Served("text.route_note", (("note", "text"),), "route", 0, INTERNAL, "open-desk"),
    Served("sensor.detect_anomaly", (("window", "sensor.window"),), "anomaly", 0, HERE, "nodes"),
    Served(
        "sensor.describe", (("window", "sensor.window"), ("anomaly", "anomaly")), "alert", 0, HERE, "nodes"
    ),
    Served("machine.predict", (("record", "machine.record"),), "risk", 0, HERE, "nodes"),
    Served("transaction.score", (("t", "machine.record"),), "risk", 0, HERE, "nodes"),
)


def know(policy: Policy = POLICY) -> Knowledge:
    return Knowledge("plant", policy, LABELS, CapabilityGraph(TypeRegistry(), SERVED))


@pytest.mark.parametrize(
    ("wish", "plan"),
    [
        (Wish("local", "text.classify_intent"), ["text.classify_intent"]),
        (Wish("local", want="intent", have=(("text", "text"),)), ["text.classify_intent"]),
        (Wish("local", want="intent", have=(("text", "text.redacted"),)), ["text.classify_intent"]),
        (Wish("local", "text.route_note", labels=INTERNAL), ["text.route_note"]),
        (Wish("local", "text.route_note", labels=PII), ["text.redact", "text.route_note"]),
        (Wish("local", want="route", have=(("x", "text"),), labels=HERE), ["text.redact", "text.route_note"]),
        (
            Wish("local", want="alert", have=(("w", "sensor.window"),)),
            ["sensor.detect_anomaly", "sensor.describe"],
        ),
    ],
)
def test_the_cheapest_permitted_way_is_taken(wish: Wish, plan: list[str]) -> None:
    compiled = compile_wish(know(), wish)
    assert compiled.refused is None
    assert [step.capability for step in compiled.steps] == plan


@pytest.mark.parametrize(
    ("wish", "code", "rule"),
    [
        (Wish("stranger", "text.redact"), "forbidden", "policy.principals"),
        (Wish("gauge", "text.redact"), "forbidden", "sensors-only"),
        (Wish("gauge", "sensor.detect_anomaly", labels=PII), "forbidden", "sensors-only"),
        (Wish("gauge", want="intent", have=(("t", "text"),)), "forbidden", "sensors-only"),
        (Wish("local", "text.nonsense"), "capability_unknown", None),
        (Wish("local", want="txt", have=(("t", "text"),)), "type_unknown", None),
        (Wish("local", want="embedding", have=(("t", "text"),)), "no_route", None),
        (Wish("local", want="risk", have=(("r", "machine.record"),)), "wish_ambiguous", None),
        (Wish("local", want="alert", have=(("a", "anomaly"),)), "no_route", None),
    ],
)
def test_a_refusal_has_its_code_and_rule(wish: Wish, code: str, rule: str | None) -> None:
    refused = compile_wish(know(), wish).refused
    assert refused is not None
    assert refused["code"] == code
    assert refused.get("rule") == rule


def test_a_label_that_may_not_be_here_is_refused_by_the_sites_rule() -> None:
    everyone = (PrincipalRule("people", "local", ("*",), ("internal", "pii", "phi")),)
    policy = Policy(sites=POLICY.sites, principals=everyone)
    refused = compile_wish(know(policy), Wish("local", "text.redact", labels=PHI)).refused
    assert refused == {
        "code": "label_forbidden",
        "detail": "phi may not be at 'plant', by 'plant-data'.",
        "rule": "plant-data",
        "site": "plant",
        "labels": ["phi"],
    }


def test_no_label_and_no_default_is_refused() -> None:
    policy = Policy(sites=(SiteRule("strict", "plant", ("internal",)),), principals=POLICY.principals)
    refused = compile_wish(know(policy), Wish("local", "text.redact")).refused
    assert refused is not None
    assert (refused["code"], refused["rule"]) == ("label_forbidden", "strict")


def test_an_empty_policy_refuses_everything() -> None:
    refused = compile_wish(know(Policy()), Wish("local", "text.redact")).refused
    assert refused is not None
    assert refused["code"] == "forbidden"


def test_an_unlabelled_payload_gets_the_sites_default() -> None:
    compiled = compile_wish(know(), Wish("local", "text.classify_intent"))
    assert (compiled.default_labels, compiled.steps[0].labels) == (INTERNAL, INTERNAL)


def test_an_ambiguous_wish_names_the_candidates() -> None:
    refused = compile_wish(know(), Wish("local", want="risk", have=(("r", "machine.record"),))).refused
    assert refused is not None
    assert refused["candidates"] == ["machine.predict", "transaction.score"]


def test_without_a_granted_removal_no_detour_is_taken() -> None:
    served = [Served("text.redact", (("text", "text"),), "text.redacted", 0, HERE, "nodes"), *SERVED[2:3]]
    ungranted = Knowledge("plant", POLICY, LABELS, CapabilityGraph(TypeRegistry(), served))
    refused = compile_wish(ungranted, Wish("local", "text.route_note", labels=PII)).refused
    assert refused is not None
    assert (refused["code"], refused["rule"]) == ("label_forbidden", "plant-data")


def test_the_second_step_of_a_chain_takes_the_first_steps_output_and_the_tasks_input() -> None:
    compiled = compile_wish(know(), Wish("local", want="alert", have=(("w", "sensor.window"),)))
    assert compiled.steps[1].inputs == (("window", "sensor.window", -1), ("anomaly", "anomaly", 0))


@pytest.mark.parametrize(
    ("wish", "code", "words"),
    [
        (Wish("local", "sensor.describe"), "bad_request", "window (sensor.window) and anomaly (anomaly)"),
        (Wish("local"), "bad_request", "Name a capability"),
        (Wish("local", want="intent"), "bad_request", "the type of what you have"),
        (Wish("local", "text.redact", have=(("t", "text"),) * 9), "bad_request", "at most 8"),
        (Wish("local", "text.redact", have=(("w", "anomaly"),)), "no_route", "It takes text (text)."),
        (Wish("local", "text.redakt"), "capability_unknown", "There is: text.redact."),
        (Wish("local", "text.redact", have=(("t", "txet"),)), "type_unknown", "Did you mean text"),
    ],
)
def test_a_refusal_says_what_to_do(wish: Wish, code: str, words: str) -> None:
    refused = compile_wish(know(), wish).refused
    assert refused is not None
    assert (refused["code"], words in str(refused["detail"])) == (code, True)


def test_who_may_ask_for_nothing_learns_nothing_about_types_and_ways() -> None:
    for want in ("intent", "nonsense", "embedding", "risk"):
        refused = compile_wish(know(), Wish("stranger", want=want, have=(("t", "text"),))).refused
        assert refused is not None
        assert (refused["code"], refused["rule"]) == ("forbidden", "policy.principals")


def test_two_ways_to_remove_a_label_are_named_where_the_last_step_is_the_same() -> None:
    other = Served("text.mask", (("text", "text"),), "text", PII, HERE, "nodes")
    graph = CapabilityGraph(TypeRegistry(), (*SERVED, other))
    refused = compile_wish(
        Knowledge("plant", POLICY, LABELS, graph), Wish("local", "text.route_note", labels=PII)
    ).refused
    assert refused is not None
    assert (refused["code"], refused["candidates"]) == ("wish_ambiguous", ["text.mask", "text.redact"])
