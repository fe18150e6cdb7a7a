"""Faults that last: what has to be looked after while they do, and how each is ended."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Final, Protocol

import psutil

from hive.errors import HiveError
from simulation.chaos.packets import Drops, Rule, rules_of_node
from simulation.links.fate import PLAIN, Fate
from simulation.links.wishes import Link, link_between, links_in, wish

_LOOK_S: Final = 0.2
_RUN_S, _STILL_S = 0.025, 0.075


class Active(Protocol):
    """A fault that is going on."""

    def look(self, now_s: float) -> None:
        """Do what has to be done again and again; called often."""
        ...

    def end(self) -> None:
        """Heal. Never raises: what was struck may be gone."""
        ...


def send(process: psutil.Process, number: int) -> None:
    """Send a signal; a process that is gone, or whose number a stranger has now, takes none."""
    with contextlib.suppress(psutil.Error):
        process.send_signal(number)


class Stopped:
    """A process that stands still."""

    def __init__(self, process: psutil.Process) -> None:
        """Stop it."""
        self._process = process
        send(process, signal.SIGSTOP)

    def look(self, now_s: float) -> None:
        """Nothing."""

    def end(self) -> None:
        """Let it go on."""
        send(self._process, signal.SIGCONT)


class Slowed:
    """A process that runs 25 ms of every 100."""

    def __init__(self, process: psutil.Process) -> None:
        """Slow it down from the first `look` on."""
        self._process = process
        self._runs = True
        self._until_s = 0.0

    def look(self, now_s: float) -> None:
        """Stop it, or let it run, when it is time."""
        if now_s >= self._until_s:
            self._runs = not self._runs
            self._until_s = now_s + (_RUN_S if self._runs else _STILL_S)
            send(self._process, signal.SIGCONT if self._runs else signal.SIGSTOP)

    def end(self) -> None:
        """Let it run."""
        send(self._process, signal.SIGCONT)


class NodeCut:
    """A node and its conductor that do not hear each other, in both directions or one."""

    def __init__(self, pid: int, port: int, space: str, way: str) -> None:
        """Cut from the first `look` on."""
        self._pid, self._port, self._way = pid, port, way
        self._drops = Drops(space)
        self._look_s = 0.0

    def look(self, now_s: float) -> None:
        """Cut the connections that were made since."""
        if now_s >= self._look_s:
            self._look_s = now_s + _LOOK_S
            self._drops.add(rules_of_node(self._pid, self._port, self._way))

    def end(self) -> None:
        """Heal."""
        self._drops.end()


class CallersCut:
    """A site that does not hear its callers."""

    def __init__(self, space: str, rule: Rule) -> None:
        """Cut."""
        self._drops = Drops(space)
        self._drops.add([rule])

    def look(self, now_s: float) -> None:
        """Nothing."""

    def end(self) -> None:
        """Heal."""
        self._drops.end()


class LinkCut:
    """A link between two sites through which nothing comes, in both directions or one."""

    def __init__(self, folder: Path, pair: tuple[str, str], way: str) -> None:
        """Cut. `folder` is that of the mesh's links. Raises HiveError if its relay is not there."""
        self._folder, self._pair = folder, pair
        cut = Fate(cut=True)
        wish(self._link(), PLAIN if way == "back" else cut, PLAIN if way == "there" else cut)

    def look(self, now_s: float) -> None:
        """Nothing."""

    def end(self) -> None:
        """Heal. What is wanted of a link is in a file, so a relay that is started again heals as well."""
        with contextlib.suppress(HiveError):
            wish(self._link(), PLAIN, PLAIN)

    def _link(self) -> Link:
        return link_between(links_in(self._folder), *self._pair)
