"""The mesh file: one YAML document that describes a whole mesh, checked before anything runs.

`load_config` returns frozen values or raises HiveError(config_invalid) with one sentence per mistake: where it is
(file and line), what is wrong, and what to write instead. Nothing here starts or connects anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from hive.config_source import Source, bundled_configs, read_source
from hive.errors import HiveError
from hive.labels import LabelTable
from hive.policy import NodeRule, Policy, PrincipalRule, RemovalRule, SiteRule
from hive.wire.auth import check_bind

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""Names of meshes, sites and devices: they become part of paths, addresses and DNS-SD instance names."""
Port = Annotated[int, Field(ge=0, le=65535)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Endpoint = Annotated[str, StringConstraints(pattern=r"^tcp://(\[[0-9a-fA-F:.%]+\]|[^:/\s]+):\d{1,5}$")]


class _Part(BaseModel):
    """A part of the file: unknown keys are mistakes, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class HttpConfig(_Part):
    """Where the task API listens."""

    host: str = "127.0.0.1"
    port: Port = 8420


class StoreConfig(_Part):
    """Where durable tasks are kept."""

    url: Literal["memory:"] = "memory:"


class ConductorConfig(_Part):
    """A site's conductor. A `bind` or `http.host` that other machines can reach needs `insecure: true`."""

    bind: Endpoint = "tcp://127.0.0.1:8421"
    insecure: bool = False
    http: HttpConfig | None = HttpConfig()
    store: StoreConfig = StoreConfig()
    tuning: dict[str, float | int] = Field(default_factory=dict)


class NodeConfig(_Part):
    """`count` nodes of one specialist, each of which takes `credit` attempts at once."""

    specialist: Annotated[str, StringConstraints(min_length=1)]
    credit: Annotated[int, Field(ge=1, le=4096)] = 8
    count: Annotated[int, Field(ge=1, le=256)] = 1


class DeviceConfig(_Part):
    """The nodes that one device's agent runs."""

    nodes: Annotated[tuple[NodeConfig, ...], Field(min_length=1, strict=False)]


class SiteConfig(_Part):
    """One site: its conductor and its devices."""

    conductor: ConductorConfig = ConductorConfig()
    devices: dict[Name, DeviceConfig] = Field(default_factory=dict)


class DiscoveryConfig(_Part):
    """How conductors are found: over mDNS, and by a static list of site -> address where multicast does not work."""

    mdns: bool = True
    conductors: dict[Name, Endpoint] = Field(default_factory=dict)


Patterns = Annotated[tuple[str, ...], Field(strict=False)]


class SiteRuleConfig(_Part):
    """Which labels may be at a site."""

    rule: str
    site: str
    labels: Patterns
    default_label: str = ""


class PrincipalRuleConfig(_Part):
    """What a principal may ask for. With `token_sha256` the principal must show that token."""

    rule: str
    principal: str
    capabilities: Patterns
    labels: Patterns
    max_open_tasks: Annotated[int, Field(ge=1)] = 10_000
    token_sha256: Sha256 | None = None


class NodeRuleConfig(_Part):
    """Which nodes may claim which site and capability, with which models."""

    rule: str
    node: str
    site: str
    capabilities: Patterns
    digests: Patterns = ("*",)


class RemovalRuleConfig(_Part):
    """Which models may remove which labels."""

    rule: str
    capability: str
    digests: Patterns
    labels: Patterns


class PolicyConfig(_Part):
    """All rules. What no rule permits is refused."""

    sites: Annotated[tuple[SiteRuleConfig, ...], Field(strict=False)] = ()
    principals: Annotated[tuple[PrincipalRuleConfig, ...], Field(strict=False)] = ()
    nodes: Annotated[tuple[NodeRuleConfig, ...], Field(strict=False)] = ()
    removals: Annotated[tuple[RemovalRuleConfig, ...], Field(strict=False)] = ()

    def rules(self) -> Iterator[tuple[str, int, str]]:
        """Yield (list name, index, rule name) of every rule."""
        for kind in ("sites", "principals", "nodes", "removals"):
            for index, entry in enumerate(getattr(self, kind)):
                yield kind, index, entry.rule


class MeshConfig(_Part):
    """A whole mesh."""

    mesh: Name
    labels: Annotated[tuple[Name, ...], Field(strict=False)] = ()
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
        )

    @cached_property
    def label_table(self) -> LabelTable:
        """Return the mesh's labels with their bits."""
        return LabelTable(self.labels)

    def tokens(self) -> dict[str, str]:
        """Return sha256(token) -> principal for the principals that have one."""
        return {r.token_sha256: r.principal for r in self.policy.principals if r.token_sha256}

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

    @model_validator(mode="after")
    def _consistent(self) -> MeshConfig:
        problems = list(_contradictions(self))
        if problems:
            raise _Contradictions(problems)
        return self


Where = tuple[str | int, ...]


class _Contradictions(Exception):  # noqa: N818 - carries several mistakes out of pydantic, never seen by users
    def __init__(self, problems: list[tuple[Where, str]]) -> None:
        super().__init__(str(problems))
        self.problems = problems


