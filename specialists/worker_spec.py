"""What an agent tells a worker to be; a line of JSON on the worker's standard input."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields

from hive.errors import HiveError


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One node: its id in the mesh, the specialist that it hosts, and where to find its conductor.

    `specialist` is a bundled specialist's name or a directory. `endpoints` may be empty: the agent sends
    `{"endpoints": [...]}` when discovery finds a conductor. `credit` is how many works it takes at once,
    `memory_mb` the most that the worker may take of the device's memory (0: what the manifest says).
    """

    node: str
    mesh: str
    site: str
    specialist: str
    endpoints: tuple[str, ...] = ()
    credit: int = 8
    memory_mb: int = 0
    token: str = ""
    agent_pid: int = 0

    def as_line(self) -> bytes:
        """Return the spec as one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"


def parse_worker_spec(line: bytes) -> WorkerSpec:
    """Return the spec in a line of JSON; raise HiveError(bad_request) if it is none."""
    try:
        raw = json.loads(line)
        known = {field.name for field in fields(WorkerSpec)}
        return WorkerSpec(**{key: value for key, value in raw.items() if key in known} | _endpoints(raw))
    except (ValueError, TypeError, AttributeError) as error:
        raise HiveError(
            "bad_request", f"The worker's standard input must begin with its spec: {error}."
        ) from error


def endpoints_line(endpoints: tuple[str, ...]) -> bytes:
    """Return the line that tells a running worker where conductors are said to be."""
    return json.dumps({"endpoints": endpoints}).encode() + b"\n"


def parse_endpoints(line: bytes) -> tuple[str, ...] | None:
    """Return the endpoints in a later line, or None if it says something else: a newer agent may say more."""
    try:
        return _endpoints(json.loads(line)).get("endpoints")
    except (ValueError, TypeError, AttributeError):
        return None


def _endpoints(raw: dict[str, object]) -> dict[str, tuple[str, ...]]:
    found = raw.get("endpoints")
    if not isinstance(found, list):
        return {}
    return {"endpoints": tuple(item for item in found if isinstance(item, str))}
