"""The agent of a device: one process that starts, watches and restarts the device's workers, and advertises them.

`python -m specialists.agent SPEC_FD` reads its spec from that descriptor; `hive node run` and `hive device run` become
this process, so that the weight of the command line does not stay in memory. It loads no inference runtime.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from hive.clock import SystemClock
from hive.discovery.base import Discovery
from hive.errors import HiveError
from specialists.agent_directory import Directory
from specialists.agent_loop import Agent, Teller
from specialists.agent_spec import AgentSpec, parse_agent_spec
from specialists.agent_state import StateFile
from specialists.core.supervise import SuperviseTuning, Supervisor
from specialists.signals import Signals


def tell_on_stderr(level: str, node: str, sentence: str) -> None:
    """Write one line for people: time, level, node, sentence; in colour on a terminal."""
    colour = {"error": "31", "warning": "33"}.get(level, "2")
    mark = f"\x1b[{colour}m{level:7}\x1b[0m" if sys.stderr.isatty() else f"{level:7}"
    who = f"{node}: " if node else ""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {mark} {who}{sentence}\n")
    sys.stderr.flush()


def run_agent(spec: AgentSpec, tell: Teller = tell_on_stderr) -> int:
    """Run an agent in this process; return its exit status. Raises HiveError as `StateFile` does."""
    state = StateFile(Path(spec.state_dir), spec.site, spec.name)
    tuning = SuperviseTuning(silence_us=int(spec.silence_s * 1e6))
    discovery = _discovery(spec, tell) if spec.mdns else None
    return Agent(
        spec,
        Directory(spec.site, discovery, listed=spec.conductors, fallbacks=spec.fallbacks),
        Supervisor([node.id for node in spec.nodes], random.Random(), tuning),
        state=state,
        signals=Signals(signal.SIGTERM, signal.SIGINT),
        clock=SystemClock(),
        tell=tell,
    ).run()


def _discovery(spec: AgentSpec, tell: Teller) -> Discovery | None:
    """Return mDNS discovery, or None where there is no multicast: the configured endpoints still work."""
    # Imported here: without mDNS the agent is 12 MB smaller.
    from hive.discovery.mdns import MdnsDiscovery  # noqa: PLC0415

    try:
        return MdnsDiscovery(spec.mesh, browse=("conductor",))
    except HiveError as error:
        tell("warning", "", error.detail)
        return None


def main(arguments: list[str]) -> int:
    """Run the agent whose spec is in the descriptor that the first argument names; return its exit status."""
    try:
        return run_agent(_read_spec(arguments))
    except HiveError as error:
        tell_on_stderr("error", "", f"{error.code}: {error.detail}")
        return error.kind.exit_status


def _read_spec(arguments: list[str]) -> AgentSpec:
    try:
        with os.fdopen(int(arguments[0]), encoding="utf-8") as file:
            return parse_agent_spec(file.read())
    except (IndexError, ValueError, OSError) as error:
        detail = "The agent's spec is missing. Start it with `hive node run` or `hive device run`."
        raise HiveError("bad_request", detail) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
