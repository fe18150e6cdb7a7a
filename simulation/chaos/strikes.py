"""Performing a schedule of faults on the processes of a running mesh, and writing down what was done to whom."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Protocol, TextIO

import psutil

from hive.errors import HiveError
from hive.processes import ProcessRow
from simulation.chaos.active import Active, CallersCut, LinkCut, NodeCut, Slowed, Stopped, send
from simulation.chaos.faults import Strike, chosen
from simulation.chaos.packets import rule_of_callers
from simulation.chaos.stage import Place

_ROLES: Final = {
    "kill": "node", "stop": "node", "slow": "node", "agent-kill": "agent", "conductor-kill": "dispatcher",
    "conductor-stop": "dispatcher", "control-kill": "control", "gateway-kill": "gateway", "gateway-stop": "gateway",
}  # fmt: skip
_SPARED: Final = frozenset({"frozen", "gone"})


@dataclass(slots=True)
class Mark:
    """One fault that happened: to whom, and from when to when, in microseconds of the monotonic clock."""

    kind: str
    target: str
    site: str
    at_us: int
    end_us: int
    way: str = ""


class Processes(Protocol):
    """What a fault needs of a running mesh: its processes, by role and all together."""

    def rows(self, role: str) -> list[ProcessRow]:
        """Return the processes of one role that live."""
        ...

    def processes(self) -> list[psutil.Process]:
        """Return all that live."""
        ...


class Strikes:
    """Strikes as a schedule says, looks after what lasts, and heals in the end."""

    def __init__(
        self,
        mesh: Processes,
        state: Path,
        places: Mapping[str, Place],
        links: Sequence[tuple[str, str]],
        kill_caller: Callable[[float], str],
        diary: Path,
    ) -> None:
        """Prepare. `kill_caller` kills one caller by chance and returns its name; `diary` gets a line per fault."""
        self._mesh, self._state, self._places = mesh, state, places
        self._links = sorted(links)
        self._kill_caller = kill_caller
        self._diary: TextIO = diary.open("a", encoding="utf-8", buffering=1)
        self._active: list[tuple[float, Mark, Active]] = []
        self.marks: list[Mark] = []
        self.counts: Counter[str] = Counter()

    def strike(self, strike: Strike) -> bool:
        """Perform a fault; False if there is nobody now whom it could hit, so that it may be tried again."""
        try:
            return self._performed(strike)
        except (HiveError, psutil.Error):
            return False

    def look(self) -> None:
        """End what has lasted long enough, and look after the rest."""
        now_s = time.monotonic()
        for entry in list(self._active):
            until_s, mark, active = entry
            if now_s >= until_s:
                self._end(entry)
            else:
                active.look(now_s)
                mark.end_us = _us(now_s)

    def heal(self) -> None:
        """End everything; nobody stands still after this."""
        for entry in list(self._active):
            self._end(entry)
        for process in self._mesh.processes():
            send(process, signal.SIGCONT)
        self._diary.close()

    def _end(self, entry: tuple[float, Mark, Active]) -> None:
        self._active.remove(entry)
        _, mark, active = entry
        active.end()
        mark.end_us = _us(time.monotonic())
        self._write(mark)

    def _performed(self, strike: Strike) -> bool:
        match strike.kind:
            case "poison":
                return self._note(strike, "poisoned task", "")
            case "client-kill":
                name = self._kill_caller(strike.chance)
                return bool(name) and self._note(strike, name, "")
            case "link-cut":
                return self._cut_link(strike)
            case "partition":
                return self._part(strike)
        rows = self._rows(_ROLES[strike.kind])
        if not rows:
            return False
        row = rows[int(strike.chance * len(rows))]
        process = psutil.Process(row.pid)
        if strike.kind == "slow":
            return self._lasting(strike, row.name, row.site, Slowed(process))
        if strike.lasts_s:
            return self._lasting(strike, row.name, row.site, Stopped(process))
        noted = self._note(strike, row.name, row.site)
        send(process, signal.SIGKILL)
        return noted

    def _rows(self, role: str) -> list[ProcessRow]:
        """Return the processes of a role that can be struck, in whatever state they are, but not twice at a time."""
        rows = sorted(self._mesh.rows(role), key=lambda row: (row.site, row.name))
        return [row for row in rows if row.state not in _SPARED]

    def _cut_link(self, strike: Strike) -> bool:
        name = chosen([f"{a}--{b}" for a, b in self._links], strike.chance)
        site, _, other = name.partition("--")
        cut = LinkCut(self._state / "links", (site, other), strike.way)
        return self._lasting(strike, f"{site} - {other}", site, cut)

    def _part(self, strike: Strike) -> bool:
        """Cut a node, a link or the callers off, as chance says, of those that can be."""
        apart = {site: place for site, place in self._places.items() if place.space}
        nodes = [row for row in self._rows("node") if row.site in apart]
        names = [row.name for row in nodes] + [f"{a}--{b}" for a, b in self._links] + list(apart)
        if not names:
            return False
        number = int(strike.chance * len(names))
        if number < len(nodes):
            row = nodes[number]
            place = apart[row.site]
            port = int(place.wire.rpartition(":")[2])
            return self._lasting(strike, row.name, row.site, NodeCut(row.pid, port, place.space, strike.way))
        if number < len(nodes) + len(self._links):
            site, other = self._links[number - len(nodes)]
            cut = LinkCut(self._state / "links", (site, other), strike.way)
            return self._lasting(strike, f"{site} - {other}", site, cut)
        site = names[number]
        place = apart[site]
        return self._lasting(
            strike, f"callers of {site}", site, CallersCut(place.space, rule_of_callers(place.address))
        )

    def _lasting(self, strike: Strike, target: str, site: str, active: Active) -> bool:
        now_s = time.monotonic()
        mark = self._marked(strike, target, site)
        active.look(now_s)
        self._active.append((now_s + strike.lasts_s, mark, active))
        return True

    def _note(self, strike: Strike, target: str, site: str) -> bool:
        self._write(self._marked(strike, target, site))
        return True

    def _marked(self, strike: Strike, target: str, site: str) -> Mark:
        now_us = _us(time.monotonic())
        mark = Mark(strike.kind, target, site, now_us, now_us, strike.way if strike.lasts_s else "")
        self.marks.append(mark)
        self.counts[strike.kind] += 1
        return mark

    def _write(self, mark: Mark) -> None:
        self._diary.write(json.dumps(asdict(mark)) + "\n")


def _us(seconds: float) -> int:
    return int(seconds * 1e6)
