"""What `hive up` does: check, start the supervisor, show how the mesh comes up, say when it is ready, stay."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from rich.console import Group, RenderableType
from rich.live import Live

from hive.cli.interrupts import Interrupts
from hive.cli.looking import Look, look_around
from hive.cli.preflight import check_ports
from hive.cli.progress import ready_screen, starting_screen, summary
from hive.cli.report import err
from hive.cli.stopping import clear
from hive.cli.views import nodes_screen
from hive.config import MeshConfig, find_source, load_config
from hive.errors import CATALOGUE, HiveError
from hive.local import lock, running_mesh, state_of
from hive.netns import make_spaces, remove_spaces
from hive.processes import processes_in
from hive.state_dir import make, read_json
from hive.supervise import die_with_parent, tail

_LOOK_S: Final = 0.15
_WATCH_S: Final = 0.5
_HOPELESS: Final = 2
"""Failures after which a process that does not run counts as unable to start; one may be a race at the start."""

_LINKS_S: Final = 5.0
"""How long links are waited for once every node is ready."""
_REFUSED: Final = "The conductor refuses this node: "
_FOR_GOOD: Final = frozenset({"claim_refused", "mesh_mismatch", "unauthenticated", "version_unsupported"})
"""Refusals that no further try changes: the file's own policy decides."""


class Starting:
    """One start of one mesh."""

    def __init__(
        self, config: str, *, detach: bool, timeout_s: float, quiet: bool, netns: bool = False
    ) -> None:
        """Check everything that can be checked before a process starts, then start the supervisor.

        Raises HiveError: config_not_found, config_invalid, state_unwritable, already_running, address_in_use,
        start_failed (netns: what it needs is missing).
        """
        path = find_source(config)
        self._config = load_config(config)
        self._state = make(state_of(self._config))
        self._timeout_s = timeout_s
        self._quiet = quiet
        self._wanted = wanted_nodes(self._config)
        os.close(lock(self._state))
        clear(self._state)
        if netns:
            path = make_spaces(path, self._state)
            self._config = load_config(path)
        else:
            check_ports(self._config)
        self._interrupts = Interrupts()
        self._unlinked: set[tuple[str, str]] = set()
        self._links_since_s = 0.0
        self._log = make(self._state / "logs") / "supervisor.log"
        self._started_s = time.monotonic()
        with self._log.open("a", encoding="utf-8") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-m", "hive.local", str(path), str(self._state)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=None if detach else die_with_parent,  # noqa: PLW1509 - one thread here
            )

    def until_ready(self) -> Mapping[str, object]:
        """Wait until every node of the file is ready and return where the mesh answers.

        Raises HiveError(start_failed), or what a process said, with the end of its log; everything is stopped then.
        """
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        took_s = time.monotonic() - self._started_s
        if not self._quiet:
            err.print(ready_screen(self._config, len(self._wanted), took_s, sorted(self._unlinked)))
        return summary(self._config, len(self._wanted), took_s)

    def _wait(self) -> None:
        with self._live(self._screen(set())) as live:
            while True:
                look = look_around(self._config, self._state)
                if self._wanted <= look.ready and not look.silent and self._linked(look):
                    return
                self._check(look.ready)
                live.update(self._screen(look.ready), refresh=not self._quiet)
                self._interrupts.pause(_LOOK_S)

    def _linked(self, look: Look) -> bool:
        """Say whether the sites can ask each other, or were waited for long enough: sites run on alone."""
        self._unlinked = self._config.linked_sites() - look.linked
        if not self._unlinked:
            return True
        self._links_since_s = self._links_since_s or time.monotonic()
        return time.monotonic() - self._links_since_s > _LINKS_S

    def until_stopped(self) -> None:
        """Show the nodes until Ctrl-C or the supervisor's end, then stop everything."""
        try:
            if not err.is_terminal:
                self._say("Ctrl-C stops it.")
            with self._live("") as live:
                while self._supervisor.poll() is None:
                    if err.is_terminal and not self._quiet:
                        live.update(self._running(), refresh=True)
                    self._interrupts.pause(_WATCH_S)
        except KeyboardInterrupt:
            self._say("[dim]stopping: devices say goodbye, then the conductors stop …[/]")
            self.stop()
            self._say("[bold]stopped[/]")
            return
        status = self._supervisor.returncode
        if status:
            raise HiveError("start_failed", f"The supervisor ended with status {status}.\n{tail(self._log)}")
        self._say("[bold]stopped[/]")

    def stop(self) -> None:
        """Stop the supervisor and with it every process; a second Ctrl-C does not make it less orderly."""
        self._supervisor.terminate()
        self._supervisor.wait()
        remove_spaces(self._state)

    def _check(self, ready: set[str]) -> None:
        """Raise if something failed for good or took too long."""
        status = self._supervisor.poll()
        if status is not None:
            raise said_last(self._log, f"The supervisor ended with status {status}.")
        children: Any = (running_mesh(self._state) or {}).get("children", [])
        for child in children:
            if child["failures"] >= _HOPELESS and not child["pid"]:
                raise said_last(Path(child["log"]), f"{child['name']} ends again and again.")
        for node, trouble in hopeless_nodes(self._state):
            code, _, detail = trouble.partition(": ")
            if code not in CATALOGUE:
                code, detail = "start_failed", trouble
            sentence = detail[:1].upper() + detail[1:]
            raise HiveError(code, f"{node} cannot start. {sentence}".rstrip(), node=node)
        if time.monotonic() - self._started_s > self._timeout_s:
            self._too_late(ready)

    def _too_late(self, ready: set[str]) -> NoReturn:
        """Say which nodes are missing, and what their agents say of them; without any, where nobody answers."""
        logs = self._state / "logs"
        missing = sorted(self._wanted - ready)
        said = {row.name: row.state for row in processes_in(self._state)}
        names = ", ".join(f"{node} ({said.get(node, 'no agent')})" for node in missing)
        devices = {node.partition("/")[0] for node in missing}
        ends = "\n".join(
            tail(path, 3) for d in sorted(devices) for path in sorted(logs.glob(f"device-*-{d}.log"))
        )
        names = names or "no conductor answers"
        late = f"Not ready after {self._timeout_s:g} s: {names}. The logs are in {logs}."
        raise HiveError("start_failed", f"{late}\n{ends}".rstrip(), missing=missing)

    def _live(self, screen: RenderableType) -> Live:
        return Live("" if self._quiet else screen, console=err, transient=True, auto_refresh=False)

    def _screen(self, ready: set[str]) -> RenderableType:
        passed_s = time.monotonic() - self._started_s
        return starting_screen(self._config, processes_in(self._state), ready, passed_s)

    def _running(self) -> RenderableType:
        look = look_around(self._config, self._state)
        screen = self._screen(look.ready) if look.closed else nodes_screen(look.rows)
        return Group(screen, "", "[dim]Ctrl-C stops it.[/]")

    def _say(self, text: str) -> None:
        if not self._quiet:
            err.print(text)


