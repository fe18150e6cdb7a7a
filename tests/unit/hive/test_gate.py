"""The gate at the edge of a site: rows of questions and answers, and that it never says more than the rules do."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.gate import NO_RULE, Crossing, Gate, LinkPass, Pass, compile_gate
from hive.labels import LabelTable
from hive.policy import LinkRule, Policy, SiteRule

TABLE = LabelTable()
PUBLIC, INTERNAL, PII, PHI = 1, 2, 4, 8
POLICY = Policy(
    sites=(
        SiteRule("plants", "plant", ("public", "internal", "pii"), default_label="internal"),
        SiteRule("region", "region", ("public", "internal")),
        SiteRule("head", "head", ("public",)),
        SiteRule("head-more", "head", ("internal",)),
    ),
    links=(
        LinkRule("up", "plant", "region", ("text.*",), ("public",)),
        LinkRule("lines", "plant", "region", ("text.*",), ("internal", "pii"), principals=("line-*",)),
        LinkRule("on", "region", "head", ("text.*",), ("public", "internal"), origins=("plant",)),
        LinkRule("sure", "region", "head", ("sensor.*",), ("public", "internal"), escalate=False),
    ),
)
GATE = compile_gate(POLICY, TABLE, ("plant", "region", "head"))


def asked(
    source: str = "plant",
    target: str = "region",
    begun: str = "",
    principal: str = "line-1",
    capability: str = "text.echo",
    *,
    unsure: bool = False,
) -> Crossing:
    return Crossing(source, target, begun or source, principal, capability, unsure)


@pytest.mark.parametrize(
    ("crossing", "labels", "answer"),
    [
        (asked(), PUBLIC, (True, "up", 0, "label_forbidden")),
        (asked(), INTERNAL, (True, "lines", 0, "label_forbidden")),
        (asked(principal="guest"), INTERNAL, (False, "up", INTERNAL, "label_forbidden")),
        # One rule has to allow all labels: two rules do not add up.
        (asked(), PUBLIC | INTERNAL, (False, "up", INTERNAL, "label_forbidden")),
        # What may not be at the target goes there by no rule, whatever the rule says.
        (asked(), PII, (False, "region", PII, "label_forbidden")),
        (asked(), PHI | INTERNAL, (False, "region", PHI, "label_forbidden")),
        (asked(), 0, (False, "region", 0, "label_forbidden")),
        (asked(target="moon"), PUBLIC, (False, "policy.sites", PUBLIC, "label_forbidden")),
        (asked(capability="sensor.x"), PUBLIC, (False, "up", PUBLIC, "forbidden")),
        (asked(source="plant", target="head"), PUBLIC, (False, NO_RULE, PUBLIC, "forbidden")),
        # Passed on by the region: only for the origins that the rule names, and not for the region's own.
        (asked("region", "head", begun="plant"), INTERNAL, (True, "on", 0, "label_forbidden")),
        (asked("region", "head"), INTERNAL, (False, "on", INTERNAL, "forbidden")),
        (asked("region", "head", begun="shop"), INTERNAL, (False, "on", INTERNAL, "forbidden")),
        # Without origins a rule is for what begins at its source.
        (asked(begun="shop"), PUBLIC, (False, "up", PUBLIC, "forbidden")),
        (asked("region", "head", capability="sensor.x"), PUBLIC, (True, "sure", 0, "label_forbidden")),
        (asked("region", "head", capability="sensor.x", unsure=True), PUBLIC, (False, "on", PUBLIC, "forbidden")),
    ],
)  # fmt: skip
def test_what_may_cross_and_by_which_rule(
    crossing: Crossing, labels: int, answer: tuple[bool, str, int, str]
) -> None:
    said = GATE.asks(crossing, labels)
    assert (said.allowed, said.rule, said.labels, said.code) == answer
    assert bool(said.reason) is not said.allowed
    assert GATE.asks(crossing, labels) is said  # the second time it is only looked up


def test_an_answer_goes_back_where_its_labels_may_be() -> None:
    assert GATE.may_be_at("plant", INTERNAL | PII) == Pass(True, "plants")
    assert GATE.may_be_at("head", PUBLIC | INTERNAL).allowed  # both rules of the site count
    assert GATE.may_be_at("head", PII).labels == PII
    assert not GATE.may_be_at("nowhere", PUBLIC).allowed
    assert not GATE.may_be_at("plant", 0).allowed


def test_what_a_site_may_be_asked_for() -> None:
    assert (GATE.joins("plant", "region", "text.echo"), GATE.joins("plant", "region", "sensor.x")) == (
        "up",
        "",
    )
    assert GATE.accepted("plant", "region", "text.echo") == PUBLIC | INTERNAL
    assert GATE.accepted("region", "plant", "text.echo") == 0
    assert GATE.knows("head", "region")
    assert not GATE.knows("plant", "head")


def test_without_a_policy_nothing_crosses() -> None:
    nothing = Gate()
    assert not nothing.asks(asked(), PUBLIC).allowed
    assert not nothing.may_be_at("plant", PUBLIC).allowed
    assert not nothing.knows("plant", "region")


def test_what_peers_can_name_is_bounded() -> None:
    gate = compile_gate(POLICY, TABLE, ("plant", "region"))
    for number in range(25_000):
        gate.asks(asked(principal=f"p{number}"), PUBLIC)
        gate.accepted("plant", "region", f"text.{number}")
    kept = [getattr(gate, name) for name in ("_kept", "_joins", "_accepted")]
    assert max(len(known) for known in kept) <= 10_000


NAMES = st.sampled_from(["a", "b", "c"])
PATTERNS = st.sampled_from(["a", "b", "c", "*", "[ab]"])
RULES = st.builds(
    LinkPass,
    rule=st.sampled_from(["r1", "r2", "r3"]),
    source=PATTERNS,
    target=PATTERNS,
    capabilities=st.lists(PATTERNS, min_size=1, max_size=2).map(tuple),
    labels=st.integers(0, 15),
    principals=st.lists(PATTERNS, min_size=1, max_size=2).map(tuple),
    origins=st.lists(PATTERNS, max_size=2).map(tuple),
    escalate=st.booleans(),
)
CROSSINGS = st.builds(Crossing, NAMES, NAMES, NAMES, NAMES, NAMES, st.booleans())


def by_the_book(sites: dict[str, tuple[int, str]], rules: list[LinkPass], c: Crossing, labels: int) -> bool:
    """Say what the documentation says, in its own order and without any shortcut."""
    if labels == 0 or labels & ~sites.get(c.target, (0, ""))[0]:
        return False
    return any(
        fnmatchcase(c.source, r.source)
        and fnmatchcase(c.target, r.target)
        and any(fnmatchcase(c.capability, p) for p in r.capabilities)
        and any(fnmatchcase(c.principal, p) for p in r.principals)
        and (any(fnmatchcase(c.begun, p) for p in r.origins) if r.origins else c.begun == c.source)
        and (r.escalate or not c.unsure)
        and labels & r.labels == labels
        for r in rules
    )


@given(
    st.dictionaries(NAMES, st.tuples(st.integers(0, 15), st.just("site"))),
    st.lists(RULES, max_size=4),
    st.lists(st.tuples(CROSSINGS, st.integers(0, 15)), min_size=1, max_size=8),
)
def test_the_gate_allows_what_the_rules_allow_and_nothing_else(
    sites: dict[str, tuple[int, str]], rules: list[LinkPass], questions: list[tuple[Crossing, int]]
) -> None:
    gate = Gate(sites, rules)
    for crossing, labels in questions * 2:  # the second time from memory
        said = gate.asks(crossing, labels)
        assert said.allowed == by_the_book(sites, rules, crossing, labels)
        if said.allowed:
            named = [r for r in rules if r.rule == said.rule]
            assert any(by_the_book(sites, [r], crossing, labels) for r in named)
            # What may go is told to the other side as something that it takes.
            assert not labels & ~gate.accepted(crossing.source, crossing.target, crossing.capability)
            assert gate.joins(crossing.source, crossing.target, crossing.capability)
        else:
            assert said.reason
