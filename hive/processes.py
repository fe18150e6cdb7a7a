"""Every process of the meshes on this machine, from the status files that agents and conductors write."""

from __future__ import annotations

from pathlib import Path

import psutil

from hive.local import running_mesh
from hive.state_dir import home, read_json

Row = dict[str, object]


def mesh_processes(*, include_stopped: bool = False) -> list[Row]:
    """Return role, name, site, pid and state of each process, conductors first; `state` is gone for a dead pid."""
    rows: list[Row] = []
    for folder in sorted(home().glob("*")):
        if folder.is_dir() and (include_stopped or running_mesh(folder) is not None or _alive_files(folder)):
            rows += processes_in(folder)
    return rows


def processes_in(folder: Path) -> list[Row]:
    """Return the processes that the status files of one mesh name."""
    rows: list[Row] = []
    for path in [
        *sorted((folder / "conductors").glob("*.json")),
        *sorted((folder / "agents").glob("*.json")),
    ]:
        rows += [_row(folder.name, entry) for entry in _entries(read_json(path))]
    return rows


def _entries(document: object) -> list[Row]:
    """Return the processes in a status file: a list of them, or an agent with its nodes."""
    if isinstance(document, list):
        return [entry for entry in document if isinstance(entry, dict)]
    if not isinstance(document, dict):
        return []
    nodes = document.get("nodes") or []
    site = document.get("site", "")
    return [
        document,
        *({"role": "node", "name": n.get("id", ""), "site": site, **n} for n in nodes if isinstance(n, dict)),
    ]


def _row(mesh: str, entry: Row) -> Row:
    pid = entry.get("pid")
    number = pid if isinstance(pid, int) else 0
    memory = _memory(number)
    state = str(entry.get("state", ""))
    return {
        "mesh": mesh,
        "role": str(entry.get("role", "")),
        "name": str(entry.get("name", "")),
        "site": str(entry.get("site", "")),
        "pid": number,
        "state": state if memory or not number else "gone",
        "memory": memory or "-",
    }


def _memory(pid: int) -> str:
    """Return the resident memory of a live process for people, empty if it is gone."""
    if not pid:
        return ""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return f"{process.memory_info().rss / 2**20:.0f} MB"
    except psutil.Error:
        return ""


def _alive_files(folder: Path) -> bool:
    """Say whether a conductor or an agent runs there without `hive up` having started it."""
    return any(row["state"] not in ("gone", "stopped") and row["pid"] for row in processes_in(folder))
