"""The local mesh: one supervisor process that starts everything in a mesh file on this machine and keeps it running.

`python -m hive.local CONFIG STATE_DIR` is that process. `hive up` starts it and watches; `hive down` stops it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from hive.config import MeshConfig, load_config
from hive.errors import HiveError
from hive.netns import inside, read_spaces, remove_spaces
from hive.processes import lives
from hive.state_dir import make, mesh_dir, read_json, write_json
from hive.supervise import Child

_LOOK_S: Final = 0.1
_STOP_S: Final = 15.0
MESH_FILE: Final = "mesh.json"
LOCK_FILE: Final = "mesh.lock"


class Children(NamedTuple):
    """The processes that a mesh on this machine consists of, not started yet."""

    relays: list[Child]
    conductors: list[Child]
    devices: list[Child]


def children(config: MeshConfig, config_path: Path, state: Path) -> Children:
    """Return the processes of a mesh: a relay for each link, so that it can be played with, conductors and agents."""
    logs = make(state / "logs")
    spaces = read_spaces(state)
    relays, conductors, devices = [], [], []
    for site, part in config.sites.items():
        python = [*inside(spaces, site), sys.executable, "-m"]
        hive = [*python, "hive"]
        where = ["--site", site, "--state", str(state)]
        command = [*hive, "conductor", "run", str(config_path), *where]
        for link in part.conductor.links():
            via = f"tcp://127.0.0.1:{_free_port()}"
            name = f"link-{site}--{link.site}"
            relay = [
                *python,
                "simulation.links",
                str(make(state / "links")),
                site,
                link.site,
                via,
            ]
            relays.append(Child(name, [*relay, config.link_endpoint(link)], logs / f"{name}.log"))
            command += ["--link-via", f"{link.site}={via}"]
        conductors.append(Child(f"conductor-{site}", command, logs / f"conductor-{site}.log"))
        for device in part.devices:
            command = [*hive, "device", "run", str(config_path), "--device", device, *where]
            devices.append(Child(f"device-{device}", command, logs / f"device-{site}-{device}.log"))
    return Children(relays, conductors, devices)


def _free_port() -> int:
    """Return a port of the loopback interface that nobody has just now; the kernel gives out others first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Supervisor:
    """Starts conductors, then devices; restarts what dies; stops devices first, so that they can say goodbye."""

    def __init__(self, config: MeshConfig, config_path: Path, state: Path) -> None:
        """Prepare; nothing runs yet."""
        self._config = config
        self._config_path = config_path
        self._state = state
        self._relays, self._conductors, self._devices = children(config, config_path, state)
        self._stop = False
        self._written: object = None

    def run(self) -> None:
        """Run until SIGTERM or SIGINT, then stop everything."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        try:
            for child in self._all():
                child.start(time.monotonic())
            while not self._stop:
                for child in self._all():
                    child.look(time.monotonic())
                self._write("running")
                time.sleep(_LOOK_S)
        finally:
            self._write("stopping")
            self._stop_all(self._devices)
            self._stop_all(self._conductors)
            self._stop_all(self._relays)
            with contextlib.suppress(HiveError, OSError):  # `hive down` tries again
                remove_spaces(self._state)
            with contextlib.suppress(FileNotFoundError):
                (self._state / MESH_FILE).unlink()

    def _asked_to_stop(self, *_: object) -> None:
        self._stop = True

    def _all(self) -> tuple[Child, ...]:
        return (*self._relays, *self._conductors, *self._devices)

    def _stop_all(self, children: Sequence[Child]) -> None:
        for child in children:
            child.ask_to_stop()
        end = time.monotonic() + _STOP_S
        for child in children:
            child.wait_stopped(end - time.monotonic())

    def _write(self, state: str) -> None:
        """Say what runs; only when it changed, so that an idle mesh does not write."""
        rows = [
            {"name": c.name, "pid": c.pid, "restarts": c.restarts, "failures": c.failures, "log": str(c.log)}
            for c in self._all()
        ]
        document = {
            "mesh": self._config.mesh,
            "config": str(self._config_path),
            "pid": os.getpid(),
            "started": psutil.Process().create_time(),
            "state": state,
            "sites": {
                name: {
                    "bind": site.conductor.bind,
                    "http": f"http://{site.conductor.http.host}:{site.conductor.http.port}"
                    if site.conductor.http
                    else "",
                }
                for name, site in self._config.sites.items()
            },
            "children": rows,
        }
        if document != self._written and write_json(self._state / MESH_FILE, document):
            self._written = document


def lock(state: Path) -> int:
    """Take the lock of a state directory until this process ends. Raises HiveError(already_running)."""
    handle = os.open(state / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        running = running_mesh(state)
        who = f" (process {running['pid']})" if running else ""
        detail = f"Mesh {state.name!r} is already running{who}. `hive down` stops it, `hive status` shows it."
        raise HiveError("already_running", detail) from None
    return handle


def running_mesh(state: Path) -> dict[str, object] | None:
    """Return mesh.json if the process that wrote it is the one that still runs, else None."""
    document = read_json(state / MESH_FILE)
    if not isinstance(document, dict):
        return None
    try:
        process = psutil.Process(int(document["pid"]))
        same = abs(process.create_time() - float(document["started"])) < 1.0
    except (psutil.Error, KeyError, ValueError, TypeError):
        return None
    return document if same and lives(process) else None


def main(argv: list[str]) -> int:
    """Run the supervisor; return an exit status of the catalogue. Its output is the supervisor's log."""
    try:
        config_path, state = Path(argv[1]), Path(argv[2])
        config = load_config(config_path)
        make(state)
        handle = lock(state)
        Supervisor(config, config_path, state).run()
        os.close(handle)
    except HiveError as error:
        sys.stderr.write(f"{error.code}: {error.detail}\n")
        return error.kind.exit_status
    return 0


def state_of(config: MeshConfig) -> Path:
    """Return the state directory of a mesh."""
    return mesh_dir(config.mesh)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
