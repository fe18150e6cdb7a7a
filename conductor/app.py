"""One conductor: its dispatcher and its control process, started, watched and restarted."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from conductor.dispatcher.spec import DispatcherSpec, settings_of
from conductor.store.address import address_of
from hive.config import ConductorConfig, LinkConfig, MeshConfig
from hive.errors import CATALOGUE, HiveError
from hive.state_dir import make, write_json
from hive.supervise import Child
from hive.wire.auth import check_bind

_LOOK_S: Final = 0.05
_STOP_S: Final = 8.0
_QUICK_FAILURES: Final = 5
_TRIES_TAKEN: Final = 2
_IPC_PATH_MAX: Final = 100
_HOPELESS: Final = frozenset({"config_invalid", "extra_missing", "state_unwritable", "store_newer"})
"""What another start would only say again."""
_TAKEN: Final = frozenset({"address_in_use", "store_in_use"})
"""What a process that is about to end may still have; another start sees whether it does."""


class ConductorApp:
    """Supervises the two processes of a site and says in a status file how they are."""

    def __init__(
        self,
        config: MeshConfig,
        config_path: Path,
        site: str,
        state: Path,
        link_via: Mapping[str, str] | None = None,
    ) -> None:
        """Check what can be checked before anything starts. `link_via` are other addresses of linked sites.

        Raises HiveError: config_invalid (tuning, the store's URL), bad_request (link_via), insecure_bind,
        state_unwritable, already_running.
        """
        conductor = config.sites[site].conductor
        self._via = dict(link_via or {})
        _check_via(self._via, site, conductor)
        self._tuning = cast("Mapping[str, float]", conductor.tuning)
        settings_of(self._tuning)
        check_bind(conductor.bind, insecure=conductor.insecure)
        self._config, self._config_path = config, config_path
        self._site = site
        self._conductor: ConductorConfig = conductor
        self._any_port = conductor.bind.endswith(":0")  # control advertises the one that it came to
        self._store = address_of(os.environ.get("HIVE_STORE_URL") or conductor.store.url, state, site)
        self._private = f"ipc://{private_socket(state, config.mesh, site)}"
        self._status_file = make(state / "conductors") / f"{site}.json"
        self._lock = _only_one(self._status_file.with_suffix(".lock"), site)
        self._logs = make(state / "logs")
        self._dispatcher = self._child("dispatcher", "conductor.dispatcher", self._dispatcher_spec(state))
        self._control: Child | None = None
        self._states: dict[str, str] = {"dispatcher": "starting", "control": "starting"}
        self._said: dict[str, dict[str, object]] = {}
        self._stop = False
        self._reload = False
        self._written: object = None

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; return 0, or raise what a process said when it fails again and again."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)
        # A terminal that closes sends SIGHUP too, and whoever ran this there wants it to end.
        signal.signal(signal.SIGHUP, self._asked_to_stop if os.isatty(0) else self._asked_to_reload)
        try:
            self._dispatcher.start(time.monotonic())
            while not self._stop:
                self._look()
                time.sleep(_LOOK_S)
        finally:
            self._end()
        return os.EX_OK

    def _look(self) -> None:
        self._watch("dispatcher", self._dispatcher)
        if self._control is None and (self._states["dispatcher"] == "ready" or not self._any_port):
            self._control = self._child("control", "conductor.control", self._control_spec())
            self._control.start(time.monotonic())
        if self._control is not None:
            self._watch("control", self._control)
            self._pass_on_reload()
        self._write()

    def _watch(self, role: str, child: Child) -> None:
        status = child.look(time.monotonic())
        self._hear(role, child)
        if status is None:
            return
        self._states[role] = "restarting"
        said = self._said.pop(role, {})
        if said.get("state") != "failed":
            sys.stderr.write(f"The {role} of {self._site} ended with status {status}; starting it again.\n")
        elif said["code"] == "store_unavailable":
            # A database comes back, and nothing can go on without it.
            sys.stderr.write(f"{said['detail']} Trying again.\n")
        elif child.failures >= _tries(str(said["code"])):
            raise HiveError(str(said["code"]), str(said["detail"]))

    def _hear(self, role: str, child: Child) -> None:
        """Read what the process says of itself, one JSON line at a time."""
        if child.output is None:
            return
        with contextlib.suppress(OSError, ValueError):
            os.set_blocking(child.output.fileno(), False)
            while line := child.output.readline():
                said = json.loads(line)
                if said.get("code") in CATALOGUE or said.get("state") == "ready":
                    self._said[role] = said
                    if said.get("state") == "ready":
                        child.works()
                    self._states[role] = str(said["state"])

    def _end(self) -> None:
        for child in (self._control, self._dispatcher):
            if child is not None:
                child.ask_to_stop()
        end = time.monotonic() + _STOP_S
        for child in (self._control, self._dispatcher):
            if child is not None:
                child.wait_stopped(end - time.monotonic())
        with contextlib.suppress(FileNotFoundError):
            self._status_file.unlink()

    def _asked_to_stop(self, *_: object) -> None:
        self._stop = True

    def _asked_to_reload(self, *_: object) -> None:
        self._reload = True

    def _pass_on_reload(self) -> None:
        """Let the control process read the policy again, once it listens for that."""
        if self._reload and self._control is not None and self._states["control"] == "ready":
            self._reload = False
            if self._control.pid:
                os.kill(self._control.pid, signal.SIGHUP)

    def _write(self) -> None:
        """Say which processes there are; the gateway runs inside the control process."""
        rows = [self._row("dispatcher", self._dispatcher)]
        if self._control is not None:
            rows.append(self._row("control", self._control))
            if self._conductor.http is not None:
                rows.append({**rows[-1], "role": "gateway"})
        if rows != self._written:
            write_json(self._status_file, rows)
            self._written = rows

    def _row(self, role: str, child: Child) -> dict[str, object]:
        return {
            "role": role,
            "name": self._site,
            "site": self._site,
            "pid": child.pid,
            "state": self._states[role],
        }

    def _child(self, role: str, module: str, spec: str) -> Child:
        command = [sys.executable, "-m", module, spec]
        # A password goes where libpq looks for it, and where no list of processes shows it.
        secret = {"PGPASSWORD": self._store.password} if self._store.password else {}
        log = self._logs / f"{role}-{self._site}.log"
        return Child(role, command, log, stdout=subprocess.PIPE, environment=secret)

    def _dispatcher_spec(self, state: Path) -> str:
        spec = DispatcherSpec(
            mesh=self._config.mesh,
            site=self._site,
            bind=self._conductor.bind,
            private=self._private,
            state_dir=str(make(state)),
            insecure=self._conductor.insecure,
            store=self._store.shown,
            keep=self._conductor.store.kept(),
            tokens=self._config.tokens(),
            tuning=self._tuning,
            links=[self._link_spec(link) for link in self._conductor.links()],
        )
        return json.dumps(dataclasses.asdict(spec))

    def _link_spec(self, link: LinkConfig) -> dict[str, object]:
        return {
            "site": link.site,
            "endpoint": self._via.get(link.site) or self._config.link_endpoint(link),
            "upstream": link is self._conductor.upstream,
            "token_env": link.token_env,
        }

    def _control_spec(self) -> str:
        endpoint = str(self._said.get("dispatcher", {}).get("endpoint", self._conductor.bind))
        spec = {
            "config": str(self._config_path),
            "site": self._site,
            "private": self._private,
            "endpoint": endpoint,
        }
        return json.dumps(spec)


def _only_one(path: Path, site: str) -> int:
    """Lock a file until this process ends, so that a second conductor leaves the first one's status file alone.

    Raises HiveError: already_running, state_unwritable.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HiveError("state_unwritable", f"{path}: {error.strerror}. Make it writable.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        detail = (
            f"A conductor of {site!r} runs already with the state in {path.parent.parent}. Stop it first."
        )
        raise HiveError("already_running", detail) from None
    return handle


def _tries(code: str) -> int:
    """Return how many starts that failed in this way are enough."""
    if code in _HOPELESS:
        return 1
    return _TRIES_TAKEN if code in _TAKEN else _QUICK_FAILURES


def _check_via(via: Mapping[str, str], site: str, conductor: ConductorConfig) -> None:
    """Raise HiveError(bad_request) for another address of a site that this one does not dial, or for none."""
    dialled = [link.site for link in conductor.links()]
    for name, endpoint in via.items():
        if name not in dialled:
            known = f"it dials {', '.join(dialled)}" if dialled else "it dials nobody"
            raise HiveError("bad_request", f"--link-via {name}=…: {site!r} has no link to {name!r}; {known}.")
        if not endpoint.startswith("tcp://"):
            raise HiveError("bad_request", f"--link-via {name}={endpoint}: write SITE=tcp://HOST:PORT.")


def private_socket(state: Path, mesh: str, site: str) -> Path:
    """Return the path of the private socket, in a directory that only its owner may enter.

    A socket's path is limited to 107 bytes by the kernel, so a long state directory is left for the temporary one.
    """
    path = make(state / "run") / f"{site}.sock"
    if len(str(path).encode()) <= _IPC_PATH_MAX:
        return path
    folder = Path(tempfile.gettempdir()) / f"hive-{os.getuid()}-{mesh}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise HiveError(
            "state_unwritable", f"{folder} belongs to somebody else; set HIVE_HOME to a shorter path."
        )
    return folder / f"{site}.sock"
