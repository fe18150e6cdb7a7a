"""The control process's memory and its answers, without any I/O: claims and wishes in, verdicts and plans out."""

from __future__ import annotations

from collections import deque
from typing import Final

from conductor.control.compile import Knowledge, Wish, compile_wish, sites_beyond, why
from conductor.control.graph import CapabilityGraph
from conductor.control.values import Served, Step
from conductor.control.verdicts import judge
from hive.config import MeshConfig
from hive.errors import HiveError
from hive.gate import compile_gate
from hive.types import TypeRegistry, parse_data_type
from hive.wire.messages import EMPTY, Generation, Journal, Offer, Plan, PlanWanted, Seen, Verdict

_JOURNAL_KEPT: Final = 1_000


class Planner:
    """Policy, types and granted capabilities of one site; `generation` grows when an answer could change."""

    def __init__(self, config: MeshConfig, site: str, generation: int) -> None:
        """Know the policy, and no node yet. `generation` must be larger than any before, across restarts."""
        self.site = site
        self.config = config
        self.policy = config.compiled_policy
        self.labels = config.label_table
        self.gate = compile_gate(self.policy, self.labels, config.sites)
        self.types = TypeRegistry()
        self.generation = generation
        self.counts: dict[str, object] = {}
        self.journal: deque[object] = deque(maxlen=_JOURNAL_KEPT)
        self._served: dict[str, Served] = {}
        self._knowledge = self._compile()

    @property
    def graph(self) -> CapabilityGraph:
        """Return the present graph; it is replaced, never changed."""
        return self._knowledge.graph

    def reload(self, config: MeshConfig) -> None:
        """Take a new policy and forget what the old one granted: the dispatcher must ask about every node again.

        Raises HiveError(config_invalid) if a label would get another bit: open sessions and kept data know the old one.
        """
        known, fresh = self.labels.names, config.label_table.names
        if fresh[: len(known)] != known:
            raise HiveError(
                "config_invalid",
                f"labels: {', '.join(fresh)} does not begin with {', '.join(known)}. While the conductor runs, "
                "labels may only be added at the end; restart it for anything else.",
            )
        self.config = config
        self.policy = config.compiled_policy
        self.labels = config.label_table
        self.gate = compile_gate(self.policy, self.labels, config.sites)
        self._served.clear()
        self._changed()

    def seen(self, claim: Seen) -> Verdict:
        """Judge a claim and learn what it grants. Data types are learnt from nodes that policy lets in, no others."""
        verdict, granted = judge(self.policy, self.labels, self.gate, self.site, claim, self._served)
        try:
            for offer, _ in granted:
                self._learn_types(offer)
        except HiveError as error:
            refused: dict[str, object] = {"code": error.code, "detail": error.detail, "rule": "types"}
            return Verdict(EMPTY, claim.ask, claim.name, refused=refused)
        before = dict(self._served)
        for _, item in granted:
            self._served[item.capability] = _merge(self._served.get(item.capability), item)
        if self._served != before:
            self._changed()
        return verdict

    def plan(self, wanted: PlanWanted) -> Plan:
        """Answer a table miss."""
        wish = Wish(wanted.principal, wanted.capability, wanted.want, wanted.have, wanted.labels, wanted.via)
        compiled = compile_wish(self._knowledge, wish)
        default = compiled.default_labels
        steps = tuple(
            self._step(step, sites_beyond(self._knowledge, wish, step, default)) for step in compiled.steps
        )
        refused = compiled.refused or {}
        return Plan(EMPTY, wanted.ask, self.generation, steps, refused, compiled.default_labels)

    def present(self) -> Generation:
        """Return the message that dates every plan and says what may be at this site at all."""
        rule = next((r.rule for r in self.policy.sites if r.site == self.site), "policy.sites")
        allowed = self.labels.mask(sorted(self.policy.allowed_labels(self.site)))
        quotas = tuple((r.principal, r.max_open_tasks) for r in self.policy.principals)
        sites = tuple((name, mask, at) for name, (mask, at) in sorted(self.gate.sites.items()))
        return Generation(
            EMPTY, self.generation, allowed, rule, self.labels.names, quotas, sites, self.gate.links
        )

    def took(self, evidence: Journal) -> None:
        """Keep what the dispatcher decided lately, and its counters."""
        self.journal.extend(evidence.entries)
        self.counts = {**evidence.counts, "journal_dropped": evidence.dropped}

    def _step(self, step: Step, sites: tuple[str, ...]) -> dict[str, object]:
        return {
            "capability": step.capability,
            "output": step.output,
            "inputs": [list(item) for item in step.inputs],
            "labels": step.labels,
            "removes": step.removes,
            "rule": step.rule,
            "why": why(self._knowledge, step),
            "sites": list(sites),
        }

    def _learn_types(self, offer: Offer) -> None:
        """Add the types that an offer brings along; raise HiveError if one clashes or is missing."""
        for raw in offer.types:
            self.types.add(parse_data_type(raw))
        for kind in (*(kind for _, kind in offer.inputs), offer.output):
            self.types.get(kind)

    def _changed(self) -> None:
        self.generation += 1
        self._knowledge = self._compile()

    def _compile(self) -> Knowledge:
        return Knowledge(
            self.site, self.policy, self.labels, CapabilityGraph(self.types, self._served.values()), self.gate
        )


def _merge(old: Served | None, new: Served) -> Served:
    """Join what two models of one capability are granted: a plan may count on a removal that either may do."""
    if old is None:
        return new
    digests = tuple(sorted({*old.digests, *new.digests}))
    beyond = {there.site: there for there in (*old.beyond, *new.beyond)}
    near = new if new.here or not old.here else old
    return Served(
        new.capability,
        new.inputs,
        new.output,
        old.removes | new.removes,
        near.allowed_labels,
        near.rule,
        digests,
        tuple(there for _, there in sorted(beyond.items())),
        old.here or new.here,
    )
