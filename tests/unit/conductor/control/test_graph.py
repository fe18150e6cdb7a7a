"""Ways through the graph: capabilities with several inputs, detours, and offers that would make planning slow."""

from __future__ import annotations

import time

from conductor.control.graph import CapabilityGraph
from conductor.control.values import Given, Served, Step
from conductor.control.ways import MAX_STEPS
from hive.types import DataType, TypeRegistry

PII, PLAIN = 4, 2
HERE = PII | PLAIN
REDACT = Served("text.redact", (("text", "text"),), "text.redacted", PII, HERE)
COMPARE = Served("text.compare", (("before", "text"), ("after", "text")), "route", 0, HERE)


def graph(*served: Served) -> CapabilityGraph:
    return CapabilityGraph(TypeRegistry(), served)


def sources(step: Step) -> list[int]:
    return [source for _, _, source in step.inputs]


def test_inputs_of_one_type_are_filled_by_name_whatever_the_order() -> None:
    site = graph(COMPARE)
    for names in (("before", "after"), ("after", "before")):
        ((step,),) = site.ways_to_capability([Given(n, "text", PLAIN) for n in names], "text.compare")
        assert [(name, names[-source - 1]) for name, _, source in step.inputs] == [
            ("before", "before"),
            ("after", "after"),
        ]


def test_inputs_that_nothing_names_take_different_values_in_order() -> None:
    ((step,),) = graph(COMPARE).ways_to_capability(
        [Given("x", "text", PLAIN), Given("y", "text", PLAIN)], "text.compare"
    )
    assert sources(step) == [-1, -2]


def test_each_of_two_inputs_takes_its_own_detour_rather_than_one_value_twice() -> None:
    site = graph(REDACT, Served("text.compare", COMPARE.inputs, "route", 0, PLAIN))
    givens = [Given("before", "text", PII), Given("after", "text", PII)]
    (way,) = site.ways_to_capability(givens, "text.compare")
    assert [step.capability for step in way] == ["text.redact", "text.redact", "text.compare"]
    first, second, last = way
    assert [sources(first), sources(second), sources(last)] == [[-1], [-2], [0, 1]]
    assert (first.removes, last.labels) == (PII, 0)


def test_a_way_longer_than_the_limit_is_not_found_and_one_at_the_limit_is() -> None:
    kinds = [DataType(f"t{n}", "document") for n in range(MAX_STEPS + 2)]
    chain = [Served(f"c.{n}", (("x", f"t{n}"),), f"t{n + 1}", 0, HERE) for n in range(MAX_STEPS + 1)]
    site = CapabilityGraph(TypeRegistry(kinds), chain)
    (way,) = site.ways_to_type([Given("x", "t0", PLAIN)], f"t{MAX_STEPS}")
    assert len(way) == MAX_STEPS
    assert site.ways_to_type([Given("x", "t0", PLAIN)], f"t{MAX_STEPS + 1}") == []


def test_an_offer_with_very_many_inputs_does_not_stop_the_planning() -> None:
    greedy = Served("text.greedy", tuple((f"i{n}", "text") for n in range(30)), "text", 0, HERE)
    site = graph(greedy, REDACT, COMPARE)
    began = time.process_time()
    ways = site.ways_to_type([Given("x", "text", PLAIN), Given("y", "text", PLAIN)], "route")
    assert [step.capability for step in ways[0]] == ["text.compare"]
    assert site.ways_to_type([Given("x", "text", PLAIN)], "embedding") == []
    assert time.process_time() - began < 5


def test_one_value_does_not_fill_two_inputs_of_its_type() -> None:
    assert graph(COMPARE).ways_to_capability([Given("x", "text", PLAIN)], "text.compare") == []


def test_the_fewest_calls_win_even_where_they_stand_in_a_longer_row() -> None:
    kinds = [DataType(name, "document") for name in ("p", "q", "r", "goal", "x", "y")]
    wide = [
        Served("wide.p", (("t", "text"),), "p", 0, HERE),
        Served("wide.q", (("t", "text"),), "q", 0, HERE),
        Served("wide.r", (("t", "text"),), "r", 0, HERE),
        Served("wide.end", (("p", "p"), ("q", "q"), ("r", "r")), "goal", 0, HERE),
    ]
    row = [
        Served("row.1", (("t", "text"),), "x", 0, HERE),
        Served("row.2", (("x", "x"),), "y", 0, HERE),
        Served("row.3", (("y", "y"),), "goal", 0, HERE),
    ]
    (way,) = CapabilityGraph(TypeRegistry(kinds), wide + row).ways_to_type([Given("t", "text", 2)], "goal")
    assert [step.capability for step in way] == ["row.1", "row.2", "row.3"]


def test_a_call_whose_output_is_used_twice_is_made_once() -> None:
    kinds = [DataType(name, "document") for name in ("p", "q", "goal")]
    served = [
        Served("a.first", (("t", "text"),), "p", 0, HERE),
        Served("a.second", (("p", "p"),), "q", 0, HERE),
        Served("a.third", (("p", "p"), ("q", "q")), "goal", 0, HERE),
    ]
    (way,) = CapabilityGraph(TypeRegistry(kinds), served).ways_to_type([Given("t", "text", 2)], "goal")
    assert [sources(step) for step in way] == [[-1], [0], [0, 1]]


def test_a_capability_is_not_applied_to_what_it_made_itself() -> None:
    assert graph(REDACT).ways_to_capability([Given("t", "text", PII)], "text.redact") == [
        [Step("text.redact", (("text", "text", -1),), "text.redacted", PII, PII, "")]
    ]


def test_eight_texts_and_eighty_capabilities_are_searched_in_no_time() -> None:
    many = [Served(f"t.{n}", (("a", "text"), ("b", "text"), ("c", "text")), "text") for n in range(40)]
    more = [Served(f"u.{n}", (("a", "text"),), "text.redacted", PII, HERE) for n in range(40)]
    site = graph(*(Served(m.capability, m.inputs, m.output, 0, HERE) for m in many), *more)
    givens = [Given(f"g{n}", "text", PII) for n in range(8)]
    began = time.process_time()
    assert len(site.ways_to_capability(givens, "t.3")) == 1
    assert site.ways_to_type(givens, "anomaly") == []
    assert time.process_time() - began < 5
