"""What `hive up` does: check, start the supervisor, show how the mesh comes up, say when it is ready."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
from rich.live import Live
from rich.table import Table

from hive.cli.report import err
from hive.config import MeshConfig, load_config
from hive.config_source import find_source
from hive.errors import CATALOGUE, HiveError
from hive.local import lock, running_mesh, state_of
from hive.state_dir import make, read_json
from hive.supervise import die_with_parent, tail

_LOOK_S: Final = 0.1
_MARKS: Final = {"ready": "[green]●[/green]", "": "[dim]○[/dim]"}


class Starting:
    """One start of one mesh."""

    def __init__(self, config: str, *, detach: bool, timeout_s: float, quiet: bool) -> None:
        """Check everything that can be checked before a process starts, then start the supervisor.

        Raises HiveError: config_not_found, config_invalid, state_unwritable, already_running, address_in_use.
        """
        self._path = find_source(config)
        self._config = load_config(config)
        self._state = make(state_of(self._config))
        self._timeout_s = timeout_s
        self._quiet = quiet
        os.close(lock(self._state))
        _check_ports(self._config)
        self._log = make(self._state / "logs") / "supervisor.log"
        self._started_s = time.monotonic()
        with self._log.open("a", encoding="utf-8") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "hive.local", str(self._path), str(self._state)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=None if detach else die_with_parent,  # noqa: PLW1509 - one thread here
            )

    def until_ready(self) -> dict[str, object]:
        """Wait until every node of the file is ready and return where the mesh answers.

        Raises HiveError(start_failed), or what a process said, with the end of its log; everything is stopped then.
        """
        wanted = self._wanted()
        states: dict[str, str] = {}
        try:
            with Live(self._screen(wanted, states), console=err, transient=True, auto_refresh=False) as live:
                while not all(states.get(node) == "ready" for node in wanted):
                    self._check(wanted, states)
                    states = self._node_states()
                    if not self._quiet:
                        live.update(self._screen(wanted, states), refresh=True)
                    time.sleep(_LOOK_S)
        except BaseException:
            self.stop()
            raise
        took_s = time.monotonic() - self._started_s
        if not self._quiet:
            self._say_ready(len(wanted), took_s)
        sites = {
            name: _http(site.conductor) or site.conductor.bind for name, site in self._config.sites.items()
        }
        return {
            "mesh": self._config.mesh,
            "state": "ready",
            "nodes": len(wanted),
            "sites": sites,
            "took_s": round(took_s, 2),
        }

    def until_stopped(self) -> None:
        """Wait for Ctrl-C or for the supervisor's end, then stop everything."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            status = self._supervisor.wait()
        except KeyboardInterrupt:
            err.print("\nstopping …")
            self.stop()
            err.print("[bold]stopped[/bold]")
            return
        if status:
            raise HiveError("start_failed", f"The supervisor ended with status {status}:\n{tail(self._log)}")

    def stop(self) -> None:
        """Stop the supervisor and with it every process."""
        with contextlib.suppress(ProcessLookupError):
            self._supervisor.terminate()
        with contextlib.suppress(KeyboardInterrupt):
            self._supervisor.wait()

    def _wanted(self) -> dict[str, str]:
        """Return node id -> site of every node that must become ready."""
        return {
            node: site
            for site, part in self._config.sites.items()
            for device in part.devices
            for node, _ in self._config.node_ids(site, device)
        }

    def _node_states(self) -> dict[str, str]:
        states: dict[str, str] = {}
        for site in self._config.sites.values():
            url = _http(site.conductor)
            with contextlib.suppress(httpx.HTTPError, ValueError):
                rows: Any = httpx.get(f"{url}/v1/nodes", timeout=2.0).json()
                states |= {row["id"]: row["state"] for row in rows if isinstance(row, dict)}
        return states

    def _check(self, wanted: dict[str, str], states: dict[str, str]) -> None:
        """Raise if something failed for good or took too long."""
        status = self._supervisor.poll()
        if status is not None:
            raise _failed(self._log, status)
        mesh = running_mesh(self._state) or {}
        rows: Any = mesh.get("children", [])
        for row in rows:
            if row["failures"] >= 2 and not row["pid"]:  # noqa: PLR2004 - one failure may be a race at the start
                raise _failed(Path(row["log"]), None, row["name"])
        for node, trouble in _failed_nodes(self._state):
            raise HiveError("start_failed", f"{node} cannot start. {trouble}")
        if time.monotonic() - self._started_s > self._timeout_s:
            missing = sorted(node for node in wanted if states.get(node) != "ready")
            logs = "\n".join(tail(path, 3) for path in sorted((self._state / "logs").glob("device-*.log")))
            late = f"Not ready after {self._timeout_s:g} s: {', '.join(missing)}."
            detail = f"{late} Logs: {self._state / 'logs'}\n{logs}"
            raise HiveError("start_failed", detail)

    def _screen(self, wanted: dict[str, str], states: dict[str, str]) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False)
        ready = sum(states.get(node) == "ready" for node in wanted)
        table.add_row(
            "", f"[bold]{self._config.mesh}[/bold]", f"[dim]{ready} of {len(wanted)} nodes ready[/dim]"
        )
        for node, site in wanted.items():
            state = states.get(node, "")
            table.add_row(
                _MARKS.get(state, "[yellow]●[/yellow]"), node, f"[dim]{site}  {state or 'starting'}[/dim]"
            )
        return table

    def _say_ready(self, nodes: int, took_s: float) -> None:
        err.print(f"[bold green]ready[/bold green]  {self._config.mesh}: {nodes} nodes in {took_s:.1f} s")
        for name, site in self._config.sites.items():
            url = _http(site.conductor)
            err.print(
                f"  {name}  task API [link={url}/docs]{url}[/link] (pages at /docs)   wire {site.conductor.bind}"
            )
        err.print('  try   hive submit text.classify_intent "what is my balance"')
        err.print("        hive nodes        hive graph")


