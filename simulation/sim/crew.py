"""The processes of this machine that run seeds. One that dies has a seed in hand, and that is never lost."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final

from simulation.sim.seeds import Ran, failed, tune_collector

Call = Callable[[int], Ran]
_STOP: Final = None
_SPAWN: Final = multiprocessing.get_context("spawn")
"""A fork would inherit the threads' locks of whoever calls, and half of its memory."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    seed: int = -1
    since_s: float = 0.0


def run_here(call: Call, seeds: Iterable[int], jobs: int, limit_s: float) -> Iterator[Ran]:
    """Yield what `call` says of each seed, in the order in which they end, with `jobs` processes of this machine.

    `call` is imported by its name in each process. A process that ends by itself, and one that needs more than
    `limit_s` for one seed, is a violation of its seed and is replaced.
    """
    left = iter(seeds)
    crew: list[_Worker] = []
    try:
        for seed in left:
            crew.append(_hired(call, seed))
            if len(crew) == jobs:
                break
        while crew:
            for worker in _ready(crew, limit_s):
                ran = _taken(worker, limit_s)
                if (seed_ := next(left, None)) is None:
                    _dismiss(worker)
                    crew.remove(worker)
                elif worker.process.is_alive():
                    _give(worker, seed_)
                else:
                    crew[crew.index(worker)] = _hired(call, seed_)
                yield ran
    finally:
        for worker in crew:
            worker.process.kill()
            worker.process.join()


def _hired(call: Call, seed: int) -> _Worker:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_work, args=(call, theirs), daemon=True)
    process.start()
    theirs.close()
    worker = _Worker(process, ours)
    _give(worker, seed)
    return worker


def _give(worker: _Worker, seed: int) -> None:
    worker.seed, worker.since_s = seed, time.monotonic()
    worker.pipe.send(seed)


def _dismiss(worker: _Worker) -> None:
    if worker.process.is_alive():
        worker.pipe.send(_STOP)
    worker.process.join()
    worker.pipe.close()


def _ready(crew: list[_Worker], limit_s: float) -> list[_Worker]:
    """Wait until at least one worker has something to say, has died or has taken too long; return these."""
    while True:
        now = time.monotonic()
        first = min(worker.since_s for worker in crew) + limit_s
        heard = wait([worker.pipe for worker in crew], max(0.0, first - now))
        ready = [worker for worker in crew if worker.pipe in heard]
        if ready:
            return ready
        late = [worker for worker in crew if time.monotonic() - worker.since_s >= limit_s]
        if late:
            return late


def _taken(worker: _Worker, limit_s: float) -> Ran:
    """Return what a worker has to say of its seed, or what its silence means."""
    try:
        if worker.pipe.poll():
            ran: Ran = worker.pipe.recv()
            return ran
    except EOFError:
        worker.process.join()
        how = _ended(worker.process.exitcode or 0)
        return failed(worker.seed, "worker", f"The process that ran seed {worker.seed} {how}.")
    worker.process.kill()
    worker.process.join()
    return failed(worker.seed, "worker", f"Seed {worker.seed} was not done after {limit_s:g} s.")


def _ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"


def _work(call: Call, pipe: Connection) -> None:
    """Run one seed after another, as they are given."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; who leads it decides
    tune_collector()
    while (seed := pipe.recv()) is not _STOP:
        pipe.send(call(seed))
        gc.collect()
