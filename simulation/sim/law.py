"""The policies of a scenario, read by somebody who has nothing to do with the gate: what may go where, by plain search.

It is slow and shares no code with hive/gate.py, conductor/core or the planner, because it judges them.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hive.policy import LinkRule
    from hive.wire.messages import Work
    from simulation.sim.scenario import Scenario
    from simulation.sim.scenario_models import NodesConfig

_UNBOUNDED: Final = 1 << 32


class Law:
    """Every policy that a scenario may have in force, by its number."""

    def __init__(self, scenario: Scenario) -> None:
        """Take them apart."""
        self._policies = [mesh.compiled_policy for mesh in scenario.meshes]
        self._allowed = [
            {site: policy.allowed_labels(site) for site in scenario.mesh.sites} for policy in self._policies
        ]
        self._crosses = lru_cache(maxsize=10_000)(self._crosses_by_search)

    def allowed(self, policy: int, site: str) -> frozenset[str]:
        """Return the labels that may be at a site."""
        return self._allowed[policy][site]

    def joins(self, policy: int, source: str, target: str, capability: str) -> bool:
        """Say whether anything at all may go from one site to another for a capability."""
        return any(
            fnmatchcase(source, rule.source)
            and fnmatchcase(target, rule.target)
            and any(fnmatchcase(capability, pattern) for pattern in rule.capabilities)
            for rule in self._policies[policy].links
        )

    def crosses(self, policy: int, source: str, target: str, work: Work, label: str) -> bool:
        """Say whether work with this label may go from one site to another; an empty label is not looked at."""
        return self._crosses(
            policy, (source, target), (work.capability, work.principal, work.via[0], work.unsure), label
        )

    def quota(self, policy: int, principal: str) -> int:
        """Return how many tasks a principal may have open."""
        rules = self._policies[policy].principals
        return max(
            (rule.max_open_tasks for rule in rules if fnmatchcase(principal, rule.principal)),
            default=_UNBOUNDED,
        )

    def removes(self, policy: int, capability: str, digest: str) -> frozenset[str]:
        """Return the labels that a model may remove."""
        rules = self._policies[policy].removals
        return frozenset(
            label
            for rule in rules
            if rule.capability == capability and digest in rule.digests
            for label in rule.labels
        )

    def ever_removes(self, nodes: NodesConfig) -> frozenset[str]:
        """Return the labels that nodes say they remove, and that some policy grants them to."""
        rules = [
            rule
            for policy in self._policies
            for rule in policy.removals
            if rule.capability == nodes.capability and nodes.digest in rule.digests
        ]
        return frozenset(nodes.removes) & {label for rule in rules for label in rule.labels}

    def _crosses_by_search(
        self, policy: int, way: tuple[str, str], asked: tuple[str, str, str, bool], label: str
    ) -> bool:
        return any(_permits(rule, way, asked, label) for rule in self._policies[policy].links)


def _permits(rule: LinkRule, way: tuple[str, str], asked: tuple[str, str, str, bool], label: str) -> bool:
    (source, target), (capability, principal, begun, unsure) = way, asked
    if not (fnmatchcase(source, rule.source) and fnmatchcase(target, rule.target)):
        return False
    if not any(fnmatchcase(capability, pattern) for pattern in rule.capabilities):
        return False
    if not any(fnmatchcase(principal, pattern) for pattern in rule.principals):
        return False
    began_right = (
        any(fnmatchcase(begun, origin) for origin in rule.origins) if rule.origins else begun == source
    )
    if not began_right:
        return False
    return (rule.escalate or not unsure) and (not label or label in rule.labels)
