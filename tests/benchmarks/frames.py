# ruff: noqa: T201 - it prints what it measured
"""Does it pay to send the kind in the header's frame? `python tests/benchmarks/frames.py [PAIRS]`

Two echoes side by side against one process: messages of three frames (kind and header together, map, body) and of
four (kind on its own). Interleaved ABBA; printed are the median of the paired ratios with a bootstrap interval, and the
CPU time that both processes spent per round trip. Then the cost of each piece of a hot message.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe

from hive.transport.zeromq import ZmqConnection, ZmqTransport
from hive.wire import messages as m
from hive.wire.codec import decode, encode

ROUNDS = 400
BATCH = 400
_HEADER = m.Header(priority=5, capability=1, epoch=3, attempt=9, remaining_us=10**6, sent_us=10**9, labels=2)
TOGETHER = encode(m.Work(_HEADER, body=(b"turn on the light",)))
APART = [TOGETHER[0][:1], TOGETHER[0][1:], *TOGETHER[1:]]


def serve(pipe: Pipe) -> None:
    """Echo until the parent asks for our CPU time for the last time."""
    transport = ZmqTransport()
    listener = transport.listen("tcp://127.0.0.1:*")
    pipe.send(listener.endpoint)
    poller = transport.poller()
    poller.add(listener)
    poller.add_fd(pipe.fileno())
    while True:
        poller.wait(-1)
        while message := listener.receive():
            listener.send(*message)
        if pipe.poll():
            if pipe.recv() == "end":
                return
            pipe.send(time.process_time())


def round_trips(connection: ZmqConnection, poller: object, frames: list[bytes]) -> float:
    """Return the median round trip of one run in microseconds."""
    wait: Callable[[int], bool] = poller.wait  # type: ignore[attr-defined]
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        connection.send(frames)
        while connection.receive() is None:
            wait(1_000_000)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


def compare(pairs: int) -> None:
    """Print the round trips of both layouts."""
    mine, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    child.start()
    transport = ZmqTransport()
    connection = transport.connect(mine.recv())
    poller = transport.poller()
    poller.add(connection)

    def cpu_s() -> float:
        mine.send("cpu")
        return float(mine.recv()) + time.process_time()

    round_trips(connection, poller, TOGETHER)
    trips: dict[str, list[float]] = {"together": [], "apart": []}
    cpu: dict[str, list[float]] = {"together": [], "apart": []}
    for _ in range(pairs):
        for name in ("together", "apart", "apart", "together"):
            before = cpu_s()
            trips[name].append(round_trips(connection, poller, TOGETHER if name == "together" else APART))
            cpu[name].append((cpu_s() - before) / ROUNDS * 1e6)
    mine.send("end")
    child.join()
    transport.close()
    for what, values in (("round trip", trips), ("CPU", cpu)):
        ratios = [a / b for a, b in zip(values["apart"], values["together"], strict=True)]
        low, high = interval(ratios)
        print(
            f"{what}: together {statistics.median(values['together']):.1f} us, "
            f"apart {statistics.median(values['apart']):.1f} us, "
            f"ratio {statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})"
        )


def interval(ratios: list[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the median."""
    rng = random.Random(1)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(2000))
    return medians[50], medians[-50]


def pieces() -> None:
    """Print what one hot message costs, in microseconds per call."""
    answer = m.Answer(_HEADER, 0.75, queued_us=12, run_us=480, body=(b"x" * 60,))
    for message in (m.Submit(_HEADER, body=(b"x" * 60,)), m.Work(_HEADER, body=(b"x" * 60,)), answer):
        frames = encode(message)
        costs = [per_call(lambda msg=message: encode(msg)), per_call(lambda fr=frames: decode(fr))]
        print(f"{type(message).__name__}: encode {costs[0]:.2f}, decode {costs[1]:.2f}")
    transport = ZmqTransport()
    listener = transport.listen("tcp://127.0.0.1:*")
    connection = transport.connect(listener.endpoint)
    connection.send(TOGETHER)
    time.sleep(0.1)
    session = (listener.receive() or (0, []))[0]
    costs_of: dict[str, list[float]] = {
        "send": [],
        "receive": [],
        "send to session": [],
        "receive answer": [],
    }
    for _ in range(20):
        costs_of["send"].append(batch(lambda: connection.send(TOGETHER)))
        costs_of["receive"].append(batch(listener.receive))
        costs_of["send to session"].append(batch(lambda: listener.send(session, TOGETHER)))
        costs_of["receive answer"].append(batch(connection.receive))
    for name, costs in costs_of.items():
        print(f"{name}: {statistics.median(costs):.2f}")
    transport.close()


def per_call(call: Callable[[], object]) -> float:
    """Return the least cost of a call over several runs, in microseconds."""
    best = float("inf")
    for _ in range(9):
        started = time.perf_counter()
        for _ in range(3000):
            call()
        best = min(best, (time.perf_counter() - started) / 3000)
    return best * 1e6


def batch(call: Callable[[], object]) -> float:
    """Return the mean cost of BATCH calls, in microseconds; then let the other end catch up."""
    started = time.perf_counter()
    for _ in range(BATCH):
        assert call()
    cost = (time.perf_counter() - started) / BATCH * 1e6
    time.sleep(0.05)
    return cost


if __name__ == "__main__":
    print(f"{os.cpu_count()} cores")
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else 24)
    pieces()
