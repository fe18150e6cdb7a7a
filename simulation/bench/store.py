"""`hive bench store`: durable tasks on SQLite against the same on a store in memory, which survives nothing.

Two meshes of the same kind, real processes each, found on this machine, that differ in `store.url` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil

from simulation.bench.direct import DirectClient
from simulation.bench.dispatch import BODY, CONFIG, p50, rate
from simulation.bench.pairs import Goal, Result, compare, interleave
from simulation.mesh import LocalMesh, free_ports

DURABLE_RATE: Final = Goal(
    "S1",
    "durable tasks/s with 64 in flight, on SQLite against in memory",
    "1/s",
    0.4,
    0.7,
    more_is_better=True,
)
DURABLE_TRIP: Final = Goal(
    "S2", "durable task, round trip p50 with its two commits, likewise", "us", 10.0, 2.0
)
PLAIN_TRIP: Final = Goal("S3", "interactive task, round trip p50, likewise", "us", 1.15, 1.05)
_IN_FLIGHT: Final = 64
_URLS: Final = ("sqlite:", "memory:")


def measure(pairs: int, trips: int, progress: Callable[[], None] = lambda: None) -> list[Result]:
    """Measure S1, S2 and S3 in one run; `trips` is the number of round trips in each short run."""
    with ExitStack() as stack:
        sides = [_Side(stack, url) for url in _URLS]
        count = trips * 4
        durable = [
            rate(partial(side.durable.many, count, _IN_FLIGHT), count, side.processes) for side in sides
        ]
        trip = [p50(partial(side.durable.many, 1, 1), trips, side.processes) for side in sides]
        plain = [p50(partial(side.plain.many, 1, 1), trips, side.processes) for side in sides]
        results = []
        for goal, (ours, theirs) in ((PLAIN_TRIP, plain), (DURABLE_RATE, durable), (DURABLE_TRIP, trip)):
            ours(), theirs()  # the first run of each warms it up
            results.append(compare(goal, interleave(ours, theirs, pairs, progress)))
        return results


class _Side:
    """A mesh with one store, and two callers of it."""

    def __init__(self, stack: ExitStack, url: str) -> None:
        wire, http = free_ports(2)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="hive-bench-")))
        config = folder / "bench.yaml"
        text = CONFIG.format(wire=wire, http=http)
        config.write_text(
            text.replace("      http:", f'      store: {{url: "{url}"}}\n      http:'), encoding="utf-8"
        )
        mesh = stack.enter_context(LocalMesh(config, folder / "home", environment={"HIVE_STORE_URL": ""}))
        endpoint = f"tcp://127.0.0.1:{wire}"
        self.durable = DirectClient(endpoint, "mesh.echo", BODY.encode(), durable=True)
        self.plain = DirectClient(endpoint, "mesh.echo", BODY.encode())
        stack.callback(self.durable.close)
        stack.callback(self.plain.close)
        self.processes = [*mesh.processes(), psutil.Process()]
