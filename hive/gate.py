"""The gate at the edge of a site, compiled: may this task's data go from one site to another, and by which rule?

Both ends ask the same questions with their own policy: before a body goes out, before one is taken in, and before an
answer goes back. First try, retry, hedge, escalation and forwarding all ask here. Answers are kept until the next
policy, so that the hot path pays one look-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final, NamedTuple, TypeVar

from hive.labels import LabelTable
from hive.policy import Policy

_KEPT_MAX: Final = 10_000
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
NO_RULE: Final = "policy.links"


class Crossing(NamedTuple):
    """What a task is, as far as the gate cares. `begun` is the site where it began, `unsure` an escalation."""

    source: str
    target: str
    begun: str
    principal: str
    capability: str
    unsure: bool = False


class Pass(NamedTuple):
    """The gate's answer; a refusal names the rule that would have to change, and the labels that stand in the way."""

    allowed: bool
    rule: str
    reason: str = ""
    labels: int = 0
    code: str = "label_forbidden"


class LinkPass(NamedTuple):
    """One rule of policy.links with its labels as a bitmap."""

    rule: str
    source: str
    target: str
    capabilities: tuple[str, ...]
    labels: int
    principals: tuple[str, ...]
    origins: tuple[str, ...]
    escalate: bool

    def fits(self, crossing: Crossing) -> bool:
        """Say whether the rule speaks of such a crossing, labels aside."""
        c = crossing
        return (
            self.speaks_of(c.source, c.target)
            and _any(c.capability, self.capabilities)
            and _any(c.principal, self.principals)
            and (_any(c.begun, self.origins) if self.origins else c.begun == c.source)
            and (self.escalate or not c.unsure)
        )

    def speaks_of(self, source: str, target: str) -> bool:
        """Say whether the rule joins these two sites."""
        return fnmatchcase(source, self.source) and fnmatchcase(target, self.target)


class Gate:
    """The link rules and what may be at each site, frozen; a new policy makes a new gate."""

    __slots__ = ("_accepted", "_joins", "_kept", "links", "sites")

    def __init__(
        self, sites: Mapping[str, tuple[int, str]] | None = None, links: Iterable[LinkPass] = ()
    ) -> None:
        """Hold per site (labels that may be there, the rule that says so), and the link rules. Empty refuses all."""
        self.sites = dict(sites or {})
        self.links = tuple(links)
        self._kept: dict[tuple[Crossing, int], Pass] = {}
        self._joins: dict[tuple[str, str, str], str] = {}
        self._accepted: dict[tuple[str, str, str], int] = {}

    def asks(self, crossing: Crossing, labels: int) -> Pass:
        """Decide whether data with `labels` may make this crossing."""
        key = (crossing, labels)
        known = self._kept.get(key)
        if known is None:
            known = self._decide(crossing, labels)
            _keep(self._kept, key, known)
        return known

    def may_be_at(self, site: str, labels: int) -> Pass:
        """Decide whether data with `labels` may be at a site at all; an answer that goes back asks no more."""
        allowed, rule = self.sites.get(site, (0, "policy.sites"))
        if not labels:
            return Pass(False, rule, "data without a label leaves no site")
        if labels & ~allowed:
            return Pass(False, rule, f"it may not be at {site!r}", labels & ~allowed)
        return Pass(True, rule)

    def joins(self, source: str, target: str, capability: str) -> str:
        """Return the first rule by which a capability of `target` may be asked for from `source`, else empty."""
        key = (source, target, capability)
        known = self._joins.get(key)
        if known is None:
            known = next((r.rule for r in self._speaking_of(key)), "")
            _keep(self._joins, key, known)
        return known

    def accepted(self, source: str, target: str, capability: str) -> int:
        """Return every label that some task from `source` may bring to `target` for a capability."""
        key = (source, target, capability)
        known = self._accepted.get(key)
        if known is None:
            known = 0
            for r in self._speaking_of(key):
                known |= r.labels
            known &= self.sites.get(target, (0, ""))[0]
            _keep(self._accepted, key, known)
        return known

    def knows(self, here: str, other: str) -> bool:
        """Say whether any rule joins the two sites, in either direction."""
        return any(r.speaks_of(here, other) or r.speaks_of(other, here) for r in self.links)

    def _speaking_of(self, key: tuple[str, str, str]) -> Iterator[LinkPass]:
        source, target, capability = key
        return (r for r in self.links if r.speaks_of(source, target) and _any(capability, r.capabilities))

    def _decide(self, crossing: Crossing, labels: int) -> Pass:
        there = self.may_be_at(crossing.target, labels)
        if not there.allowed:
            return there
        c = crossing
        fitting = [r for r in self.links if r.fits(c)]
        for r in fitting:
            if not labels & ~r.labels:
                return Pass(True, r.rule)
        if fitting:
            least = fitting[0]
            reason = f"it may not go from {c.source!r} to {c.target!r} for {c.capability}"
            return Pass(False, least.rule, reason, labels & ~least.labels)
        near = next((r.rule for r in self.links if r.speaks_of(c.source, c.target)), NO_RULE)
        what = f"an unsure answer of {c.capability}" if c.unsure else c.capability
        reason = f"{c.principal!r} of {c.begun!r} may not ask {c.target!r} for {what} from {c.source!r}"
        return Pass(False, near, reason, labels, "forbidden")


def compile_gate(policy: Policy, labels: LabelTable, sites: Iterable[str]) -> Gate:
    """Return the gate of a policy; `sites` are the names to be judged."""
    masks = {}
    for site in sites:
        rule = next((r.rule for r in policy.sites if r.site == site), "policy.sites")
        masks[site] = (labels.mask(sorted(policy.allowed_labels(site))), rule)
    return Gate(
        masks,
        (
            LinkPass(
                r.rule,
                r.source,
                r.target,
                r.capabilities,
                labels.mask(r.labels),
                r.principals,
                r.origins,
                r.escalate,
            )
            for r in policy.links
        ),
    )


def _keep(known: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Remember an answer; what peers may name is bounded."""
    if len(known) >= _KEPT_MAX:
        known.clear()
    known[key] = value


def _any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
