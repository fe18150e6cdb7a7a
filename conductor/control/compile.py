"""From a wish to a plan or a refusal that names its rule. Pure: a question and frozen knowledge in, an answer out.

The rules are asked in the order in which a reader of the policy would ask them: may this principal ask for that, may
data with these labels be at this site, is there such a capability or type, and which way leads there. For a wanted
data type the principal must be permitted to ask for the capability that makes it; the steps before it are the site's
own doing.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Final

from conductor.control.graph import CapabilityGraph
from conductor.control.values import Beyond, Given, Served, Step
from hive.gate import Crossing, Gate, Pass
from hive.labels import LabelTable
from hive.policy import Decision, Policy

Refusal = dict[str, object]

MAX_GIVENS: Final = 8
"""What the inputs of one task are, at most; the search grows with the sets of them."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What planning depends on."""

    site: str
    policy: Policy
    labels: LabelTable
    graph: CapabilityGraph
    gate: Gate = field(default_factory=Gate)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked: a capability or a wanted data type, what is given (empty: the capability's declared inputs).

    `via` are the sites that the task has passed; the gate has let it in then, and says who may ask.
    """

    principal: str
    capability: str = ""
    want: str = ""
    have: tuple[tuple[str, str], ...] = ()
    labels: int = 0
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """The answer: steps, or a refusal. `default_labels` is what an unlabelled payload gets."""

    steps: tuple[Step, ...] = ()
    refused: Refusal | None = None
    default_labels: int = 0


def compile_wish(know: Knowledge, wish: Wish) -> Compiled:
    """Return the plan of a wish, or why there is none."""
    default = know.policy.default_label(know.site)
    default_labels = know.labels.mask([default]) if default else 0
    labels = wish.labels or default_labels
    names = know.labels.unpack(labels)
    refused = _forbidden(know, wish, names) or _malformed(know, wish)
    ways = [] if refused else _ways(know, wish, labels, default_labels)
    if refused is None:
        refused = _undecided(know, wish, ways, names)
    steps = () if refused else tuple(ways[0])
    return Compiled(steps, refused, default_labels)


def sites_beyond(know: Knowledge, wish: Wish, step: Step, default_labels: int) -> tuple[str, ...]:
    """Return the linked sites that may have a step, reachable now or not."""
    labels = step.labels or default_labels
    item = know.graph.served[step.capability]
    return tuple(there.site for there in item.beyond if _may_cross(know, wish, item, there, labels).allowed)


def why(know: Knowledge, step: Step) -> str:
    """Return the sentence that `hive explain` shows for a step."""
    names = (
        ", ".join(know.labels.unpack(step.labels))
        or know.policy.default_label(know.site)
        or "unlabelled data"
    )
    item = know.graph.served[step.capability]
    sites = [know.site] if item.here else [there.site for there in item.beyond]
    sentence = f"{names} may be at {' or '.join(map(repr, sites))}"
    if item.here and item.beyond:
        sentence += f"; {', '.join(there.site for there in item.beyond)} offers it too"
    if step.removes:
        sentence += f"; it is granted to remove {', '.join(know.labels.unpack(step.removes))}"
    return sentence


def _forbidden(know: Knowledge, wish: Wish, names: tuple[str, ...]) -> Refusal | None:
    """Ask the rules that need no way; who may ask for nothing here learns nothing about what there is."""
    if wish.via:
        return None
    asked = [wish.capability] if wish.capability else sorted(know.graph.served)
    decisions = [know.policy.may_ask(wish.principal, capability, names) for capability in asked]
    if decisions and not any(decision.allowed for decision in decisions):
        return _refusal(know, "forbidden", decisions[0], names)
    here = know.policy.may_be_at(know.site, names)
    return None if here.allowed else _refusal(know, "label_forbidden", here, names)


def _undecided(know: Knowledge, wish: Wish, ways: list[list[Step]], names: tuple[str, ...]) -> Refusal | None:
    """Refuse where there is no way, more than one, or one whose end the principal may not ask for."""
    if not ways:
        return _no_way(know, wish, names)
    if len(ways) > 1:
        return _ambiguous(wish, ways)
    if wish.via:
        return None
    decision = know.policy.may_ask(wish.principal, ways[0][-1].capability, names)
    return None if decision.allowed else _refusal(know, "forbidden", decision, names)


def _malformed(know: Knowledge, wish: Wish) -> Refusal | None:
    """Refuse a wish for what does not exist, or that does not say what is given."""
    served = know.graph.served
    if not wish.capability and not wish.want:
        return {"code": "bad_request", "detail": "Name a capability or the data type that is wanted."}
    if wish.capability and wish.capability not in served:
        near = difflib.get_close_matches(wish.capability, served, 3) or sorted(served)
        detail = f"Nothing here offers {wish.capability!r}. There is: {', '.join(near) or 'nothing yet'}."
        return {"code": "capability_unknown", "detail": detail, "candidates": near}
    for name in (wish.want, *(kind for _, kind in wish.have)):
        if name and (unknown := _unknown_type(know, name)) is not None:
            return unknown
    if not wish.have and wish.want:
        detail = f"To plan a way to {wish.want!r} the type of what you have must be given."
        return {"code": "bad_request", "detail": detail}
    if not wish.have and len(served[wish.capability].inputs) != 1:
        detail = f"{wish.capability!r} takes {_inputs(served[wish.capability])}: name what you give."
        return {"code": "bad_request", "detail": detail}
    if len(wish.have) > MAX_GIVENS:
        return {"code": "bad_request", "detail": f"{len(wish.have)} inputs; a task has at most {MAX_GIVENS}."}
    return None


def _unknown_type(know: Knowledge, name: str) -> Refusal | None:
    types = [entry.name for entry in know.graph.types.all()]
    if name in types:
        return None
    near = difflib.get_close_matches(name, types, 3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return {"code": "type_unknown", "detail": f"There is no data type {name!r}.{hint}", "candidates": near}


def _inputs(item: Served) -> str:
    return " and ".join(f"{name} ({kind})" for name, kind in item.inputs)


def _given_types(know: Knowledge, wish: Wish) -> tuple[tuple[str, str], ...]:
    return wish.have or know.graph.served[wish.capability].inputs


def _ways(know: Knowledge, wish: Wish, labels: int, default: int) -> list[list[Step]]:
    """Return the cheapest ways; with no labels and no default none of them counts."""
    givens = [Given(name, kind, labels) for name, kind in _given_types(know, wish)]

    def may_enter(item: Served, carried: int) -> bool:
        return not (labels or default) or _may_enter(know, wish, item, carried or default)

    if wish.capability:
        return know.graph.ways_to_capability(givens, wish.capability, may_enter)
    return know.graph.ways_to_type(givens, wish.want, may_enter)


def _may_enter(know: Knowledge, wish: Wish, item: Served, labels: int) -> bool:
    """Say whether data with these labels may be given to a capability, here or at a linked site that offers it."""
    if item.here and not labels & ~item.allowed_labels:
        return True
    return any(_may_cross(know, wish, item, there, labels).allowed for there in item.beyond)


def _may_cross(know: Knowledge, wish: Wish, item: Served, there: Beyond, labels: int) -> Pass:
    """Ask the gate about a step at a linked site, as it will be asked again when the step is placed."""
    if know.site in there.path or not set(wish.via).isdisjoint(there.path):
        return Pass(False, "loop", "it would come back to a site that it has passed", 0, "loop")
    begun = wish.via[0] if wish.via else know.site
    passed = know.gate.asks(Crossing(know.site, there.site, begun, wish.principal, item.capability), labels)
    if passed.allowed and labels & ~there.labels:
        return Pass(False, passed.rule, f"{there.site!r} does not take it", labels & ~there.labels)
    return passed


def _no_way(know: Knowledge, wish: Wish, names: tuple[str, ...]) -> Refusal:
    """Say whether labels stand in the way or the graph itself has none."""
    target = wish.capability or wish.want
    item = know.graph.served.get(wish.capability)
    if item is not None and not item.here and item.beyond:
        return _kept_home(know, wish, item, names)
    if _ways(know, wish, 0, 0):
        rule = next((r.rule for r in know.policy.sites if r.site == know.site), "policy.sites")
        detail = (
            f"Every way to {target!r} passes where {', '.join(names)} may not be, and nothing removes it."
        )
        return {
            "code": "label_forbidden",
            "detail": detail,
            "rule": rule,
            "site": know.site,
            "labels": list(names),
        }
    have = ", ".join(kind for _, kind in _given_types(know, wish))
    detail = f"No chain of capabilities leads from {have} to {target!r}."
    if wish.capability:
        detail += f" It takes {_inputs(know.graph.served[wish.capability])}."
    return {"code": "no_route", "detail": detail}


def _kept_home(know: Knowledge, wish: Wish, item: Served, names: tuple[str, ...]) -> Refusal:
    """Say by which rule the data may not go to the site that alone offers a capability."""
    there = item.beyond[0]
    passed = _may_cross(know, wish, item, there, know.labels.mask(names))
    kept = know.labels.unpack(passed.labels)
    said = ", ".join(kept) + ": " if kept else ""
    detail = f"{said}{passed.reason or 'no chain of capabilities leads there'}, by {passed.rule!r}."
    code = "no_route" if passed.allowed else passed.code
    return {"code": code, "detail": detail, "rule": passed.rule, "site": there.site, "labels": list(kept)}


def _ambiguous(wish: Wish, ways: list[list[Step]]) -> Refusal:
    """Name what would decide: the last capabilities, or where they are one, those in which the ways differ."""
    names = [[step.capability for step in way] for way in ways]
    candidates = {way[-1] for way in names}
    if len(candidates) == 1:
        candidates = set().union(*names) - set(names[0]).intersection(*names[1:])
        advice = "Do one of them first, as a task of its own."
    else:
        advice = "Name a capability."
    shown = "; ".join(" > ".join(way) for way in names)
    detail = f"{len(ways)} ways lead to {wish.want or wish.capability!r}: {shown}. {advice}"
    return {"code": "wish_ambiguous", "detail": detail, "candidates": sorted(candidates)}


def _refusal(know: Knowledge, code: str, decision: Decision, names: tuple[str, ...]) -> Refusal:
    detail = f"{decision.reason}, by {decision.rule!r}."
    return {"code": code, "detail": detail, "rule": decision.rule, "site": know.site, "labels": list(names)}
