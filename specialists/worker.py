"""The node's process: one thread, one specialist. `python -m specialists.worker`, started by an agent.

The worker reads its spec and later endpoints from standard input, writes what happens to it to standard output
(lines of JSON, see `AgentPipe`), drains on SIGTERM, and dies with its agent. $HIVE_EFFECT_LOG names a file for one
line per attempt that ran (see `EffectLog`).
"""

from __future__ import annotations

import ctypes
import gc
import os
import random
import select
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from hive.clock import SystemClock
from hive.errors import HiveError
from hive.ids import new_incarnation
from hive.transport.zeromq import ZmqTransport
from specialists.core.admission import NodeLimits
from specialists.core.machine import NodeCore
from specialists.kinds.base import KindFactory
from specialists.limits import bound_memory
from specialists.load import KINDS, Specialist, find, load
from specialists.manifest import read_manifest
from specialists.signals import Signals
from specialists.worker_loop import Identity, Worker
from specialists.worker_pipe import AgentPipe, claim_standard_pipes, die_with_agent
from specialists.worker_run import EffectLog, Runner, offer_of
from specialists.worker_spec import WorkerSpec, parse_worker_spec

RunnerFactory = Callable[[Specialist, WorkerSpec, int], Runner]
"""Makes what runs the works of a specialist, from the worker's spec and its incarnation."""


def plain_runner(model: Specialist, spec: WorkerSpec, incarnation: int) -> Runner:
    """Return the runner of every worker that is not part of an experiment."""
    path = os.environ.get("HIVE_EFFECT_LOG")
    return Runner(model, EffectLog(Path(path), spec.node, incarnation) if path else None)


def main(kinds: Mapping[str, KindFactory] = KINDS, runner_of: RunnerFactory = plain_runner) -> int:
    """Serve as the spec on standard input says; return the exit status, from the error catalogue on failure.

    A harness that breaks things on purpose gives its own kinds of specialist, and a runner that writes more down.
    """
    pipe = claim_standard_pipes()
    try:
        worker = _build(pipe, _read_spec(pipe), kinds, runner_of)
        worker.serve(Signals(signal.SIGTERM, signal.SIGINT))
    except HiveError as error:
        return _failed(pipe, error)
    except MemoryError:
        return _failed(pipe, HiveError("worker_memory", "The worker itself ran out of memory."))
    return 0


def _failed(pipe: AgentPipe, error: HiveError) -> int:
    """Tell the agent why this process is about to end; return its exit status."""
    pipe.say("failed", code=error.code, detail=error.detail[:2000])
    return error.kind.exit_status


def _read_spec(pipe: AgentPipe) -> WorkerSpec:
    """Return the first line's spec, once this process is tied to its agent's life."""
    while True:
        select.select([pipe.read_fd], [], [])
        line = pipe.line()
        if line is not None:
            spec = parse_worker_spec(line)
            if not die_with_agent(spec.agent_pid):
                raise HiveError("start_failed", "The agent that started this worker is gone.")
            return spec
        if not pipe.open:
            raise HiveError(
                "bad_request", "The worker needs its spec on standard input. `hive node run` gives it."
            )


def _build(
    pipe: AgentPipe, spec: WorkerSpec, kinds: Mapping[str, KindFactory], runner_of: RunnerFactory
) -> Worker:
    """Load and warm up the specialist; raise HiveError if it is missing, wrong or not what its manifest pins."""
    pipe.say("starting", pid=os.getpid())
    incarnation = new_incarnation()
    # Before anything of the specialist runs; its agent says how much, or its manifest does.
    bound_memory(spec.memory_mb or read_manifest(find(spec.specialist)).memory_mb)
    model = load(spec.specialist, kinds)
    runner = runner_of(model, spec, incarnation)
    model.warm_up()
    offer = offer_of(model.manifest)
    limits = NodeLimits(run_bound_us=offer.run_bound_us, max_batch=model.manifest.batch_max)
    worker = Worker(
        Identity(spec, incarnation, offer),
        runner,
        NodeCore(offer.capability, limits),
        transport=ZmqTransport(),
        pipe=pipe,
        clock=SystemClock(),
        rng=random.Random(),
    )
    _settle_memory()
    about = {"capability": offer.capability, "version": offer.version, "digest": offer.digest}
    pipe.say("ready", incarnation=incarnation, specialist=offer.specialist, **about)
    return worker


def _settle_memory() -> None:
    """Take what start-up made out of the collector's sight: the hot path makes no cycles, and a pass costs time.

    glibc keeps what warming up freed until it is asked for it: about 2 MB.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


if __name__ == "__main__":
    sys.exit(main())