def load_config(path_or_name: str | Path) -> MeshConfig:
    """Read and check a mesh file, or a bundled one by its name (`factory`).

    Raises HiveError: config_not_found (near names are given) or config_invalid (every mistake with its line).
    """
    return parse_config(read_source(path_or_name))


def parse_config(source: Source) -> MeshConfig:
    """Check a document that was read; raises HiveError(config_invalid)."""
    try:
        return MeshConfig.model_validate(source.document)
    except ValidationError as error:
        problems = [
            (tuple(e["loc"]), source.explain(tuple(e["loc"]), e["type"], e["msg"], e["input"], MeshConfig))
            for e in error.errors()
        ]
    except _Contradictions as error:
        problems = error.problems
    lines = [f"{source.place(where)}: {sentence}" for where, sentence in problems]
    raise HiveError("config_invalid", "\n".join(lines), problems=lines)


def json_schema() -> dict[str, object]:
    """Return the JSON schema of the mesh file, for editors."""
    schema = MeshConfig.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Hive mesh file", **schema}


def find_device(config: MeshConfig, device: str | None, site: str | None) -> tuple[str, str]:
    """Return (site, device); with one device in the file neither needs naming. Raises HiveError(config_invalid)."""
    found = [
        (s, d)
        for s, part in config.sites.items()
        for d in part.devices
        if site in (None, s) and device in (None, d)
    ]
    if len(found) == 1:
        return found[0]
    every = ", ".join(f"{s}/{d}" for s, part in config.sites.items() for d in part.devices) or "none"
    asked = "/".join(part for part in (site, device) if part)
    problem = f"{asked!r} fits {len(found)} devices" if asked else "the mesh has several devices"
    raise HiveError("config_invalid", f"{problem}; name one with --device (and --site). Devices: {every}.")


def find_site(config: MeshConfig, site: str | None) -> str:
    """Return the site; with one site in the file it needs no naming. Raises HiveError(config_invalid)."""
    if site in config.sites:
        return str(site)
    if site is None and len(config.sites) == 1:
        return next(iter(config.sites))
    problem = f"There is no site {site!r}" if site else "The mesh has several sites; name one with --site"
    raise HiveError("config_invalid", f"{problem}. Sites: {', '.join(config.sites)}.")


def _contradictions(config: MeshConfig) -> Iterator[tuple[Where, str]]:
    """Yield what no single field shows: names that nothing defines, ports used twice, open ports, unknown labels."""
    yield from _rule_names(config)
    yield from _labels(config)
    yield from _addresses(config)
    for kind in ("sites", "nodes"):
        for index, rule in enumerate(getattr(config.policy, kind)):
            if rule.site not in config.sites:
                known = ", ".join(config.sites)
                yield (
                    ("policy", kind, index, "site"),
                    f"there is no site {rule.site!r}; write one of: {known}",
                )
    for site in config.discovery.conductors:
        if site not in config.sites:
            yield ("discovery", "conductors", site), f"there is no site {site!r}"


def _rule_names(config: MeshConfig) -> Iterator[tuple[Where, str]]:
    first: dict[str, str] = {}
    for kind, index, name in config.policy.rules():
        if not name:
            yield ("policy", kind, index, "rule"), "a rule needs a name, which refusals cite"
        elif name in first:
            yield ("policy", kind, index, "rule"), f"the rule name {name!r} is used by {first[name]} already"
        first.setdefault(name, f"policy.{kind}[{index}]")


def _labels(config: MeshConfig) -> Iterator[tuple[Where, str]]:
    try:
        known = config.label_table.names
    except HiveError as error:
        yield ("labels",), error.detail
        return
    for kind in ("sites", "principals", "removals"):
        for index, rule in enumerate(getattr(config.policy, kind)):
            names = [*rule.labels, *([rule.default_label] if getattr(rule, "default_label", "") else [])]
            for name in names:
                if name not in known:
                    yield (
                        ("policy", kind, index, "labels"),
                        f"unknown label {name!r}; this mesh has {', '.join(known)}",
                    )
            default = getattr(rule, "default_label", "")
            if default and default not in rule.labels:
                yield (
                    ("policy", kind, index, "default_label"),
                    f"{default!r} is not among this rule's own labels",
                )


def _addresses(config: MeshConfig) -> Iterator[tuple[Where, str]]:
    used: dict[tuple[str, int], str] = {}
    for name, site in config.sites.items():
        conductor = site.conductor
        host, _, port = conductor.bind.removeprefix("tcp://").rpartition(":")
        places: list[tuple[tuple[str, ...], str, int]] = [(("bind",), host, int(port))]
        if conductor.http is not None:
            places.append((("http", "port"), conductor.http.host, conductor.http.port))
        for where, at, number in places:
            path = ("sites", name, "conductor", *where)
            endpoint = f"tcp://{at}:{number}"
            try:
                check_bind(endpoint, insecure=conductor.insecure)
            except HiveError as error:
                yield path, error.detail
            if number and (at, number) in used:
                yield path, f"port {number} is used by {used[at, number]} already; choose another"
            used[at, number] = f"site {name!r}"


__all__ = [
    "MeshConfig",
    "bundled_configs",
    "find_device",
    "find_site",
    "json_schema",
    "load_config",
    "parse_config",
]
