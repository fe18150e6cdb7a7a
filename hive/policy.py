"""Policy: who may do what with which data where. Small composable values that answer with a reason.

Every list of rules is read in order and the first rule that permits decides; an empty list refuses. Patterns are
shell-style (`press-*`), because people write them. Nothing here is on the hot path: the control process compiles
the answers into tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether something is permitted, by which rule, and why. A refusal names the rule that would have to change."""

    allowed: bool
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class SiteRule:
    """Data with these labels may be at this site; an unlabelled payload gets `default_label` there, if any."""

    rule: str
    site: str
    labels: tuple[str, ...]
    default_label: str = ""


@dataclass(frozen=True, slots=True)
class PrincipalRule:
    """These principals may ask for these capabilities with payloads that carry no other labels than these."""

    rule: str
    principal: str
    capabilities: tuple[str, ...]
    labels: tuple[str, ...]
    max_open_tasks: int = 10_000


@dataclass(frozen=True, slots=True)
class NodeRule:
    """Nodes with these ids may claim this site and these capabilities, with models of these digests."""

    rule: str
    node: str
    site: str
    capabilities: tuple[str, ...]
    digests: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class RemovalRule:
    """A model with one of these exact digests may remove these labels by this capability."""

    rule: str
    capability: str
    digests: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LinkRule:
    """Tasks of `principals` with no other labels than these may go from one site to another for these capabilities.

    `origins` are the sites where such a task may have begun; empty means the sending site itself. With `escalate`
    answers that are too unsure at home may be asked for again there.
    """

    rule: str
    source: str
    target: str
    capabilities: tuple[str, ...]
    labels: tuple[str, ...]
    principals: tuple[str, ...] = ("*",)
    origins: tuple[str, ...] = ()
    escalate: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules of a mesh. `Policy()` refuses everything."""

    sites: tuple[SiteRule, ...] = ()
    principals: tuple[PrincipalRule, ...] = ()
    nodes: tuple[NodeRule, ...] = ()
    removals: tuple[RemovalRule, ...] = ()
    links: tuple[LinkRule, ...] = ()

    def default_label(self, site: str) -> str:
        """Return the label that an unlabelled payload gets at `site`; empty means that it is refused."""
        return next((r.default_label for r in self.sites if r.site == site and r.default_label), "")

    def allowed_labels(self, site: str) -> frozenset[str]:
        """Return the labels that may be at `site`."""
        return frozenset(label for r in self.sites if r.site == site for label in r.labels)

    def may_be_at(self, site: str, labels: Iterable[str]) -> Decision:
        """Decide whether data with `labels` may be received, kept, forwarded or run at `site`."""
        rules = [r for r in self.sites if r.site == site]
        if not rules:
            return Decision(False, "policy.sites", f"no rule in policy.sites names site {site!r}")
        wanted = frozenset(labels)
        if not wanted:
            return Decision(
                False, rules[0].rule, f"the payload has no label and {site!r} has no default_label"
            )
        excess = wanted - self.allowed_labels(site)
        if excess:
            names = ", ".join(sorted(excess))
            return Decision(False, rules[0].rule, f"{names} may not be at {site!r}")
        return Decision(True, rules[0].rule, f"{', '.join(sorted(wanted))} may be at {site!r}")

    def may_ask(self, principal: str, capability: str, labels: Iterable[str]) -> Decision:
        """Decide whether `principal` may ask for `capability` with a payload that carries `labels`."""
        named = [r for r in self.principals if fnmatchcase(principal, r.principal)]
        if not named:
            return Decision(False, "policy.principals", f"no rule in policy.principals names {principal!r}")
        wanted = frozenset(labels)
        for r in named:
            if _matches(capability, r.capabilities) and wanted <= frozenset(r.labels):
                return Decision(True, r.rule, f"{principal!r} may ask for {capability}")
        r = named[0]
        if not any(_matches(capability, r.capabilities) for r in named):
            return Decision(False, r.rule, f"{principal!r} may not ask for {capability}")
        names = ", ".join(sorted(wanted - frozenset(r.labels)))
        return Decision(False, r.rule, f"{principal!r} may not send {names} to {capability}")

    def max_open_tasks(self, principal: str) -> int:
        """Return how many unfinished tasks `principal` may have."""
        named = [r.max_open_tasks for r in self.principals if fnmatchcase(principal, r.principal)]
        return max(named, default=0)

    def may_claim(self, node: str, site: str, capability: str, digest: str) -> Decision:
        """Decide whether `node` may serve `capability` at `site` with the model `digest`."""
        named = [r for r in self.nodes if fnmatchcase(node, r.node)]
        if not named:
            return Decision(False, "policy.nodes", f"no rule in policy.nodes names node {node!r}")
        for r in named:
            if r.site == site and _matches(capability, r.capabilities) and _matches(digest, r.digests):
                return Decision(True, r.rule, f"{node!r} may serve {capability} at {site!r}")
        r = named[0]
        if all(r.site != site for r in named):
            return Decision(False, r.rule, f"{node!r} may not claim to be at {site!r}")
        if not any(r.site == site and _matches(capability, r.capabilities) for r in named):
            return Decision(False, r.rule, f"{node!r} may not claim {capability} at {site!r}")
        return Decision(False, r.rule, f"{node!r} may not serve {capability} with the model {digest[:19]}…")

    def may_remove(self, capability: str, digest: str, label: str) -> Decision:
        """Decide whether the model `digest` may remove `label` by `capability`; digests match exactly."""
        rules = [r for r in self.removals if r.capability == capability]
        for r in rules:
            if digest in r.digests and label in r.labels:
                return Decision(True, r.rule, f"{capability} may remove {label}")
        rule = rules[0].rule if rules else "policy.removals"
        return Decision(False, rule, f"no rule grants {capability} with {digest[:19]}… to remove {label}")


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
