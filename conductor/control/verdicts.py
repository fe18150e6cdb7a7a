"""What policy grants of what a node claims. A claim is not a fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from conductor.control.values import Beyond, Served
from hive.gate import Gate
from hive.labels import LabelTable
from hive.policy import Policy
from hive.wire.messages import EMPTY, Offer, Seen, Verdict

_DIGEST_DIGITS: Final = 12


def judge(
    policy: Policy, labels: LabelTable, gate: Gate, site: str, seen: Seen, known: Mapping[str, Served]
) -> tuple[Verdict, list[tuple[Offer, Served]]]:
    """Return the verdict on a claim and the offers that it grants; what is not granted is named in `refused`.

    A node may only be at the site of the conductor that it connects to; what it may remove is decided by the digest
    of its model; the rest of its words counts for nothing. A capability means one thing at a site: an offer whose
    inputs or output differ from the `known` ones is refused.
    """
    allowed = labels.mask(sorted(policy.allowed_labels(seen.site)))
    if seen.role == "peer":
        return _judge_peer(gate, labels, site, seen, known)
    if seen.site != site:
        detail = f"{seen.name!r} says that it is at {seen.site!r}; this is the conductor of {site!r}."
        return _refused(seen, _Refusal(detail, "own-site")), []
    grants: list[dict[str, object]] = []
    granted: list[tuple[Offer, Served]] = []
    refusals = []
    meanings = dict(known)
    for offer in seen.offers:
        decision = policy.may_claim(seen.name, seen.site, offer.capability, offer.digest)
        other = meanings.get(offer.capability)
        if not decision.allowed:
            refusals.append(
                _Refusal(f"{decision.reason}, by {decision.rule!r}.", decision.rule, offer.capability)
            )
        elif other is not None and (other.inputs, other.output) != (offer.inputs, offer.output):
            refusals.append(_differs(offer, other))
        else:
            removes = _removes(policy, labels, offer)
            grants.append(
                {
                    "capability": offer.capability,
                    "pool": pool(offer),
                    "removes": removes,
                    "rule": decision.rule,
                }
            )
            item = _served(offer, removes, allowed, decision.rule)
            meanings.setdefault(offer.capability, item)
            granted.append((offer, item))
    if not grants:
        return _refused(seen, *(refusals or [_Refusal(f"{seen.name!r} offers nothing.", "offers")])), []
    refused = _context(seen, refusals) if refusals else {}
    return Verdict(EMPTY, seen.ask, seen.name, allowed, tuple(grants), refused), granted


def _judge_peer(
    gate: Gate, labels: LabelTable, site: str, seen: Seen, known: Mapping[str, Served]
) -> tuple[Verdict, list[tuple[Offer, Served]]]:
    """Judge what a linked conductor offers: a rule must let tasks go there. What it removes counts for nothing."""
    offer = seen.offers[0]
    rule = gate.joins(site, seen.site, offer.capability)
    if not rule:
        detail = f"No rule in policy.links lets {site!r} ask {seen.site!r} for {offer.capability}."
        return _refused(seen, _Refusal(detail, "policy.links", offer.capability)), []
    other = known.get(offer.capability)
    if other is not None and (other.inputs, other.output) != (offer.inputs, offer.output):
        return _refused(seen, _differs(offer, other)), []
    allowed = gate.accepted(site, seen.site, offer.capability)
    beyond = Beyond(seen.site, offer.path or (seen.site,), allowed & labels.known(offer.labels))
    item = Served(offer.capability, offer.inputs, offer.output, rule=rule, beyond=(beyond,), here=False)
    grant: dict[str, object] = {"capability": offer.capability, "pool": seen.site, "removes": 0, "rule": rule}
    return Verdict(EMPTY, seen.ask, seen.name, allowed, (grant,)), [(offer, item)]


class _Refusal(NamedTuple):
    detail: str
    rule: str
    capability: str = ""


def _differs(offer: Offer, other: Served) -> _Refusal:
    detail = (
        f"{offer.capability!r} is here already with other inputs or another output: "
        f"{_shape(other.inputs, other.output)}, not {_shape(offer.inputs, offer.output)}. "
        "Give it another name, or let the conductor read its policy again (SIGHUP) once the other nodes are gone."
    )
    return _Refusal(detail, "one-meaning", offer.capability)


def _shape(inputs: tuple[tuple[str, str], ...], output: str) -> str:
    return f"({', '.join(f'{name}: {kind}' for name, kind in inputs)}) -> {output}"


def _served(offer: Offer, removes: int, allowed: int, rule: str) -> Served:
    return Served(offer.capability, offer.inputs, offer.output, removes, allowed, rule, (offer.digest,))


def pool(offer: Offer) -> str:
    """Return the name of the nodes that this one is interchangeable with: same specialist, same model."""
    return f"{offer.specialist}#{offer.digest.removeprefix('sha256:')[:_DIGEST_DIGITS]}"


def _removes(policy: Policy, labels: LabelTable, offer: Offer) -> int:
    known = [name for name in offer.removes if name in labels.names]
    granted = [name for name in known if policy.may_remove(offer.capability, offer.digest, name).allowed]
    return labels.mask(granted)


def _refused(seen: Seen, *refusals: _Refusal) -> Verdict:
    return Verdict(EMPTY, seen.ask, seen.name, refused=_context(seen, refusals))


def _context(seen: Seen, refusals: Sequence[_Refusal]) -> dict[str, object]:
    """Return what `refused` says: the first reason in words, and every capability that was not granted."""
    first = refusals[0]
    context: dict[str, object] = {"code": "claim_refused", "detail": first.detail, "rule": first.rule}
    return {**context, "site": seen.site, "capabilities": [r.capability for r in refusals if r.capability]}
