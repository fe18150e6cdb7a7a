"""The mesh file's shape: pydantic models that refuse unknown keys and never change once read.

Each field is one key of the file. What no single field can show is in hive.config_checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hive.config_tuning import Tuning
from hive.labels import LabelTable
from hive.policy import LinkRule, NodeRule, Policy, PrincipalRule, RemovalRule, SiteRule

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""Names of meshes, sites, devices and labels: they become part of paths, addresses and DNS-SD instance names."""
RuleName = Annotated[str, StringConstraints(min_length=1)]
Port = Annotated[int, Field(ge=0, le=65535)]
TokenDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ModelDigest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Endpoint = Annotated[
    str, StringConstraints(pattern=r"^tcp://(\[[0-9a-fA-F:.%]+\]|[^:/\[\]\s]+):\d{1,5}$", strict=True)
]
StoreUrl = Annotated[
    str, StringConstraints(pattern=r"^(memory:$|sqlite:($|///)|postgres(ql)?(\+psycopg)?://)", strict=True)
]
Patterns = Annotated[tuple[str, ...], Field(strict=False)]
Labels = Annotated[tuple[Name, ...], Field(strict=False)]


class Part(BaseModel):
    """A part of the file: unknown keys are mistakes, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class HttpConfig(Part):
    """Where the task API listens."""

    host: str = "127.0.0.1"
    port: Port = 8420


class StoreConfig(Part):
    """Where tasks are kept, and how long once they are finished. `{site}` in `url` becomes the site's name."""

    url: Annotated[
        str, StringConstraints(pattern=r"^(memory:$|sqlite:($|///)|postgres(ql)?(\+psycopg)?://)")
    ] = "sqlite:"
    keep_days: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 7.0
    keep_dead_days: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    keep_tasks: Annotated[int, Field(ge=1)] = 1_000_000
    keep_bytes: Annotated[int, Field(ge=1024)] = 1 << 30

    def kept(self) -> dict[str, float]:
        """Return how much is kept, by the store's own names."""
        return {"days": self.keep_days, "dead_days": self.keep_dead_days, "tasks": self.keep_tasks,
                "bytes": self.keep_bytes}  # fmt: skip


class LinkConfig(Part):
    """The conductor of another site that this one dials. Work then goes both ways, as policy permits."""

    site: Name
    endpoint: Annotated[
        Endpoint | None, Field(description="Where it listens; default: the `bind` of that site in this file.")
    ] = None
    token_env: Annotated[
        str, Field(description="The environment variable that holds the token to show there.")
    ] = ""


class ConductorConfig(Part):
    """A site's conductor. A `bind` or `http.host` that other machines can reach needs `insecure: true`.

    `upstream` is the next tier, to which unsure answers may be escalated; `peers` are sites of the same tier.
    """

    bind: Endpoint = "tcp://127.0.0.1:8421"
    insecure: bool = False
    http: Annotated[HttpConfig | None, Field(description="null: no gateway")] = HttpConfig()
    store: StoreConfig = StoreConfig()
    upstream: LinkConfig | None = None
    peers: Annotated[tuple[LinkConfig, ...], Field(strict=False)] = ()
    tuning: Tuning = Field(default_factory=Tuning)

    def links(self) -> tuple[LinkConfig, ...]:
        """Return every conductor that this one dials."""
        return (*([self.upstream] if self.upstream else []), *self.peers)


class NodeConfig(Part):
    """`count` nodes of one specialist (a bundled name or a path), each of which takes `credit` attempts at once.

    Each may take `memory_mb` of the device's memory (0: what the specialist's manifest says), and gives way to
    others on its processors by `nice`.
    """

    specialist: Annotated[str, StringConstraints(min_length=1)]
    credit: Annotated[int, Field(ge=1, le=4096)] = 8
    count: Annotated[int, Field(ge=1, le=256)] = 1
    memory_mb: Annotated[int, Field(ge=0, le=1 << 20)] = 0
    nice: Annotated[int, Field(ge=0, le=19)] = 0


class DeviceConfig(Part):
    """The nodes that one device's agent runs."""

    nodes: Annotated[tuple[NodeConfig, ...], Field(min_length=1, strict=False)]


class SiteConfig(Part):
    """One site: its conductor and its devices."""

    conductor: ConductorConfig = ConductorConfig()
    devices: dict[Name, DeviceConfig] = Field(default_factory=dict)


class DiscoveryConfig(Part):
    """How conductors are found: over mDNS, and by a static list of site -> address where multicast does not work."""

    mdns: bool = True
    conductors: dict[Name, Endpoint] = Field(default_factory=dict)


class SiteRuleConfig(Part):
    """Which labels may be at a site, and which one a payload without a label gets there."""

    rule: RuleName
    site: str
    labels: Labels
    default_label: str = ""


