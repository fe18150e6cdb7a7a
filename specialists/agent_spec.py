"""What an agent is told to run: one device's nodes. The command line writes it, the agent's process reads it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from hive.errors import HiveError


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node of the device: its id (`<device>/<specialist>`), its specialist, its credit and what it may take.

    `memory_mb` 0 leaves that to the specialist's manifest; `nice` is as for nice(1), 0 to 19.
    """

    id: str
    specialist: str
    credit: int = 8
    memory_mb: int = 0
    nice: int = 0


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One agent. `name` is unique within its site; `conductors` are static endpoints, tried before found ones.

    With `mdns` the agent looks for its site's conductor and advertises its nodes; `fallbacks` are endpoints to try
    while it finds none. `state_dir` is the mesh's state folder, in which the agent keeps
    `agents/<site>.<name>.json`. `silence_s` is how long a worker may say nothing, beyond the bound that it
    announced, before it counts as wedged and is killed.
    """

    name: str
    mesh: str
    site: str
    nodes: tuple[NodeSpec, ...]
    conductors: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    mdns: bool = True
    state_dir: str = ""
    token: str = ""
    silence_s: float = 3.0

    def as_json(self) -> str:
        """Return the spec as JSON."""
        return json.dumps(asdict(self))


def parse_agent_spec(text: str) -> AgentSpec:
    """Return the spec in a JSON text of `as_json`; raise HiveError(bad_request) if it is none."""
    try:
        raw = json.loads(text)
        return replace(
            AgentSpec(**raw),
            nodes=tuple(NodeSpec(**node) for node in raw["nodes"]),
            conductors=tuple(raw["conductors"]),
            fallbacks=tuple(raw["fallbacks"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise HiveError("bad_request", f"The agent's spec is malformed: {error}.") from error
