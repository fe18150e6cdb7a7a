"""What a worker's process may take of its device's memory and processor. Linux.

Memory is bounded as RLIMIT_DATA: what the process may write to. RLIMIT_AS would count address space that the runtime
reserves and never touches. Time is not bounded, because a worker lives for ever; it can be made to give way (`nice`),
and who wants more sets a cgroup's `cpu.max` or an affinity for the agent, which its workers inherit.
"""

from __future__ import annotations

import contextlib
import os
import resource

from hive.errors import HiveError

_MIB = 1 << 20


def bound_memory(memory_mb: int, pid: int = 0) -> None:
    """Bound what a process (this one: 0) may write to. A bound that is there already is never raised.

    Raises HiveError(worker_memory) if the process has more in use than that, so that it could not work.
    """
    wanted = memory_mb * _MIB
    _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))
    used = used_mb(pid)
    if used > most // _MIB:
        detail = f"`memory_mb` is {most // _MIB}, and the worker alone uses {used}. Raise it."
        raise HiveError("worker_memory", detail)


def used_mb(pid: int = 0) -> int:
    """Return what a process can write to now, in MiB; what `bound_memory` bounds."""
    with open(f"/proc/{pid or 'self'}/status", encoding="ascii") as file:  # noqa: PTH123 - no Path on this way
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["VmData"].split()[0]) // 1024


def give_way(nice: int, pid: int) -> None:
    """Let a process have the processor after others; a process that is gone needs nothing."""
    if nice:
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, pid, nice)
