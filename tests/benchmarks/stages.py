"""Where a task's time goes on the way: the stages of one round trip, and CPU time per process under load.

`python -m tests.benchmarks.stages` starts the mesh of `hive bench dispatch`. For the stages, every process notes when
its calls of receive and send begin and end, by a `sitecustomize` on its path: the product knows nothing of it. All
times are of one machine's monotonic clock.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final

import psutil

from hive.client import Client
from simulation.bench.direct import DirectClient
from simulation.bench.dispatch import BODY, CONFIG
from simulation.mesh import LocalMesh, free_ports

TRIPS: Final = 2_000
TASKS: Final = 20_000
IN_FLIGHT: Final = 64
TRACE: Final = "HIVE_TRACE_FOLDER"
HOOK: Final = f"""
import atexit, json, os, sys, time
folder = os.environ.get("{TRACE}")
if folder:
    import hive.transport.zeromq as zmq
    log, clock = [], time.perf_counter_ns
    def noted(cls, name):
        plain = getattr(cls, name)
        def call(self, *words):
            begin = clock()
            result = plain(self, *words)
            if result is not None and result is not False:
                log.append((name, begin, clock()))
            return result
        setattr(cls, name, call)
    for cls in (zmq.ZmqListener, zmq.ZmqConnection):
        noted(cls, "receive"), noted(cls, "send")
    def write():
        with open(os.path.join(folder, str(os.getpid())), "w") as file:
            json.dump([sys.orig_argv, log], file)
    atexit.register(write)
    leave = os._exit
    def leave_with_a_note(code):
        write()
        leave(code)
    os._exit = leave_with_a_note
"""
STAGES: Final = (
    "client: from the call to its send", "client: send", "to the dispatcher", "dispatcher: receive",
    "dispatcher: accept, plan, place", "dispatcher: send", "to the worker", "worker: receive",
    "worker: admit, run, answer", "worker: send", "to the dispatcher again", "dispatcher: receive again",
    "dispatcher: close, keep", "dispatcher: send again", "to the client", "client: receive",
    "client: to the result",
)  # fmt: skip
WAY: Final = [
    (who, what)
    for who in ("client", "dispatcher", "worker", "dispatcher", "client")
    for what in ("receive", "send")
][1:-1]


@contextmanager
def mesh() -> Iterator[tuple[LocalMesh, str]]:
    """Run the benchmark's mesh; yield it with its address."""
    with tempfile.TemporaryDirectory(prefix="hive-stages-") as folder:
        wire, http = free_ports(2)
        config = Path(folder) / "bench.yaml"
        config.write_text(CONFIG.format(wire=wire, http=http), encoding="utf-8")
        with LocalMesh(config, Path(folder) / "home") as running:
            yield running, f"tcp://127.0.0.1:{wire}"


def trace(folder: Path) -> None:
    """Write what every process notes of TRIPS round trips into `folder`; runs with the hook."""
    with mesh() as (_, address), Client(address) as client:
        calls = []
        for _ in range(TRIPS):
            begin = time.perf_counter_ns()
            client.run("mesh.echo", BODY)
            calls.append((begin, time.perf_counter_ns()))
    (folder / "calls").write_text(json.dumps(calls), encoding="utf-8")


def stages(folder: Path) -> tuple[dict[str, float], float]:
    """Return the median of each stage and of the whole, in microseconds, over trips in the usual order."""
    calls = json.loads((folder / "calls").read_text(encoding="utf-8"))[TRIPS // 4 :]
    events = []
    for path in folder.iterdir():
        if path.name == "calls":
            continue
        argv, log = json.loads(path.read_text(encoding="utf-8"))
        words = " ".join(argv)
        who = next((name for name in ("dispatcher", "worker") if name in words), "client")
        events += [(begin, end, (who, what)) for what, begin, end in log]
    events.sort()
    starts = [event[0] for event in events]
    times = defaultdict(list)
    for begin, end in calls:
        inside = events[bisect_left(starts, begin) : bisect_left(starts, end)]
        if [event[2] for event in inside] != WAY:
            continue  # a beat or a batch of journal went the same way at the same time
        points = [begin, *(point for event in inside for point in event[:2]), end]
        for stage, (one, other) in zip(STAGES, pairwise(points), strict=True):
            times[stage].append(other - one)
    whole = statistics.median(end - begin for begin, end in calls) / 1000
    return {stage: statistics.median(found) / 1000 for stage, found in times.items()}, whole


def load() -> tuple[float, list[tuple[str, float, float]]]:
    """Return tasks per second with IN_FLIGHT under way, and (process, user, system) microseconds per task."""
    with mesh() as (running, address):
        client = DirectClient(address, "mesh.echo", BODY.encode())
        client.many(TASKS // 10, IN_FLIGHT)
        processes = [*running.processes(), psutil.Process()]
        before = [process.cpu_times() for process in processes]
        begin = time.perf_counter()
        client.many(TASKS, IN_FLIGHT)
        rate = TASKS / (time.perf_counter() - begin)
        rows = []
        for process, old in zip(processes, before, strict=True):
            new = process.cpu_times()
            words = " ".join(process.cmdline())
            names = ("dispatcher", "worker", "control", "agent")
            name = next((name for name in names if f".{name}" in words), "client")
            user, system = new.user - old.user, new.system - old.system
            rows.append((name, user / TASKS * 1e6, system / TASKS * 1e6))
        client.close()
        return rate, rows


def main() -> None:
    """Print both tables."""
    if TRACE in os.environ:
        trace(Path(os.environ[TRACE]))
        return
    out = sys.stdout.write
    with tempfile.TemporaryDirectory(prefix="hive-trace-") as hook, tempfile.TemporaryDirectory() as folder:
        (Path(hook) / "sitecustomize.py").write_text(HOOK, encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": hook, TRACE: folder}
        psutil.Popen([sys.executable, "-m", "tests.benchmarks.stages"], env=environment).wait()
        found, whole = stages(Path(folder))
    out(f"One task at a time: {whole:.0f} us with the notes taken\n")
    for stage in STAGES:
        out(f"  {stage:36} {found[stage]:6.1f} us\n")
    rate, rows = load()
    out(f"{IN_FLIGHT} in flight: {rate:.0f} tasks/s, CPU per task\n")
    for name, user, system in rows:
        out(f"  {name:36} {user:6.1f} us user {system:6.1f} us system\n")


if __name__ == "__main__":
    main()
