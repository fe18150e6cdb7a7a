"""A mesh on this machine, started and stopped by the same command that a user types."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil
import yaml

from hive.errors import error_of
from hive.processes import ProcessRow, processes_in

_UP_S: Final = 90.0
_DOWN_S: Final = 60.0


class LocalMesh:
    """`hive up --detach` on enter, `hive down` on exit, in a state directory of its own."""

    def __init__(
        self,
        config: Path,
        home: Path | None = None,
        *,
        netns: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Take a mesh file; nothing runs yet. With `netns` each site gets a network namespace of its own (root).

        `environment` is added to what the processes of the mesh find in theirs.
        """
        self.config = config
        self._netns = netns
        self._stack = ExitStack()
        self._home = home
        self._more = dict(environment or {})
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Start the mesh and wait until every node is ready. Raises HiveError as `hive up` would say it."""
        home = self._home or Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="hive-")))
        self.environment = {**os.environ, **self._more, "HIVE_HOME": str(home)}
        self.environment.pop("HIVE_URL", None)
        try:
            self.start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def start(self) -> None:
        """Run `hive up --detach`."""
        self.hive("up", str(self.config), "--detach", *(["--netns"] if self._netns else []), timeout_s=_UP_S)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, whatever happened."""
        try:
            self.hive("down", timeout_s=_DOWN_S)
        finally:
            self._stack.close()

    def folder(self, mesh: str) -> Path:
        """Return the state directory of a mesh that was started here."""
        return Path(self.environment["HIVE_HOME"]) / mesh

    def _status(self) -> list[ProcessRow]:
        """Return what `hive status` lists."""
        home = Path(self.environment["HIVE_HOME"])
        return [row for folder in sorted(home.iterdir()) if folder.is_dir() for row in processes_in(folder)]

    def hive(self, *arguments: str, timeout_s: float = 30.0) -> Any:  # noqa: ANN401 - JSON
        """Run `hive ARGUMENTS --json` and return what it prints; raise the HiveError that it reports."""
        done = subprocess.run(
            [sys.executable, "-m", "hive", *arguments, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        said = _json_or_none(done.stdout)
        if done.returncode:
            problem = said if isinstance(said, dict) else {}
            detail = str(
                problem.get("detail")
                or done.stderr.strip()
                or f"hive {arguments[0]} exited {done.returncode}"
            )
            raise error_of(str(problem.get("code", "start_failed")), detail)
        return said

    def rows(self, role: str) -> list[ProcessRow]:
        """Return the processes of one role that live."""
        return [row for row in self._status() if row.role == role and row.pid]

    def processes(self) -> list[psutil.Process]:
        """Return the live processes of the mesh."""
        pids = {row.pid for row in self._status() if row.pid}
        return [psutil.Process(pid) for pid in sorted(pids) if psutil.pid_exists(pid)]


def free_ports(count: int) -> list[int]:
    """Return TCP ports of the loopback interface that were free just now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def moved_to_free_ports(config: Path, folder: Path) -> tuple[Path, dict[str, tuple[int, int]]]:
    """Write a copy of a mesh file that uses free ports, and return it with (wire, HTTP) ports by site.

    Demo, benchmarks and tests use it so that they run beside a mesh that is already up.
    """
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    ports: dict[str, tuple[int, int]] = {}
    for name, site in document["sites"].items():
        conductor = site.setdefault("conductor", {})
        wire, http = free_ports(2)
        conductor["bind"] = f"tcp://127.0.0.1:{wire}"
        conductor["http"] = {**(conductor.get("http") or {}), "host": "127.0.0.1", "port": http}
        ports[name] = (wire, http)
        for link in (conductor.get("upstream"), *conductor.get("peers", ())):
            if link is not None and link["site"] in document["sites"]:
                link.pop("endpoint", None)  # that site has moved too
    document["mesh"] = f"{document['mesh']}-{os.getpid()}"
    target = folder / config.name
    target.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return target, ports


def _json_or_none(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