def _http(conductor: Any) -> str:  # noqa: ANN401 - ConductorConfig, not imported for the sake of one attribute
    return f"http://{conductor.http.host}:{conductor.http.port}" if conductor.http else ""


def _failed(log: Path, status: int | None, name: str = "the supervisor") -> HiveError:
    """Return the failure that a process wrote last, by its own code where it gave one."""
    text = tail(log)
    for line in reversed(text.splitlines()):
        code, colon, detail = line.strip().partition(": ")
        if not colon:
            code, _, detail = line.strip().partition("  ")
        if code in CATALOGUE:
            return HiveError(code, detail.strip() or CATALOGUE[code].sentence)
    ended = f"ended with status {status}" if status is not None else "ends again and again"
    return HiveError("start_failed", f"{name} {ended}. The end of {log}:\n{text}")


def _failed_nodes(state: Path) -> Iterator[tuple[str, str]]:
    """Yield the nodes that their agent has given up, with what it says of each."""
    for path in sorted((state / "agents").glob("*.json")):
        agent = read_json(path)
        nodes: Any = agent.get("nodes", []) if isinstance(agent, dict) else []
        for node in nodes:
            if node.get("state") == "failed":
                yield node["id"], str(node.get("trouble", ""))


def _check_ports(config: MeshConfig) -> None:
    """Raise HiveError(address_in_use) naming the port and, where it can be seen, the process that has it."""
    import socket  # noqa: PLC0415 - only here

    for site, part in config.sites.items():
        host, _, port = part.conductor.bind.removeprefix("tcp://").rpartition(":")
        places = [(host.strip("[]"), int(port), "bind")]
        if part.conductor.http is not None:
            places.append((part.conductor.http.host, part.conductor.http.port, "http.port"))
        for at, number, key in places:
            family = socket.AF_INET6 if ":" in at else socket.AF_INET
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((at, number))
                except OSError as error:
                    detail = (
                        f"Port {number} of {at} is taken{_owner(number)}: {error.strerror}. Stop that, or "
                    )
                    advice = f"write another port at sites.{site}.conductor.{key}."
                    raise HiveError("address_in_use", detail + advice) from None


def _owner(port: int) -> str:
    import psutil  # noqa: PLC0415

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if (
                connection.laddr
                and connection.laddr.port == port
                and connection.status == "LISTEN"
                and connection.pid
            ):
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
