"""What the demo counts: every task from the caller's side, and what the faults did to them. Pure, no I/O."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

_MOVED = ("node_lost", "node_silent", "suspected", "handed_back", "lease_expired")


_PATIENCE_S = 20.0
_ALONE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """What the demo is asked to do: a stream of `rate` tasks a second, and for how long one site is alone."""

    seconds: float
    rate: float
    seed: int
    alone_s: float | None = None

    @property
    def cut_s(self) -> float:
        """Return how long the link is cut."""
        return self.seconds * _ALONE_SHARE if self.alone_s is None else self.alone_s

    @property
    def deadline_ms(self) -> int:
        """Return how long a caller waits: tasks for the other side have to outlast the cut."""
        return int(1000 * (self.cut_s + _PATIENCE_S))


@dataclass(slots=True)
class Sent:
    """One task as its caller saw it; times are seconds of the caller's monotonic clock."""

    capability: str
    about: str
    sent_s: float
    done_s: float = 0.0
    state: str = ""
    answer: str = ""
    confidence: float = 0.0
    unsure: bool = False
    site: str = ""
    nodes: tuple[str, ...] = ()
    crossed: tuple[tuple[str, str], ...] = ()
    moves: tuple[tuple[str, str], ...] = ()
    error: str = ""

    @property
    def latency_ms(self) -> float:
        """Return how long the caller waited."""
        return (self.done_s - self.sent_s) * 1e3


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that was done to a node on purpose."""

    kind: str
    node: str
    pid: int
    at_s: float


@dataclass(slots=True)
class Cut:
    """A link that was cut on purpose, between a site and the one that it dials."""

    site: str
    other: str
    at_s: float
    waited: int = 0
    healed_s: float = 0.0
    drained_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Redacted:
    """What an operator said, and what of it left the site."""

    said: str
    left: str
    labels: tuple[str, ...]
    rule: str
    site: str
    other: str


@dataclass(slots=True)
class Story:
    """Everything that happened."""

    tasks: list[Sent] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    back_s: dict[str, float] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    cut: Cut | None = None
    redacted: Redacted | None = None

    def alone(self) -> list[Sent]:
        """Return the tasks that a site answered by itself while its link was cut."""
        cut = self.cut
        if cut is None:
            return []
        end_s = cut.healed_s or float("inf")
        mine = [task for task in self.finished() if task.site == cut.site and not task.crossed]
        return [task for task in mine if cut.at_s < task.sent_s and task.done_s < end_s]

    def finished(self) -> list[Sent]:
        """Return the tasks that have an answer."""
        return [task for task in self.tasks if task.state == "done"]

    def lost(self) -> list[Sent]:
        """Return the tasks that have no answer: failed, expired, refused, or never heard of again."""
        return [task for task in self.tasks if task.state != "done"]

    def moved(self) -> list[Sent]:
        """Return the tasks that were begun on one node and answered by another."""
        return [task for task in self.finished() if task.moves]

    def move_times_ms(self, fault: Fault) -> list[float]:
        """Return, for each task that this fault moved, the time from the fault (or its submission) to its answer."""
        times = []
        for task in self.moved():
            hit = any(node == fault.node for node, _ in task.moves)
            if hit and task.done_s > fault.at_s:
                times.append((task.done_s - max(fault.at_s, task.sent_s)) * 1e3)
        return times

    def as_json(self) -> dict[str, object]:
        """Return the summary: counts, latencies and how long each fault took to get over."""
        latencies = [task.latency_ms for task in self.finished() if not self._waited(task)]
        return {
            "sent": len(self.tasks),
            "finished": len(self.finished()),
            "moved": len(self.moved()),
            "lost": len(self.lost()),
            "unsure": sum(task.unsure for task in self.finished()),
            "p50_ms": percentile(latencies, 50),
            "p99_ms": percentile(latencies, 99),
            "faults": [
                {
                    "kind": fault.kind,
                    "node": fault.node,
                    "moved": len(self.move_times_ms(fault)),
                    "move_ms_p50": percentile(self.move_times_ms(fault), 50),
                    "move_ms_max": percentile(self.move_times_ms(fault), 100),
                    "back_s": round(self.back_s[fault.node] - fault.at_s, 2)
                    if fault.node in self.back_s
                    else None,
                }
                for fault in self.faults
            ],
            "link": self._link_json(),
            "redacted": dataclasses.asdict(self.redacted) if self.redacted else None,
        }

    def _waited(self, task: Sent) -> bool:
        """Say whether a task waited for the link that was cut, as it wished to."""
        cut = self.cut
        if cut is None or task.site != cut.site or not task.crossed:
            return False
        return task.done_s > cut.at_s and task.sent_s < (cut.drained_s or float("inf"))

    def _link_json(self) -> dict[str, object] | None:
        cut = self.cut
        if cut is None:
            return None
        return {
            "site": cut.site,
            "to": cut.other,
            "cut_s": round(cut.healed_s - cut.at_s, 2) if cut.healed_s else None,
            "answered_alone": len(self.alone()),
            "waited": cut.waited,
            "drained_s": round(cut.drained_s - cut.healed_s, 2) if cut.drained_s else None,
        }


def moves_of(attempts: Iterable[dict[str, object]]) -> tuple[tuple[str, str], ...]:
    """Return (node, why) of the attempts that were taken away from a node."""
    return tuple((str(a["node"]), str(a["ended"])) for a in attempts if a["ended"] in _MOVED)


def percentile(values: list[float], percent: int) -> float | None:
    """Return a percentile of `values` (nearest rank), rounded to 0.01; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    if percent == 50:  # noqa: PLR2004 - the median has its own definition
        return round(statistics.median(ordered), 2)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))], 2)
