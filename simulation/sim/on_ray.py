"""Seeds as tasks of a Ray cluster, when a sweep outgrows one machine. The only module of the simulator that knows Ray.

Ray: Moritz et al., "Ray: A Distributed Framework for Emerging AI Applications", OSDI 2018. The machines of the cluster
need the same version of Hive installed.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from hive.errors import HiveError
from simulation.sim.crew import Call
from simulation.sim.seeds import Ran, failed

_AHEAD: Final = 2
"""Tasks that are submitted for each core, so that none waits for the next seed."""
_KNOCK_S: Final = 10.0


def run_on_ray(address: str, call: Call, seeds: Iterable[int]) -> Iterator[Ran]:
    """Yield what `call` says of each seed, in the order in which they end.

    `address` is that of a cluster, or `local` for one on this machine alone. A worker that dies is a violation of its
    seed, as on one machine. Raises HiveError: extra_missing without Ray, unreachable if there is no cluster there.
    """
    ray = _ray()
    _knock(address)
    try:
        ray.init(address=address, logging_level="ERROR", log_to_driver=False)
    except (ConnectionError, OSError, ValueError, RuntimeError) as error:
        raise HiveError("unreachable", f"There is no Ray cluster at {address!r}: {error}.") from error
    try:
        yield from _stream(ray, call, seeds)
    finally:
        ray.shutdown()


def _ray() -> Any:  # noqa: ANN401 - Ray is optional and has no types here
    try:
        import ray  # noqa: PLC0415 - only who sweeps on a cluster needs it
    except ImportError as error:
        detail = "A sweep on a cluster needs Ray: pip install 'hive-mesh[cloud]'."
        raise HiveError("extra_missing", detail) from error
    return ray


def _knock(address: str) -> None:
    """Raise HiveError(unreachable) where nobody listens: Ray itself would try for minutes, and then end the process."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdigit():
        return  # `local` and `auto` are no addresses
    try:
        socket.create_connection((host, int(port)), _KNOCK_S).close()
    except OSError as error:
        raise HiveError("unreachable", f"Nobody listens at {address!r}: {error}.") from error


def _stream(ray: Any, call: Call, seeds: Iterable[int]) -> Iterator[Ran]:  # noqa: ANN401
    task = ray.remote(max_retries=0)(_one)
    errors = ray.exceptions
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    left = iter(seeds)
    shared = ray.put(call)
    waiting = {task.remote(shared, seed): seed for seed in islice(left, _AHEAD * cores)}
    while waiting:
        ended, _ = ray.wait(list(waiting), num_returns=1)
        for ref in ended:
            seed = waiting.pop(ref)
            for another in islice(left, 1):
                waiting[task.remote(shared, another)] = another
            try:
                yield ray.get(ref)
            except (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError) as error:
                yield failed(seed, "worker", f"The Ray worker of seed {seed} died: {error}")
            except errors.RayError as error:
                detail = (
                    "A Ray worker cannot run seeds; each machine of the cluster needs this version of Hive"
                )
                raise HiveError("unreachable", f"{detail}: {str(error).splitlines()[-1]}.") from error


def _one(call: Call, seed: int) -> Ran:
    return call(seed)