def wanted_nodes(config: MeshConfig) -> set[str]:
    """Return the ids of all nodes that the file names."""
    places = [(site, device) for site, part in config.sites.items() for device in part.devices]
    return {node for site, device in places for node, _ in config.node_ids(site, device)}


def hopeless_nodes(state: Path) -> Iterator[tuple[str, str]]:
    """Yield the nodes that their agent has given up or their conductor refuses for good, with what is said of each."""
    for path in sorted((state / "agents").glob("*.json")):
        agent = read_json(path)
        nodes: Any = agent.get("nodes", []) if isinstance(agent, dict) else []
        for node in nodes:
            refused = str(node.get("trouble", "")).partition(_REFUSED)[2]
            if refused.partition(":")[0] in _FOR_GOOD:
                yield node["id"], refused
            elif node.get("state") == "failed":
                logs = sorted((state / "logs").glob(f"device-*-{str(node['id']).partition('/')[0]}.log"))
                told = [line for log in logs for line in tail(log).splitlines() if f"{node['id']}: " in line]
                last = told[-1].partition(f"{node['id']}: ")[2] if told else ""
                yield node["id"], str(node.get("trouble") or last)


def said_last(log: Path, otherwise: str) -> HiveError:
    """Return the failure that a process wrote last, by its own code where it gave one."""
    text = tail(log)
    for line in reversed(text.splitlines()):
        for mark in (": ", "  "):
            code, _, detail = line.strip().partition(mark)
            if code in CATALOGUE:
                return HiveError(code, detail.strip() or CATALOGUE[code].sentence)
    return HiveError("start_failed", f"{otherwise} The end of {log}:\n{text}")
