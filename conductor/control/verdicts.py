"""What policy grants of what a node claims. A claim is not a fact."""

from __future__ import annotations

from conductor.control.values import Served
from hive.labels import LabelTable
from hive.policy import Policy
from hive.wire.messages import EMPTY, Offer, Seen, Verdict

_DIGEST_DIGITS = 12


def judge(policy: Policy, labels: LabelTable, site: str, seen: Seen) -> tuple[Verdict, list[Served]]:
    """Return the verdict on a claim and the capabilities that it grants.

    A node may only be at the site of the conductor that it connects to; what it may remove is decided by the digest
    of its model; the rest of its words counts for nothing.
    """
    allowed = labels.mask(sorted(policy.allowed_labels(seen.site)))
    if seen.site != site:
        detail = f"{seen.name!r} says that it is at {seen.site!r}; this is the conductor of {site!r}."
        return _refused(seen, "claim_refused", detail, "own-site"), []
    grants: list[dict[str, object]] = []
    served = []
    refusal = ("", "")
    for offer in seen.offers:
        decision = policy.may_claim(seen.name, seen.site, offer.capability, offer.digest)
        if not decision.allowed:
            refusal = (f"{decision.reason}, by {decision.rule!r}.", decision.rule)
            continue
        removes = _removes(policy, labels, offer)
        grants.append(
            {"capability": offer.capability, "pool": pool(offer), "removes": removes, "rule": decision.rule}
        )
        served.append(
            Served(
                offer.capability, offer.inputs, offer.output, removes, allowed, decision.rule, (offer.digest,)
            )
        )
    if not grants:
        return _refused(seen, "claim_refused", *refusal), []
    return Verdict(EMPTY, seen.ask, seen.name, allowed, tuple(grants)), served


def pool(offer: Offer) -> str:
    """Return the name of the nodes that this one is interchangeable with: same specialist, same model."""
    return f"{offer.specialist}#{offer.digest.removeprefix('sha256:')[:_DIGEST_DIGITS]}"


def _removes(policy: Policy, labels: LabelTable, offer: Offer) -> int:
    known = [name for name in offer.removes if name in labels.names]
    granted = [name for name in known if policy.may_remove(offer.capability, offer.digest, name).allowed]
    return labels.mask(granted)


def _refused(seen: Seen, code: str, detail: str, rule: str) -> Verdict:
    return Verdict(
        EMPTY, seen.ask, seen.name, refused={"code": code, "detail": detail, "rule": rule, "site": seen.site}
    )