class PrincipalRuleConfig(Part):
    """What a principal may ask for. With `token_sha256` the principal must show that token."""

    rule: RuleName
    principal: str
    capabilities: Patterns
    labels: Labels
    max_open_tasks: Annotated[int, Field(ge=1)] = 10_000
    token_sha256: TokenDigest | None = None


class NodeRuleConfig(Part):
    """Which nodes may claim which site and capability, with which models."""

    rule: RuleName
    node: str
    site: str
    capabilities: Patterns
    digests: Patterns = ("*",)


class RemovalRuleConfig(Part):
    """Which models may remove which labels; digests are those of manifests and match exactly."""

    rule: RuleName
    capability: str
    digests: Annotated[tuple[ModelDigest, ...], Field(strict=False)]
    labels: Labels


class LinkRuleConfig(Part):
    """Which tasks may go from one site to another: both sites' conductors hold each task against it.

    `origins` are the sites where such a task may have begun; empty means the sending site itself. `escalate` lets
    answers that are too unsure be asked for again there.
    """

    rule: RuleName
    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    capabilities: Patterns
    labels: Labels
    principals: Patterns = ("*",)
    origins: Patterns = ()
    escalate: bool = False


class PolicyConfig(Part):
    """All rules. What no rule permits is refused."""

    sites: Annotated[tuple[SiteRuleConfig, ...], Field(strict=False)] = ()
    principals: Annotated[tuple[PrincipalRuleConfig, ...], Field(strict=False)] = ()
    nodes: Annotated[tuple[NodeRuleConfig, ...], Field(strict=False)] = ()
    removals: Annotated[tuple[RemovalRuleConfig, ...], Field(strict=False)] = ()
    links: Annotated[tuple[LinkRuleConfig, ...], Field(strict=False)] = ()

    def rules(self) -> Iterator[tuple[str, int, str]]:
        """Yield (list name, index, rule name) of every rule."""
        for kind in ("sites", "principals", "nodes", "removals", "links"):
            for index, entry in enumerate(getattr(self, kind)):
                yield kind, index, entry.rule


class MeshConfig(Part):
    """A whole mesh."""

    mesh: Name
    labels: Labels = ()
    discovery: DiscoveryConfig = DiscoveryConfig()
    sites: Annotated[dict[Name, SiteConfig], Field(min_length=1)]
    policy: PolicyConfig = PolicyConfig()

    @cached_property
    def compiled_policy(self) -> Policy:
        """Return the rules as hive.policy values."""
        p = self.policy
        return Policy(
            sites=tuple(SiteRule(r.rule, r.site, r.labels, r.default_label) for r in p.sites),
            principals=tuple(
                PrincipalRule(r.rule, r.principal, r.capabilities, r.labels, r.max_open_tasks)
                for r in p.principals
            ),
            nodes=tuple(NodeRule(r.rule, r.node, r.site, r.capabilities, r.digests) for r in p.nodes),
            removals=tuple(RemovalRule(r.rule, r.capability, r.digests, r.labels) for r in p.removals),
            links=tuple(
                LinkRule(
                    r.rule, r.source, r.target, r.capabilities, r.labels, r.principals, r.origins, r.escalate
                )
                for r in p.links
            ),
        )

    @cached_property
    def label_table(self) -> LabelTable:
        """Return the mesh's labels with their bits."""
        return LabelTable(self.labels)

    def link_endpoint(self, link: LinkConfig) -> str:
        """Return where a linked conductor listens."""
        return link.endpoint or self.sites[link.site].conductor.bind

    def linked_sites(self) -> set[tuple[str, str]]:
        """Return (site, site that it dials) for every link of the file."""
        return {(name, link.site) for name, site in self.sites.items() for link in site.conductor.links()}

    def tokens(self) -> dict[str, str]:
        """Return sha256(token) -> principal for the principals that have one."""
        return {r.token_sha256: r.principal for r in self.policy.principals if r.token_sha256}

    def caller_tokens(self) -> dict[str, str]:
        """Return the same for callers alone: a principal with a site's name is the conductor that links from there."""
        return {
            digest: principal for digest, principal in self.tokens().items() if principal not in self.sites
        }

    def node_ids(self, site: str, device: str) -> list[tuple[str, NodeConfig]]:
        """Return (node id, configuration) of each node of a device: `<device>/<specialist>`, then `…-2`, `…-3`."""
        seen: dict[str, int] = {}
        ids = []
        for node in self.sites[site].devices[device].nodes:
            base = f"{device}/{Path(node.specialist).name.partition('@')[0]}"
            for _ in range(node.count):
                seen[base] = seen.get(base, 0) + 1
                ids.append((base if seen[base] == 1 else f"{base}-{seen[base]}", node))
        return ids
