"""The processes of the meshes on this machine, from the files that agents and conductors keep, checked for life.

A file outlives a process that was killed, and its number may have gone to a stranger: each is looked at before it is
believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from hive.state_dir import home, read_json

_OURS: Final = (
    "hive",
    "hive.local",
    "conductor.dispatcher",
    "conductor.control",
    "specialists.agent",
    "specialists.worker",
    "simulation.chaos.worker",
    "simulation.links",
)
_MEBIBYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One process. `state` is what it says of itself, or `gone` or `frozen` where that is seen to be untrue."""

    mesh: str
    role: str
    name: str
    site: str
    pid: int
    state: str
    memory_mib: float = 0.0

    def as_json(self) -> dict[str, object]:
        """Return the row of `hive status --json`."""
        return {"role": self.role, "name": self.name, "site": self.site, "pid": self.pid, "state": self.state}


def mesh_processes() -> list[ProcessRow]:
    """Return the processes of every mesh that has left files in $HIVE_HOME."""
    return [row for folder in sorted(home().glob("*")) if folder.is_dir() for row in processes_in(folder)]


def processes_in(folder: Path) -> list[ProcessRow]:
    """Return the processes of the mesh whose state directory this is: conductors, agents and nodes, relays of links."""
    files = [
        path for kind in ("conductors", "agents", "links") for path in sorted(folder.glob(f"{kind}/*.json"))
    ]
    return [_checked(folder.name, row) for path in files for row in _rows(read_json(path))]


def _rows(document: object) -> Iterator[Mapping[str, object]]:
    """Yield the rows of a conductor's file (a list) or of an agent's (an object with its nodes)."""
    for row in document if isinstance(document, list) else [document]:
        if not isinstance(row, dict):
            continue
        yield row
        for node in row.get("nodes", ()):
            yield {**node, "role": "node", "name": node.get("id", ""), "site": row.get("site", "")}


def _checked(mesh: str, row: Mapping[str, object]) -> ProcessRow:
    pid = row.get("pid")
    number = pid if isinstance(pid, int) else 0
    role, name, site, state = (str(row.get(key, "")) for key in ("role", "name", "site", "state"))
    process = our_process(number)
    if process is None:
        return ProcessRow(mesh, role, name, site, 0, "gone" if number else state)
    try:
        frozen = process.status() == psutil.STATUS_STOPPED
        memory = process.memory_info().rss / _MEBIBYTE
    except psutil.Error:
        return ProcessRow(mesh, role, name, site, 0, "gone")
    return ProcessRow(mesh, role, name, site, number, "frozen" if frozen else state, memory)


def our_process(pid: int) -> psutil.Process | None:
    """Return the process if it lives and is one of Hive's by its command line; never a stranger's."""
    if pid <= 0:
        return None
    try:
        process = psutil.Process(pid)
        if not lives(process):
            return None
        words = process.cmdline()
    except psutil.Error:
        return None
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
    script = any(Path(word).name == "hive" for word in words[:2])
    return process if module in _OURS or script else None


def lives(process: psutil.Process) -> bool:
    """Say whether a process has not ended; one that has, and that its parent has not reaped, is no longer one."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
