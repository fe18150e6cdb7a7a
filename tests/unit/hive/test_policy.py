"""Policy as tables: each row is a question and its answer."""

from __future__ import annotations

import pytest

from hive.policy import NodeRule, Policy, PrincipalRule, RemovalRule, SiteRule

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
POLICY = Policy(
    sites=(
        SiteRule("plant", "plant-a", ("public", "internal", "pii"), default_label="internal"),
        SiteRule("cloud", "cloud", ("public",)),
        SiteRule("cloud-more", "cloud", ("internal",)),
    ),
    principals=(
        PrincipalRule("lines", "line-*", ("text.*",), ("public", "internal"), max_open_tasks=5),
        PrincipalRule("line-3", "line-3", ("text.redact", "sensor.*"), ("pii",), max_open_tasks=9),
    ),
    nodes=(
        NodeRule("presses", "press-*", "plant-a", ("text.*",)),
        NodeRule("pinned", "press-1/*", "plant-a", ("sensor.detect_anomaly",), digests=(DIGEST,)),
    ),
    removals=(RemovalRule("redactor", "text.redact", (DIGEST,), ("pii",)),),
)


@pytest.mark.parametrize(
    ("site", "labels", "allowed", "rule"),
    [
        ("plant-a", ["pii"], True, "plant"),
        ("plant-a", ["pii", "internal"], True, "plant"),
        ("plant-a", ["phi"], False, "plant"),
        ("plant-a", ["pii", "phi"], False, "plant"),
        ("plant-a", [], False, "plant"),
        ("cloud", ["public", "internal"], True, "cloud"),
        ("cloud", ["pii"], False, "cloud"),
        ("nowhere", ["public"], False, "policy.sites"),
    ],
)
def test_where_data_may_be(site: str, labels: list[str], allowed: bool, rule: str) -> None:  # noqa: FBT001
    decision = POLICY.may_be_at(site, labels)
    assert (decision.allowed, decision.rule) == (allowed, rule)
    assert decision.reason


@pytest.mark.parametrize(
    ("principal", "capability", "labels", "allowed", "rule"),
    [
        ("line-1", "text.classify_intent", ["public"], True, "lines"),
        ("line-1", "text.classify_intent", [], True, "lines"),
        ("line-1", "text.classify_intent", ["pii"], False, "lines"),
        ("line-1", "sensor.detect_anomaly", ["public"], False, "lines"),
        ("line-3", "text.redact", ["pii"], True, "line-3"),
        ("line-3", "text.redact", ["pii", "internal"], False, "lines"),
        ("line-3", "sensor.detect_anomaly", ["pii"], True, "line-3"),
        ("guest", "text.redact", ["public"], False, "policy.principals"),
    ],
)
def test_who_may_ask_for_what(
    principal: str,
    capability: str,
    labels: list[str],
    allowed: bool,  # noqa: FBT001
    rule: str,
) -> None:
    decision = POLICY.may_ask(principal, capability, labels)
    assert (decision.allowed, decision.rule) == (allowed, rule)


@pytest.mark.parametrize(
    ("node", "site", "capability", "digest", "allowed", "rule"),
    [
        ("press-2/intent", "plant-a", "text.redact", OTHER, True, "presses"),
        ("press-2/intent", "cloud", "text.redact", OTHER, False, "presses"),
        ("press-2/intent", "plant-a", "sensor.detect_anomaly", DIGEST, False, "presses"),
        ("press-1/x", "plant-a", "sensor.detect_anomaly", DIGEST, True, "pinned"),
        ("press-1/x", "plant-a", "sensor.detect_anomaly", OTHER, False, "presses"),
        ("lathe-1", "plant-a", "text.redact", DIGEST, False, "policy.nodes"),
    ],
)
def test_what_a_node_may_claim(
    node: str,
    site: str,
    capability: str,
    digest: str,
    allowed: bool,  # noqa: FBT001
    rule: str,
) -> None:
    decision = POLICY.may_claim(node, site, capability, digest)
    assert (decision.allowed, decision.rule) == (allowed, rule)


@pytest.mark.parametrize(
    ("capability", "digest", "label", "allowed", "rule"),
    [
        ("text.redact", DIGEST, "pii", True, "redactor"),
        ("text.redact", DIGEST, "phi", False, "redactor"),
        ("text.redact", OTHER, "pii", False, "redactor"),
        ("text.redact", "sha256:*", "pii", False, "redactor"),
        ("text.classify_intent", DIGEST, "pii", False, "policy.removals"),
    ],
)
def test_which_model_may_remove_a_label(
    capability: str,
    digest: str,
    label: str,
    allowed: bool,  # noqa: FBT001
    rule: str,
) -> None:
    decision = POLICY.may_remove(capability, digest, label)
    assert (decision.allowed, decision.rule) == (allowed, rule)


def test_an_empty_policy_refuses_everything_and_says_where_to_write_a_rule() -> None:
    nobody = Policy()
    for decision in (
        nobody.may_be_at("plant-a", ["public"]),
        nobody.may_ask("line-1", "text.redact", []),
        nobody.may_claim("press-1", "plant-a", "text.redact", DIGEST),
        nobody.may_remove("text.redact", DIGEST, "pii"),
    ):
        assert not decision.allowed
        assert decision.rule.startswith("policy.")
    assert nobody.max_open_tasks("line-1") == 0
    assert nobody.default_label("plant-a") == ""
    assert nobody.allowed_labels("plant-a") == frozenset()


def test_quotas_are_the_most_generous_rule() -> None:
    assert POLICY.max_open_tasks("line-3") == 9
    assert POLICY.max_open_tasks("line-1") == 5
    assert POLICY.max_open_tasks("guest") == 0


def test_default_labels_are_the_sites() -> None:
    assert POLICY.default_label("plant-a") == "internal"
    assert POLICY.default_label("cloud") == ""


def test_a_pattern_is_case_sensitive() -> None:
    assert not POLICY.may_ask("LINE-1", "text.redact", []).allowed
