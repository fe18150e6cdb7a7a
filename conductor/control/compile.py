"""From a wish to a plan or a refusal that names its rule. Pure: a question and frozen knowledge in, an answer out.

The rules are asked in the order in which a reader of the policy would ask them: may this principal ask for that, may
data with these labels be at this site, is there such a capability or type, and which way leads there.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from conductor.control.graph import CapabilityGraph
from conductor.control.values import Given, Step
from hive.labels import LabelTable
from hive.policy import Decision, Policy

Refusal = dict[str, object]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What planning depends on."""

    site: str
    policy: Policy
    labels: LabelTable
    graph: CapabilityGraph


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked: a capability or a wanted data type, what is given (empty: the capability's declared inputs)."""

    principal: str
    capability: str = ""
    want: str = ""
    have: tuple[tuple[str, str], ...] = ()
    labels: int = 0


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
    for decision, code in (
        (_may_ask(know, wish, names), "forbidden"),
        (know.policy.may_be_at(know.site, names), "label_forbidden"),
    ):
        if not decision.allowed:
            return Compiled(refused=_refusal(know, code, decision, names), default_labels=default_labels)
    unknown = _unknown(know, wish)
    if unknown is not None:
        return Compiled(refused=unknown, default_labels=default_labels)
    ways = _ways(know, wish, labels)
    if not ways:
        return Compiled(refused=_no_way(know, wish, names), default_labels=default_labels)
    if len(ways) > 1:
        return Compiled(refused=_ambiguous(know, wish, ways), default_labels=default_labels)
    if wish.want:
        last = ways[0][-1].capability
        decision = know.policy.may_ask(wish.principal, last, names)
        if not decision.allowed:
            return Compiled(
                refused=_refusal(know, "forbidden", decision, names), default_labels=default_labels
            )
    return Compiled(tuple(ways[0]), None, default_labels)


def why(know: Knowledge, step: Step) -> str:
    """Return the sentence that `hive explain` shows for a step."""
    names = ", ".join(know.labels.unpack(step.labels)) or "unlabelled data"
    sentence = f"{names} may be at {know.site!r}"
    if step.removes:
        sentence += f"; it is granted to remove {', '.join(know.labels.unpack(step.removes))}"
    return sentence


def _may_ask(know: Knowledge, wish: Wish, names: tuple[str, ...]) -> Decision:
    if wish.capability:
        return know.policy.may_ask(wish.principal, wish.capability, names)
    return Decision(True, "", "decided once the last capability is known")


def _unknown(know: Knowledge, wish: Wish) -> Refusal | None:
    served = know.graph.served
    if wish.capability and wish.capability not in served:
        near = difflib.get_close_matches(wish.capability, served, 3) or sorted(served)
        detail = f"Nothing here offers {wish.capability!r}. There is: {', '.join(near) or 'nothing yet'}."
        return {"code": "capability_unknown", "detail": detail, "candidates": near}
    types = {entry.name for entry in know.graph.types.all()}
    for name in (wish.want, *(kind for _, kind in wish.have)):
        if name and name not in types:
            near = difflib.get_close_matches(name, types, 3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            return {
                "code": "type_unknown",
                "detail": f"There is no data type {name!r}.{hint}",
                "candidates": near,
            }
    if wish.want and not wish.have:
        detail = f"To plan a way to {wish.want!r} the type of what you have must be given."
        return {"code": "bad_request", "detail": detail}
    return None


def _givens(know: Knowledge, wish: Wish, labels: int) -> list[Given]:
    if wish.have:
        return [Given(name, kind, labels) for name, kind in wish.have]
    return [Given(name, kind, labels) for name, kind in know.graph.served[wish.capability].inputs]


def _ways(know: Knowledge, wish: Wish, labels: int) -> list[list[Step]]:
    givens = _givens(know, wish, labels)
    if wish.capability:
        return know.graph.ways_to_capability(givens, wish.capability)
    return know.graph.ways_to_type(givens, wish.want)


def _no_way(know: Knowledge, wish: Wish, names: tuple[str, ...]) -> Refusal:
    """Say whether labels stand in the way or the graph itself has none."""
    open_labels = Wish(wish.principal, wish.capability, wish.want, wish.have, 0)
    target = wish.capability or wish.want
    if _ways(know, open_labels, 0):
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
    have = ", ".join(kind for _, kind in wish.have)
    return {
        "code": "no_route",
        "detail": f"No chain of capabilities leads from {have or 'nothing'} to {target!r}.",
    }


def _ambiguous(know: Knowledge, wish: Wish, ways: list[list[Step]]) -> Refusal:
    del know
    names = [" > ".join(step.capability for step in way) for way in ways]
    detail = (
        f"{len(ways)} ways lead to {wish.want or wish.capability!r}: {'; '.join(names)}. Name a capability."
    )
    return {
        "code": "wish_ambiguous",
        "detail": detail,
        "candidates": sorted({way[-1].capability for way in ways}),
    }


def _refusal(know: Knowledge, code: str, decision: Decision, names: tuple[str, ...]) -> Refusal:
    detail = f"{decision.reason}, by {decision.rule!r}."
    return {"code": code, "detail": detail, "rule": decision.rule, "site": know.site, "labels": list(names)}
