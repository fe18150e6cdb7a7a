"""What `hive down` does: ask the supervisor to stop, and clear up after one that was killed."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from hive.errors import HiveError
from hive.local import MESH_FILE, running_mesh
from hive.netns import NETNS_FILE, remove_spaces
from hive.processes import lives, our_process, processes_in
from hive.state_dir import home, read_json

_SUPERVISOR_S: Final = 40.0
_LEFTOVER_S: Final = 8.0
_LOOK_S: Final = 0.02


def stop_mesh(name: str | None) -> list[dict[str, object]]:
    """Stop a mesh and return what was stopped. Raises HiveError(not_running) or HiveError(bad_request)."""
    folders = [f for f in sorted(home().glob("*")) if f.is_dir() and _something_left(f)]
    if name is not None:
        folders = [folder for folder in folders if folder.name == name]
    if not folders:
        which = f"Mesh {name!r} is not running" if name else "No mesh is running"
        raise HiveError("not_running", f"{which} under {home()}.")
    if len(folders) > 1:
        names = ", ".join(folder.name for folder in folders)
        raise HiveError("bad_request", f"Several meshes run here; name one: {names}.")
    return [_stop(folders[0])]


def _something_left(folder: Path) -> bool:
    return bool(running_mesh(folder) or leftovers(folder) or (folder / NETNS_FILE).exists())


def _stop(folder: Path) -> dict[str, object]:
    mesh = running_mesh(folder)
    for process in leftovers(folder):
        with contextlib.suppress(psutil.Error):
            process.resume()  # one that was frozen could not hear its supervisor
    if mesh is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            supervisor = psutil.Process(int(str(mesh["pid"])))
            supervisor.resume()  # one that was frozen could not hear it
            supervisor.terminate()
            if wait_ended([supervisor], _SUPERVISOR_S):
                supervisor.kill()
    killed = _stop_leftovers(folder)
    clear(folder)
    return {"mesh": folder.name, "state": "stopped", "killed": killed}


def clear(folder: Path) -> None:
    """Remove the files of processes that are gone. Raises HiveError(already_running) if one is not."""
    alive = sorted(process.pid for process in leftovers(folder))
    if alive:
        pids = ", ".join(map(str, alive))
        detail = f"Processes of mesh {folder.name!r} run without `hive up` ({pids}). `hive down` stops them."
        raise HiveError("already_running", detail, pids=alive)
    for name in ("agents", "conductors", "links", "run"):
        shutil.rmtree(folder / name, ignore_errors=True)
    remove_spaces(folder)
    with contextlib.suppress(FileNotFoundError):
        (folder / MESH_FILE).unlink()


def _stop_leftovers(folder: Path) -> int:
    """Stop what a killed supervisor left behind; return how many had to be killed.

    What was started by hand (`hive node run`) has its state here too, and is stopped as well.
    """
    left = leftovers(folder)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.resume()  # one that was frozen could not hear it
            process.terminate()
    alive = wait_ended(left, _LEFTOVER_S)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    wait_ended(alive, _LEFTOVER_S)
    return len(alive)


def wait_ended(processes: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait until these have ended and return those that have not; one that nobody has reaped yet has ended too."""
    end = time.monotonic() + timeout_s
    alive = [process for process in processes if lives(process)]
    while alive and time.monotonic() < end:
        time.sleep(_LOOK_S)
        alive = [process for process in alive if lives(process)]
    return alive


def leftovers(folder: Path) -> list[psutil.Process]:
    """Return the live processes that status files name; never a stranger that was given a number of ours."""
    found = {row.pid: our_process(row.pid) for row in processes_in(folder) if row.pid}
    found |= {
        pid: process for pid in _children(folder) if (process := _of_this_mesh(pid, folder)) is not None
    }
    return [process for process in found.values() if process is not None]


def _children(folder: Path) -> list[int]:
    """Return the processes that a supervisor started; a conductor's own is in no other file."""
    document = read_json(folder / MESH_FILE)
    rows = document.get("children", ()) if isinstance(document, dict) else ()
    return [int(row["pid"]) for row in rows]


def _of_this_mesh(pid: int, folder: Path) -> psutil.Process | None:
    """Return one of our processes if its command line names this state directory."""
    process = our_process(pid)
    with contextlib.suppress(psutil.Error):
        if process is not None and str(folder) in process.cmdline():
            return process
    return None
