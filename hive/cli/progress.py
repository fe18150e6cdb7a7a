"""How a mesh comes up, on a terminal: one line per site with its conductor, one per device with its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from hive.cli.style import colour
from hive.config import ConductorConfig, MeshConfig
from hive.processes import ProcessRow

# Specialists that come with Hive -> what to ask them, the most interesting first.
_QUESTIONS: Final = {
    "text-classify-intent": 'text.classify_intent "what is my balance"',
    "text-redact": 'text.redact "please call Maria Keller in Lisbon"',
    "mesh-echo": 'mesh.echo "hello"',
}


def starting_screen(
    config: MeshConfig, rows: Sequence[ProcessRow], ready: set[str], passed_s: float
) -> RenderableType:
    """Return the picture of a start: what `rows` say of each process, and which nodes the conductors have `ready`."""
    states = {(row.role, row.name): row.state for row in rows}
    wanted = sum(len(config.node_ids(s, d)) for s, site in config.sites.items() for d in site.devices)
    head = Text.assemble(
        (config.mesh, "bold"), (f"   {len(ready)} of {wanted} nodes ready   {passed_s:.0f} s", "dim")
    )
    lines: list[RenderableType] = [head]
    for site, part in config.sites.items():
        roles = ("dispatcher", "control", "gateway") if part.conductor.http else ("dispatcher", "control")
        line = Text(f"  {site}", style="cyan")
        for role in roles:
            line.append_text(_dot(role, states.get((role, site), "")))
        lines.append(line)
        width = max((len(device) for device in part.devices), default=0)
        for device in part.devices:
            line = Text(f"    {device:{width}}")
            for node, _ in config.node_ids(site, device):
                state = "ready" if node in ready else _not_yet(states.get(("node", node), ""))
                line.append_text(_dot(node.partition("/")[2], state))
            lines.append(line)
    return Group(*lines)


def ready_screen(
    config: MeshConfig, nodes: int, took_s: float, unlinked: Sequence[tuple[str, str]] = ()
) -> RenderableType:
    """Return what is said when all is up: where it answers, which links are not, and what could be tried."""
    devices = sum(len(site.devices) for site in config.sites.values())
    many = f"{nodes} nodes on {devices} device{'s' if devices != 1 else ''}"
    head = Text.assemble(("● ", "green"), (f"{config.mesh} is ready", "bold"), f": {many}, {took_s:.1f} s")
    lines = [head, Text()]
    width = max(map(len, config.sites))
    for name, site in config.sites.items():
        wire = Text.assemble(site.conductor.bind, ("   for nodes and tcp:// clients", "dim"))
        if site.conductor.http is None:
            lines.append(Text.assemble("  ", (f"{name:{width}}", "cyan"), "   ", wire))
            continue
        lines.append(
            Text.assemble(
                "  ",
                (f"{name:{width}}", "cyan"),
                f"   {address(site.conductor)}",
                ("   pages at /docs", "dim"),
            )
        )
        lines.append(Text.assemble("  ", " " * width, "   ", wire))
    for near, other in unlinked:
        said = f" and {other} are not linked yet; `hive sites` says why. Each works on alone meanwhile."
        lines.append(Text.assemble(("  ● ", "yellow"), (near, "cyan"), said))
    lines.append(Text())
    drawn = all(site.conductor.http for site in config.sites.values())
    look = "hive graph" if drawn else "hive capabilities"
    tries = ["hive nodes --watch", *(["hive sites"] if config.linked_sites() else []), look, *_asking(config)]
    lines += [Text.assemble("  ", (line, "bold")) for line in tries]
    return Group(*lines, Text())


def _asking(config: MeshConfig) -> list[str]:
    """Return a question that this mesh can answer, if it has a specialist that everybody has."""
    devices = [device for site in config.sites.values() for device in site.devices.values()]
    there = {node.specialist for device in devices for node in device.nodes}
    return [f"hive submit {ask}" for specialist, ask in _QUESTIONS.items() if specialist in there][:1]


def summary(config: MeshConfig, nodes: int, took_s: float) -> Mapping[str, object]:
    """Return the same for `--json`."""
    sites = {name: address(site.conductor) for name, site in config.sites.items()}
    return {"mesh": config.mesh, "state": "ready", "nodes": nodes, "sites": sites, "took_s": round(took_s, 2)}


def address(conductor: ConductorConfig) -> str:
    """Return where a site's tasks are taken: its gateway, or its conductor if it has none."""
    return f"http://{conductor.http.host}:{conductor.http.port}" if conductor.http else conductor.bind


def _not_yet(state: str) -> str:
    """Return the state of a node that no conductor calls ready, whatever its agent says."""
    return "joining" if state == "ready" else state


def _dot(name: str, state: str) -> Text:
    """Return a name with its dot; what is ready needs no word."""
    mark = ("   ● ", colour(state)) if state else ("   ○ ", "dim")
    said = "" if state in ("ready", "") else f" {state}"
    return Text.assemble(mark, (name, "" if state == "ready" else "dim"), (said, colour(state)))
