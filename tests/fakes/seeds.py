"""Seeds that end in a known way, at the top of a module so that another process can import them."""

from __future__ import annotations

import os
import signal
import threading

from simulation.sim.run import Violation
from simulation.sim.seeds import Ran

KILLED, EXITED, STUCK, BROKEN = 3, 4, 5, 6


def ends(seed: int) -> Ran:
    """Run a seed that is killed, exits, hangs, breaks an invariant or is fine, by its number."""
    if seed == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == EXITED:
        os._exit(7)
    if seed == STUCK:
        threading.Event().wait()
    broken = (Violation("promise", 5, f"Seed {seed} broke it."),) if seed == BROKEN else ()
    return Ran(seed, 100, 1_000, 0.5, broken, "what happened" if broken else "", {"tasks": 2})
