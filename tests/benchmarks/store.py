"""What the store's choices cost: `python -m tests.benchmarks.store wipe|starve|restart`.

`wipe` writes tasks with bodies of two sizes under each form of `secure_delete`; `starve` has a caller that never waits,
with and without its pauses for the store's thread; `restart` kills the dispatcher of a mesh and times its next answer.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from conductor.core.actions import Committed
from conductor.store.sql.sqlite import SqliteDatabase
from conductor.store.sql.store import SqlStore
from hive.client import Client
from hive.errors import HiveError
from simulation.bench.dispatch import CONFIG
from simulation.mesh import LocalMesh, free_ports
from tests.fakes.records import body, finished, submitted

GROUPS, GROUP = 60, 50
ROUNDS = 5
BUSY_S = 3.0
KILLS = 6


class Impatient(SqlStore):
    """A store whose caller never pauses for it."""

    def _give_way(self, pauses: int) -> None:
        del pauses


def wipe() -> None:
    """Print tasks per second by size of body and form of `secure_delete`."""
    for size in (300, 20_000):
        rates: dict[str, list[float]] = {"ON": [], "FAST": [], "OFF": []}
        for number in range(ROUNDS):
            for mode in list(rates) if number % 2 else reversed(list(rates)):
                rates[mode].append(_written(size, mode))
        medians = {mode: round(statistics.median(found)) for mode, found in rates.items()}
        say(f"bodies of {size} bytes, tasks/s: {medians}")


def _written(size: int, mode: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        database = SqliteDatabase(Path(folder) / "store.db")
        store = SqlStore(database)
        store.open()
        database.rows(f"PRAGMA secure_delete={mode}")
        committer = store._committer
        assert committer is not None
        begin = time.perf_counter()
        for first in range(0, GROUPS * GROUP, GROUP):
            numbers = range(first, first + GROUP)
            committer.commit([(2 * n + 1, submitted(n, inputs=(body((bytes(size),)),))) for n in numbers])
            committer.commit([(2 * n + 2, finished(n)) for n in numbers])
        elapsed = time.perf_counter() - begin
        store.close()
    return GROUPS * GROUP / elapsed


def starve() -> None:
    """Print how long a commit takes while the caller is never idle."""
    for kind in (SqlStore, Impatient):
        with tempfile.TemporaryDirectory() as folder:
            store = kind(SqliteDatabase(Path(folder) / "store.db"))
            store.open()
            waits, groups = _saturated(store)
            store.close()
        name = "with pauses" if kind is SqlStore else "without"
        median = f"{statistics.median(waits) * 1e3:.1f}" if waits else "no"
        say(f"{name:>12}: {median} ms at the median, {groups / BUSY_S:.0f} groups/s")


def _saturated(store: SqlStore) -> tuple[list[float], int]:
    read, write = os.pipe()
    began: dict[int, float] = {}
    waits: list[float] = []
    groups, token = 0, 0
    end = time.perf_counter() + BUSY_S
    while time.perf_counter() < end:
        sum(range(4_000))  # what a message costs
        os.write(write, b"x")
        os.read(read, 1)
        token += 1
        began[token] = time.perf_counter()
        store.write(token, submitted(token))
        for event in store.events():
            groups += 1
            if isinstance(event, Committed):
                waits += [time.perf_counter() - began[token] for token in event.tokens]
    os.close(read)
    os.close(write)
    return waits, groups


def restart() -> None:
    """Print how long a mesh does not answer after its dispatcher was killed."""
    for url in ("sqlite:", "memory:"):
        with tempfile.TemporaryDirectory() as folder:
            wire, http = free_ports(2)
            config = Path(folder) / "bench.yaml"
            store = f'      store: {{url: "{url}"}}\n      http:'
            config.write_text(CONFIG.format(wire=wire, http=http).replace("      http:", store))
            with LocalMesh(config, Path(folder) / "h", environment={"HIVE_STORE_URL": ""}) as mesh:
                outages = [round(_outage_s(mesh, f"http://127.0.0.1:{http}"), 2) for _ in range(KILLS)]
                say(f"{url:>8} {outages} s")


def _outage_s(mesh: LocalMesh, url: str) -> float:
    os.kill(mesh.rows("dispatcher")[0].pid, signal.SIGKILL)
    begin = time.monotonic()
    while True:
        try:
            with Client(url) as client:
                client.run("mesh.echo", "x", deadline_ms=2_000)
        except HiveError:
            time.sleep(0.02)
            continue
        took = time.monotonic() - begin
        time.sleep(11)  # a start after a quick failure waits
        return took


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    {"wipe": wipe, "starve": starve, "restart": restart}[sys.argv[1]]()
