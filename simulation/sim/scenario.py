"""Scenarios: files in simulation/scenarios/ or a user's own, read and checked before anything runs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from hive.config import load_config
from hive.config_checks import contradictions
from hive.config_explain import mistakes
from hive.config_models import MeshConfig, PolicyConfig
from hive.config_source import Source, Where, parse_source
from hive.errors import HiveError
from simulation.sim.scenario_models import NodesConfig, ScenarioFile

FOLDER: Final = Path(__file__).resolve().parent.parent / "scenarios"


@dataclass(frozen=True)
class Scenario:
    """A scenario that was read: its name, its file, the mesh that it runs, and the policies that may be read."""

    name: str
    file: ScenarioFile
    mesh: MeshConfig

    @cached_property
    def nodes(self) -> tuple[NodesConfig, ...]:
        """Return the nodes: those of the file, else those of the mesh's devices."""
        return self.file.nodes or tuple(_nodes_of(self.mesh))

    def given(self, kind: str) -> str:
        """Return the type that a caller gives where a type is needed: what is made of something else, is made first."""
        made = {nodes.output: nodes.input for nodes in self.nodes if nodes.output != nodes.input}
        return made.get(kind, kind)

    def makes_alone(self, capability: str) -> bool:
        """Say whether a capability is the only one that makes its type, so that the type stands for it."""
        made = {nodes.capability: nodes.output for nodes in self.nodes}
        changed = any(nodes.input != nodes.output for nodes in self.nodes if nodes.capability == capability)
        return changed and list(made.values()).count(made[capability]) == 1

    @cached_property
    def meshes(self) -> tuple[MeshConfig, ...]:
        """Return the mesh with each policy that a conductor may be told to read; the first is the file's."""
        policies = [*self.file.policies, *_narrower(self.mesh.policy)]
        parts = {name: getattr(self.mesh, name) for name in MeshConfig.model_fields}
        # Made anew: a copy would bring along the compiled rules of the policy that it replaces.
        return (self.mesh, *(MeshConfig(**{**parts, "policy": policy}) for policy in policies))


def names() -> list[str]:
    """Return the scenarios that come with Hive."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name_or_path: str | Path) -> Scenario:
    """Read and check a scenario.

    Raises HiveError: config_not_found (near names are given) or config_invalid (every mistake with its line).
    """
    path = _find(name_or_path)
    try:
        source = parse_source(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError as error:
        raise HiveError("config_invalid", f"{path}: not UTF-8 text at byte {error.start}.") from error
    return parse(source, path.stem)


def parse(source: Source, name: str) -> Scenario:
    """Check a document that was read; raises HiveError(config_invalid) or, for its mesh, config_not_found."""
    try:
        file = ScenarioFile.model_validate(source.document)
    except ValidationError as error:
        problems = mistakes(error, ScenarioFile)
    else:
        mesh, problems = _mesh(file.mesh)
        if mesh is not None and not problems:
            scenario = Scenario(name, file, mesh)
            problems = list(_contradictions(scenario))
            if not problems:
                return scenario
    lines = [f"{source.place(where)}: {sentence}" for where, sentence in problems]
    raise HiveError("config_invalid", "\n".join(lines), problems=lines)


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.is_file():
        return path.resolve()
    name = str(name_or_path)
    if name in names():
        return FOLDER / f"{name}.yaml"
    near = difflib.get_close_matches(name, names(), 3, 0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    detail = f"There is no scenario {name!r}.{hint} Those that come with Hive: {', '.join(names())}."
    raise HiveError("config_not_found", detail, near=near)


def _mesh(document: object) -> tuple[MeshConfig | None, list[tuple[Where, str]]]:
    """Return the mesh that a file names or holds, with what is wrong in one that it holds."""
    if isinstance(document, str):
        return load_config(document), []
    try:
        mesh = MeshConfig.model_validate(document)
    except ValidationError as error:
        return None, [(("mesh", *where), sentence) for where, sentence in mistakes(error, MeshConfig)]
    return mesh, [(("mesh", *where), sentence) for where, sentence in contradictions(mesh)]


def _nodes_of(mesh: MeshConfig) -> Iterator[NodesConfig]:
    """Yield a simulated node for each that the mesh's devices run, with the claims of its manifest."""
    from specialists.load import find  # noqa: PLC0415 - loads the inference runtime, which few scenarios need
    from specialists.manifest import read_manifest  # noqa: PLC0415

    for site, part in mesh.sites.items():
        for device in part.devices:
            for ident, node in mesh.node_ids(site, device):
                manifest = read_manifest(find(node.specialist))
                first = next(iter(manifest.inputs.values()))
                yield NodesConfig(
                    site=site,
                    capability=manifest.capability,
                    name=ident,
                    credit=node.credit,
                    batch=manifest.batch_max,
                    run_bound_ms=manifest.run_bound_ms,
                    input=first,
                    output=manifest.output,
                    removes=tuple(sorted(manifest.removes)),
                    idempotent=manifest.idempotent,
                    digest=manifest.digest,
                )


def _narrower(policy: PolicyConfig) -> Iterator[PolicyConfig]:
    """Yield the policy less each link rule, removal rule and label at a site, and less half of each quota, in turn."""
    for rule in policy.links:
        yield policy.model_copy(update={"links": tuple(r for r in policy.links if r is not rule)})
    for removal in policy.removals:
        yield policy.model_copy(update={"removals": tuple(r for r in policy.removals if r is not removal)})
    for site in policy.sites:
        for label in site.labels:
            if label != site.default_label:
                narrow = site.model_copy(
                    update={"labels": tuple(kept for kept in site.labels if kept != label)}
                )
                sites = tuple(narrow if r is site else r for r in policy.sites)
                yield policy.model_copy(update={"sites": sites})
    for caller in policy.principals:
        if "max_open_tasks" in caller.model_fields_set:
            half = caller.model_copy(update={"max_open_tasks": max(1, caller.max_open_tasks // 2)})
            rules = tuple(half if r is caller else r for r in policy.principals)
            yield policy.model_copy(update={"principals": rules})


def _contradictions(scenario: Scenario) -> Iterator[tuple[Where, str]]:
    """Yield what no single field can show."""
    file, sites = scenario.file, scenario.mesh.sites
    known = ", ".join(sites)
    for index, nodes in enumerate(file.nodes):
        if nodes.site not in sites:
            yield ("nodes", index, "site"), f"the mesh has no site {nodes.site!r}; it has {known}"
    served = {nodes.capability for nodes in scenario.nodes}
    if not served:
        yield ("nodes",), "no node runs: name some here, or devices in the mesh"
    labels = {"", *scenario.mesh.label_table.names}
    for index, callers in enumerate(file.callers):
        where = ("callers", index)
        if callers.site not in sites:
            yield (*where, "site"), f"the mesh has no site {callers.site!r}; it has {known}"
        for capability in callers.asks:
            if capability not in served:
                yield (*where, "asks"), f"no node serves {capability!r}; there is {', '.join(sorted(served))}"
        for label in callers.labels:
            if label not in labels:
                yield (*where, "labels"), f"the mesh has no label {label!r}"
        if callers.deadline_ms[0] > callers.deadline_ms[1] or callers.deadline_ms[0] <= 0:
            yield (*where, "deadline_ms"), "write the least first, above 0, then the most"
    if file.faults.count and not any(file.faults.kinds.values()):
        yield ("faults", "kinds"), "no kind has a weight; name some, or set count to 0"
