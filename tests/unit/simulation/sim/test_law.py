"""The observer's own reading of a policy: what may cross between sites, rule by rule."""

from __future__ import annotations

import pytest

from hive.wire.messages import EMPTY, Work
from simulation.sim.law import Law
from simulation.sim.scenario import load


@pytest.mark.parametrize(
    ("capability", "label", "unsure", "permitted"),
    [
        ("text.route", "internal", False, True),
        ("text.route", "phi", False, False),  # not for that label
        ("sensor.read", "public", False, False),  # not for that capability
        ("text.echo", "public", True, True),
        ("text.echo", "internal", True, False),  # to be surer, only what is public
        ("text.route", "public", True, False),
        ("text.route", "", False, True),  # what has lost its label in a removal is not looked at
    ],
)
def test_what_may_cross_is_what_some_rule_says(
    capability: str, label: str, *, unsure: bool, permitted: bool
) -> None:
    law = Law(load("policy"))
    work = Work(EMPTY, (), (), capability, "ward", ("clinic",), 0.0, unsure)
    assert law.crosses(0, "clinic", "cloud", work, label) is permitted
    assert not law.crosses(0, "cloud", "clinic", work, label)


def test_each_policy_of_a_scenario_is_one_rule_or_one_label_short() -> None:
    scenario = load("policy")
    law = Law(scenario)
    allowed = [
        (law.allowed(number, "clinic"), law.allowed(number, "cloud"))
        for number in range(len(scenario.meshes))
    ]
    whole = ({"public", "internal", "phi"}, {"public", "internal"})
    assert allowed[0] == whole
    assert [pair for pair in allowed if pair != whole] == [
        ({"internal", "phi"}, {"public", "internal"}),
        ({"public", "internal"}, {"public", "internal"}),
        ({"public", "internal", "phi"}, {"public"}),
    ]


def test_only_what_a_policy_grants_to_a_model_is_ever_removed() -> None:
    scenario = load("policy")
    removed = {nodes.name or nodes.capability: Law(scenario).ever_removes(nodes) for nodes in scenario.nodes}
    assert removed["text.redact"] == {"phi"}
    assert removed["boaster"] == frozenset()


def test_what_a_model_may_remove_is_what_the_policy_of_the_moment_grants() -> None:
    scenario = load("policy")
    law = Law(scenario)
    granted = [
        law.removes(number, "text.redact", "sha256:" + "0" * 64) for number in range(len(scenario.meshes))
    ]
    assert (granted[0], granted.count(frozenset())) == (frozenset({"phi"}), 1)
    assert law.removes(0, "text.redact", "sha256:" + "1" * 64) == frozenset()


def test_a_quota_is_the_most_that_a_rule_names_and_one_policy_halves_it() -> None:
    scenario = load("values")
    law = Law(scenario)
    assert (law.quota(0, "desk-2"), law.quota(0, "lab")) == (12, 10_000)
    assert sorted({law.quota(number, "desk") for number in range(len(scenario.meshes))}) == [6, 12]


def test_sites_are_joined_by_a_rule_for_the_capability() -> None:
    law = Law(load("policy"))
    assert law.joins(0, "clinic", "cloud", "text.route")
    assert not law.joins(0, "clinic", "cloud", "sensor.read")
    assert not law.joins(0, "cloud", "clinic", "text.route")
